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
    try heartwood(ranks: 1, ["--reference", reference])
    let (form, trials) = try fastestForm()

    var (runs, peers): ([BenchFigures], [PyTorchPeer.Figures]) = ([], [])
    let rounds = bench.rounds ?? 5
    for round in 1...rounds {
      // Who is first changes, as the machine may.
      if round % 2 == 1 { runs.append(try measureHeartwood()) }
      peers.append(try measurePyTorch(form, seconds: 3))
      if round % 2 == 0 { runs.append(try measureHeartwood()) }
      let (ours, theirs) = (runs[round - 1].examplesPerSecond, peers[round - 1].examplesPerSecond)
      say(
        "round \(round) of \(rounds): Heartwood \(decimals(ours, 0)) examples/s, PyTorch \(decimals(theirs, 0))"
      )
    }
    var figures = runs.sorted { $0.examplesPerSecond < $1.examplesPerSecond }[runs.count / 2]
    figures.comparison = Comparison(
      implementation: peers[0].implementation, form: name(form), trials: trials,
      largestLossDifference: peers.map(\.largestLossDifference).max()!,
      rounds: zip(runs, peers).map { .init(heartwood: .init($0), pytorch: .init($1)) })
    return figures
  }

  /// Tries PyTorch's forms where there are several.
  private func fastestForm() throws -> (PyTorchPeer.Form, [Comparison.Trial]) {
    let forms = bench.peer.map { [$0] } ?? peer.forms(tasks: bench.tasks, ranks: ranks)
    guard forms.count > 1 else { return (forms[0], []) }
    let rates = try forms.map { form in
      let figures = try measurePyTorch(form, seconds: 1)
      say(
        "trial: \(figures.implementation), \(name(form)): \(decimals(figures.examplesPerSecond, 0)) examples/s"
      )
      return figures.examplesPerSecond
    }
    let best = rates.indices.max { rates[$0] < rates[$1] }!
    return (
      forms[best], zip(forms, rates).map { .init(form: $0.rawValue, examplesPerSecond: $1) }
    )
  }

  private func name(_ form: PyTorchPeer.Form) -> String { ranks > 1 ? form.rawValue : "one process" }

  private var reference: String { "\(folder)/reference.safetensors" }

  /// Floats in another order part by 1e-6 in a few steps; another gate, bias or gradient by far more.
  private static let tolerance = 1e-4

  /// Throws unless PyTorch's losses are Heartwood's, from the same weights and examples.
  private func measurePyTorch(_ form: PyTorchPeer.Form, seconds: Double) throws -> PyTorchPeer.Figures {
    say("starting PyTorch, \(name(form)) ...")
    let figures = try peer.run(
      bench, ranks: ranks, form: form, seconds: seconds, reference: reference, folder: folder)
    guard figures.largestLossDifference < Self.tolerance else {
      throw Failure(
        .internal,
        "PyTorch's losses (\(name(form))) are up to \(figures.largestLossDifference) away from Heartwood's: not the same network"
      )
    }
    return figures
  }

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
