import Foundation

/// `bench --compare`: starts Heartwood and PyTorch in turn, each as a job of its own, so that neither is there while the other runs.
///
/// It is no MPI program itself. Under mpirun the first rank does it and the others end at once: ranks that waited in MPI would
/// spin on the cores that are to be measured.
struct ComparisonRun {
  let bench: Bench
  let ranks: Int
  private let launcher: String
  private let peer: PyTorchPeer
  private let folder: String

  init(_ bench: Bench) throws {
    self.bench = bench
    ranks = Launcher.ranks
    guard let home = ProcessInfo.processInfo.environment["HEARTWOOD_HOME"] else {
      throw Failure(
        .usage, "--compare starts both sides itself: use `Launch/heartwood -n \(ranks) bench --compare`")
    }
    guard Launcher.isOneMachine else {
      throw Failure(.usage, "--compare is for the ranks of one machine: leave out --hostfile")
    }
    launcher = "\(home)/Launch/heartwood"
    peer = try PyTorchPeer(python: bench.python, home: home)
    folder = NSTemporaryDirectory() + "heartwood-compare-\(UUID().uuidString)"
  }

  /// Figures of Heartwood's median run, with the comparison in them.
  func run() throws -> BenchFigures {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let reference = "\(folder)/reference.safetensors"
    try heartwood(ranks: 1, ["--reference", reference])
    let (form, trials) = try fastestForm(reference)

    var (runs, rounds): ([BenchFigures], [Comparison.Round]) = ([], [])
    var implementation = ""
    for round in 1...bench.rounds {
      // Who is first changes, as the machine may.
      let first = round % 2 == 1 ? try measureHeartwood() : nil
      let theirs = try peer.run(
        bench, ranks: ranks, form: form, seconds: 3, reference: nil, folder: folder)
      let ours = try first ?? measureHeartwood()
      implementation = theirs.implementation
      runs.append(ours)
      rounds.append(.init(heartwood: .init(ours), pytorch: .init(theirs)))
      say(
        "round \(round) of \(bench.rounds): Heartwood \(decimals(ours.examplesPerSecond, 0)) examples/s, PyTorch \(decimals(theirs.examplesPerSecond, 0))"
      )
    }
    runs.sort { $0.examplesPerSecond < $1.examplesPerSecond }
    var figures = runs[runs.count / 2]
    figures.comparison = Comparison(
      implementation: implementation, form: ranks > 1 ? form.rawValue : "one process", trials: trials,
      rounds: rounds)
    return figures
  }

  /// Tries PyTorch's forms, each from Heartwood's weights and on its examples first.
  private func fastestForm(_ reference: String) throws -> (PyTorchPeer.Form, [Comparison.Trial]) {
    let forms = bench.peer.map { [$0] } ?? peer.forms(tasks: bench.tasks, ranks: ranks)
    var trials: [Comparison.Trial] = []
    for form in forms {
      say("starting PyTorch, \(ranks > 1 ? form.rawValue : "one process") ...")
      let figures = try peer.run(
        bench, ranks: ranks, form: form, seconds: 1, reference: reference, folder: folder)
      let difference = figures.largestLossDifference ?? .infinity
      guard difference < Self.tolerance else {
        throw Failure(
          .internal,
          "PyTorch's losses (\(form.rawValue)) are up to \(difference) away from Heartwood's: not the same network"
        )
      }
      say(
        "\(figures.implementation): \(decimals(figures.examplesPerSecond, 0)) examples/s; losses of \(ReferenceSteps.count) steps within \(String(format: "%.0e", difference)) of Heartwood's"
      )
      trials.append(
        .init(
          form: form.rawValue, examplesPerSecond: figures.examplesPerSecond,
          largestLossDifference: difference))
    }
    let best = trials.indices.max { trials[$0].examplesPerSecond < trials[$1].examplesPerSecond }!
    return (forms[best], trials)
  }

  /// Floats in another order part by 1e-6 in a few steps; another gate, bias or gradient by far more.
  private static let tolerance = 1e-4

  private func measureHeartwood() throws -> BenchFigures {
    let file = "\(folder)/heartwood.json"
    try heartwood(ranks: ranks, ["--warmup", "\(bench.warmup)", "--steps", "\(bench.steps)", "--json", file])
    return try JSONDecoder().decode(BenchFigures.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
  }

  private func heartwood(ranks: Int, _ options: [String]) throws {
    let arguments =
      [
        "-n", "\(ranks)", "bench", "--branch", bench.branch.rawValue, "--tasks", "\(bench.tasks)", "--batch",
        "\(bench.batch)", "--exchange", bench.exchange.rawValue, "--sum", bench.sum.rawValue,
      ] + options
    var environment = Launcher.environmentOutsideMPI
    environment["HEARTWOOD_BINARY"] = try FileManager.default.destinationOfSymbolicLink(
      atPath: "/proc/self/exe")
    let outcome = try ChildProcess.run(launcher, arguments, environment: environment)
    guard outcome.code == 0 else {
      let words = outcome.text.split(separator: "\n").last.map { String($0.trimmingPrefix("heartwood: ")) }
      throw Failure(
        ExitStatus(rawValue: outcome.code) ?? .internal,
        words ?? "Heartwood's side ended with code \(outcome.code)")
    }
  }
}
