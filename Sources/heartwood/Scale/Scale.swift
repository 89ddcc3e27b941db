import ArgumentParser
import Cohort
import Foundation
import Scaling
import SharedTrunk

struct Scale: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how training scales over ranks and patients, and predict far larger jobs.",
    discussion: """
      Times training steps of `bench`'s network on random data, over 1, 2, ... of the job's ranks (the others sleep) and from a patient a
      rank to a thousand in all, and bare sums of a range of sizes; fits a model of computing, latency, bandwidth and straggling; checks it
      on points left out; predicts 64 to 100,000 patients on networks given as latency and bandwidth. Where there are several hosts, some
      of the ranks lie on as many as there are, evenly, in the order of hosts; bare sums also on as few as can be. With --accuracy it also
      trains on 2, 3, ... source patients of real records and judges patients never seen. Writes scale.json, scale.csv and report.html.

      Example:
        Launch/heartwood -n 2 scale --output runs/scale
      """)

  @Option(
    help: ArgumentHelp(
      "How many of the job's ranks to measure on, comma-separated (default: of 1, 2, 3, 4, 6, 8, 12, ... those that spread evenly over the hosts, and all).",
      valueName: "list"))
  var ranks: NumberList?
  @Option(
    help: ArgumentHelp(
      "Patients over all ranks, comma-separated; each number on every number of ranks (default: 1, 2, 3, 4, 6 and 20 a rank, 12 and 60 in all, and on the fewest and the most ranks 200 and 1000).",
      valueName: "list"))
  var patients: NumberList?
  @Option(help: "Type of the branches.")
  var branch: BranchShape.Kind = .cnn
  @Option(help: "Examples a patient and step.")
  var batch = 32
  @Option(help: "The most steps to time of a point and repetition.")
  var steps = 200
  @Option(help: "Seconds to time a point for, in each repetition (five steps at least).")
  var seconds = 0.15
  @Option(
    help: "How often each point is measured, all in turn; the quickest counts. Costly points have fewer.")
  var repetitions = 8
  @Option(
    help: ArgumentHelp(
      "A network to predict for, latency in microseconds and bandwidth in Gbit/s; may be given again (default: two Ethernets and an InfiniBand; the measured one is always there).",
      valueName: "name=latency,gbit"))
  var network: [NetworkOption] = []

  @Flag(
    help: "Also the accuracy on patients never seen against the number of source patients, on real records.")
  var accuracy = false
  @Option(
    help: ArgumentHelp(
      "Folder of a WFDB database for --accuracy (default: the environment's HEARTWOOD_DATA).",
      valueName: "dir"), completion: .directory)
  var data: String?
  @Option(
    help: ArgumentHelp(
      "Numbers of source patients for --accuracy (default: 2,3,5,8,13,21, as far as there are records).",
      valueName: "list"))
  var sources: NumberList?
  @Option(
    help: "Of --accuracy: seeds 1 to this, each with a random choice of sources of its own (default: 3).")
  var seeds: Int?

  @Option(help: ArgumentHelp("Also write scale.json here.", valueName: "file"), completion: .file())
  var json: String?
  @Option(help: ArgumentHelp("Folder to write to.", valueName: "dir"), completion: .directory)
  var output: String

  func validate() throws {
    for (name, value, most) in [
      ("batch", batch, 1_000_000), ("steps", steps, 1_000_000), ("repetitions", repetitions, 1000),
      ("seeds", seeds ?? 1, 1000),
    ] where value < 1 || value > most {
      throw ValidationError("--\(name) \(value): from 1 to \(most)")
    }
    guard seconds > 0 && seconds <= 3600 else {
      throw ValidationError("--seconds \(seconds): above 0, at most 3600")
    }
    if let ranks, let patients, patients.numbers.max()! < ranks.numbers.min()! {
      throw ValidationError("--patients: fewer patients than --ranks everywhere; a rank has one at least")
    }
    let names = networks.map(\.name)
    if Set(names).count < names.count || names.contains(NetworkKind.measuredName) {
      throw ValidationError("--network: a name is given twice, or is the measured network's")
    }
    guard accuracy || (data == nil && sources == nil && seeds == nil) else {
      throw ValidationError("--data, --sources and --seeds go with --accuracy")
    }
  }

  func run() throws {
    Session.run { session in try ScaleRun(self, session).run() }
  }

  /// Of those to predict for that are not measured.
  var networks: [NetworkKind] { network.isEmpty ? NetworkKind.usual : network.map(\.kind) }

  var benchNetwork: BenchNetwork { BenchNetwork(branch: branch, batch: batch) }
}

extension NetworkKind {
  static let measuredName = "measured"
  /// What the names promise, in practice.
  static let usual = [
    NetworkKind("Ethernet 10 Gbit", microseconds: 30, gigabits: 10),
    NetworkKind("Ethernet 25 Gbit", microseconds: 15, gigabits: 25),
    NetworkKind("InfiniBand 200 Gbit", microseconds: 2, gigabits: 200),
  ]
}

/// Comma-separated whole numbers from 1 on, each once, in order.
struct NumberList: ExpressibleByArgument {
  let numbers: [Int]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    numbers = parts.compactMap { Int($0) }.sorted()
    guard !numbers.isEmpty, numbers.count == parts.count, Set(numbers).count == numbers.count,
      numbers[0] >= 1, numbers[numbers.count - 1] <= 1_000_000
    else { return nil }
  }
}

/// NAME=LATENCY,GBIT.
struct NetworkOption: ExpressibleByArgument {
  let kind: NetworkKind

  init?(argument: String) {
    guard let sign = argument.lastIndex(of: "="), sign > argument.startIndex else { return nil }
    let figures = argument[argument.index(after: sign)...].split(
      separator: ",", omittingEmptySubsequences: false
    )
    .map { Double($0) ?? .nan }
    guard figures.count == 2, figures[0] >= 0, figures[0].isFinite, figures[1] > 0, figures[1].isFinite else {
      return nil
    }
    kind = NetworkKind(String(argument[..<sign]), microseconds: figures[0], gigabits: figures[1])
  }
}
