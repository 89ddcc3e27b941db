import ArgumentParser
import Cohort
import Files
import Foundation
import Layers
import MPI
import Scaling
import SharedTrunk

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure training throughput on random data, beside PyTorch's if asked.",
    discussion: """
      One step: B examples of each task through the network below, forward, exchange, backward, Adam (1e-3). No dropout, no clipping.
        cnn: windows of 256; conv1d 1 -> 32, kernel 7, "same"; ReLU; max-pool 2; trunk n x 4096 -> 128 -> 64; heads 64 -> 2
        rnn, lstm: 128 frames of 2; hidden 64, last state; trunk n x 64 -> 128 -> 64; heads 64 -> 2

      --compare runs the same network in PyTorch (Cluster/peer/pytorch_peer.py), on as many processes, in alternation with this one: it \
      checks that both have the same losses, finds PyTorch's fastest form, and prints medians and ratios.

      Example:
        Launch/heartwood -n 2 bench --branch cnn --tasks 2 --batch 32 --compare --json bench.json
      """)

  @Option(help: "Type of the branches.")
  var branch: BranchShape.Kind = .cnn
  @Option(help: "Tasks, spread over the ranks.")
  var tasks = 2
  @Option(help: "Examples a task and step.")
  var batch = 32
  @Option(help: "Steps to time, after the warm-up.")
  var steps = 400
  @Option(help: "Steps before timing starts.")
  var warmup = 10
  @Option(help: "reduce or gather.")
  var exchange: ExchangeKind = .reduce
  @Option(help: "exact or float sums.")
  var sum: SumKind = .exact
  @Option(help: ArgumentHelp("Also write the figures here.", valueName: "file"), completion: .file())
  var json: String?
  @Option(
    help: ArgumentHelp(
      "Also measure what a checkpoint costs, by writing some into this folder, which must not exist yet and is removed again.",
      valueName: "dir"), completion: .directory)
  var checkpoints: String?
  @Flag(help: "Compare with PyTorch on this machine.")
  var compare = false
  @Option(
    help:
      "With --compare: how often each side is run (default: 5). With --checkpoints: how many are taken (default: 20, one a second)."
  )
  var rounds: Int?
  @Option(
    help: ArgumentHelp(
      "With --compare: a Python that has torch and numpy (mpi4py too, for PyTorch over Open MPI). Default: HEARTWOOD_PYTHON, or python3.",
      valueName: "program"), completion: .file())
  var python: String?
  @Option(
    help: ArgumentHelp(
      "With --compare: PyTorch's form, in place of the fastest: gloo-sharded, gloo-replicated, mpi-sharded or mpi-replicated.",
      valueName: "form"))
  var peer: PyTorchPeer.Form?
  @Option(
    help: ArgumentHelp(
      "Write weights, examples and losses of a few steps here, for the peer to take the same, and end.",
      valueName: "file", visibility: .hidden))
  var reference: String?

  func validate() throws {
    for (name, value) in [("tasks", tasks), ("batch", batch), ("steps", steps), ("rounds", rounds ?? 1)]
    where value < 1 || value > 1_000_000 {
      throw ValidationError("--\(name) \(value): from 1 to 1000000")
    }
    guard warmup >= 0 && warmup <= 1_000_000 else {
      throw ValidationError("--warmup \(warmup): from 0 to 1000000")
    }
    if compare && checkpoints != nil { throw ValidationError("--checkpoints does not go with --compare") }
    if !compare {
      if python != nil { throw ValidationError("--python goes with --compare") }
      if peer != nil { throw ValidationError("--peer goes with --compare") }
      if rounds != nil && checkpoints == nil {
        throw ValidationError("--rounds goes with --compare or --checkpoints")
      }
    }
  }

  func run() throws {
    if compare { return try runComparison() }
    Session.run { session in
      if let failure = checkRanks(session.ranks) { try session.end(failure.status, failure.message) }
      try session.requireMemory(network.bytes(tasks: (tasks - 1) / session.ranks + 1))
      try session.together { try AtomicFile.requireFolder(of: reference ?? json) }
      try session.together { if session.leads { try makeCheckpointFolder() } }
      defer { if let checkpoints, session.leads { try? FileManager.default.removeItem(atPath: checkpoints) } }
      if let reference {
        try session.together {
          try ReferenceSteps.write(network, tasks: tasks, session.communicator, to: reference)
        }
      } else {
        let figures = try measure(session)
        try session.together {
          guard session.leads else { return }
          say(figures.text)
          try write(figures)
        }
      }
    }
  }

  private func runComparison() throws {
    guard Launcher.isFirstRank else { return }
    if let failure = checkRanks(Launcher.ranks) { throw failure }
    try AtomicFile.requireFolder(of: json)
    let figures: BenchFigures
    do {
      figures = try ComparisonRun(self).run()
    } catch let end as ChildProcess.Interrupted {
      Foundation.exit(128 + end.signal)
    }
    say("\n\(figures.text)\n\n\(figures.comparison!.text)")
    try write(figures)
  }

  private var network: BenchNetwork {
    BenchNetwork(branch: branch, batch: batch, exchange: exchange, sum: sum)
  }

  private func checkRanks(_ ranks: Int) -> Failure? {
    guard ranks > tasks else { return nil }
    return Failure(.usage, "\(ranks) ranks for --tasks \(tasks): use -n \(tasks) or fewer, or more tasks")
  }

  private func write(_ figures: BenchFigures) throws {
    if let json { try AtomicFile.write(try JSONEncoder.readable.encode(figures), to: json) }
  }

  private func measure(_ session: Session) throws -> BenchFigures {
    let communicator = session.communicator
    let network = try network.make(
      tasks: tasks, communicator, timedSteps: max(steps, CheckpointTiming.leastSteps))
    _ = try network.step(0, learningRate: 1e-3)
    let firstStep = (own: ProcessClock.sinceStart, launcher: ProcessClock.sinceLaunch)
    for step in 0..<warmup { _ = try network.step(step + 1, learningRate: 1e-3) }
    let peakBefore = PeakRate.gflops()
    let times = try StepTimes(network, after: warmup + 1, steps: steps, communicator)
    // Before what follows takes memory of its own.
    let memory = try communicator.allgather(ProcessClock.peakMemoryMB, kind: Message.metrics)
    let peakAfter = PeakRate.gflops()
    let bare = try bareAllreduce(communicator)
    let owned = self.network.bytes(tasks: (tasks - 1) / session.ranks + 1)
    let swept = try bareAllreduce(communicator, swept: Int(min(owned, 64e6) / 4))
    let sharing = Int(
      try communicator.allreduce(Int64(network.ranksSharingMemory), .max, kind: Message.metrics))
    let saving = try timeCheckpoints(network, times, communicator)
    let machine = try communicator.allgatherv(
      [peakBefore, peakAfter, PeakRate.copyGigabytes(), try coresOfRank(communicator)], kind: Message.metrics
    ).map { BenchFigures.Machine(peakBefore: $0[0], peakAfter: $0[1], copyGBPerSecond: $0[2], cores: $0[3]) }

    let examples = Double(tasks * batch)
    let spread = BenchFigures.Spread(seconds: times.seconds)
    let gflops = self.network.operations(tasks: tasks) / spread.median / 1e6
    let peak = machine.reduce(0) { $0 + $1.peak * $1.cores }
    let copying = machine.reduce(0) { $0 + $1.copyGBPerSecond * $1.cores }
    return BenchFigures(
      branch: branch.rawValue, tasks: tasks, batch: batch, ranks: session.ranks, steps: steps,
      exchange: exchange.rawValue, sum: sum.rawValue, cpuLevel: "\(CPULevel.current)",
      examplesPerSecond: examples / spread.median * 1e3,
      cpuExamplesPerSecond: examples * Double(steps) / times.processorSeconds,
      stepMilliseconds: spread, gflops: gflops, peakGflops: Statistics.mean(machine.map(\.peak)),
      percentOfPeak: 100 * gflops / peak, copyGBPerSecond: copying,
      floorMilliseconds: .init(
        arithmetic: self.network.operations(tasks: tasks) / peak / 1e6,
        weights: Double(24 * network.parameterCount) / copying / 1e6),
      secondsToFirstStep: firstStep.own, secondsFromLaunchToFirstStep: firstStep.launcher,
      peakMemoryMB: memory, bytesPerStepPerRank: times.traffic.total.bytes / steps,
      collectivesPerStep: network.collectivesPerStep, ranksSharingMemory: sharing,
      bareAllreduceMilliseconds: bare,
      exchangeToBareAllreduce: bare.map { times.phases[0].exchange / $0 }, sweptAllreduceMilliseconds: swept,
      perRank: times.phases, machine: machine, checkpoint: saving.map(BenchFigures.Checkpoint.init),
      comparison: nil)
  }

  private func makeCheckpointFolder() throws {
    guard let checkpoints else { return }
    guard mkdir(checkpoints, 0o755) == 0 else {
      throw Failure(
        .cannotCreate, "cannot create --checkpoints \(checkpoints): \(String(cString: strerror(errno)))")
    }
  }

  private func timeCheckpoints(
    _ network: Network, _ times: StepTimes, _ communicator: Communicator
  ) throws -> CheckpointTiming? {
    guard let checkpoints else { return nil }
    // At least a second from one to the next, so that none waits for the one before.
    let halfASecond = Int64(0.5 / Statistics.median(times.seconds))
    let steps = max(
      steps, CheckpointTiming.leastSteps,
      Int(try communicator.allgather(halfASecond, kind: Message.metrics).max()!))
    let plan = CheckpointPlan(
      folder: checkpoints, interval: .seconds(.infinity), keeps: 2, resumes: false, identity: [:],
      program: "bench")
    return try CheckpointTiming(
      network, CheckpointsOfNetwork(plan, name: "bench", isAboutToSave: {}, say: { _ in }),
      rounds: rounds ?? 20,
      steps: steps, communicator)
  }

  /// Milliseconds of a bare loop of the exchange's allreduces, `swept` floats being written between them.
  private func bareAllreduce(_ communicator: Communicator, swept: Int = 0) throws -> Double? {
    guard communicator.size > 1, exchange == .reduce else { return nil }
    let (counts, rounds) = (network.sums, min(steps, swept > 0 ? 100 : 10_000))
    return switch sum {
    case .exact:
      try BareAllreduce.milliseconds(
        Int64.self, counts: counts, rounds: rounds, swept: swept, communicator)
    case .float:
      try BareAllreduce.milliseconds(
        Float.self, counts: counts, rounds: rounds, swept: swept, communicator)
    }
  }

  /// How much of a core this rank has.
  private func coresOfRank(_ communicator: Communicator) throws -> Double {
    let placement = try Placement.gathered(communicator)
    let machine = placement.machines[communicator.rank]
    let ranksHere = placement.machines.count { $0 == machine }
    return min(1, Double(placement.cores[machine]) / Double(ranksHere))
  }
}
