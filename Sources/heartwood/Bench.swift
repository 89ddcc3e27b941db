import ArgumentParser
import Cohort
import Foundation
import Layers
import MPI
import Report
import SharedTrunk

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure training throughput on random data.",
    discussion: """
      One step: B examples of each task through the network below, forward, exchange, backward, Adam (1e-3). No dropout, no clipping.
        cnn: windows of 256; conv1d 1 -> 32, kernel 7, "same"; ReLU; max-pool 2; trunk n x 4096 -> 128 -> 64; heads 64 -> 2
        rnn, lstm: 128 frames of 2; hidden 64, last state; trunk n x 64 -> 128 -> 64; heads 64 -> 2

      Example:
        Launch/heartwood -n 2 bench --branch cnn --tasks 2 --batch 32
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
  @Option(help: ArgumentHelp("Also write the figures here.", valueName: "file"))
  var json: String?

  func validate() throws {
    for (name, value) in [("tasks", tasks), ("batch", batch), ("steps", steps)]
    where value < 1 || value > 1_000_000 {
      throw ValidationError("--\(name) \(value): from 1 to 1000000")
    }
    guard warmup >= 0 && warmup <= 1_000_000 else {
      throw ValidationError("--warmup \(warmup): from 0 to 1000000")
    }
  }

  func run() throws {
    Session.run { session in
      guard session.ranks <= tasks else {
        try session.end(
          .usage, "\(session.ranks) ranks for --tasks \(tasks): use -n \(tasks) or fewer, or more tasks")
      }
      try session.requireMemory(
        (shape.bytes(batch: batch) + 16 * Double(batch * shape.branch.length))
          * Double((tasks - 1) / session.ranks + 1))
      try measure(session)
    }
  }

  private var shape: NetworkShape {
    NetworkShape(
      branch: BranchShape(
        kind: branch, length: 256, channels: 32, kernel: 7, pool: 2, padded: true, frame: 2, hidden: 64),
      trunk: [128, 64], dropout: 0)
  }

  private var options: TrainingOptions {
    var options = TrainingOptions()
    options.batch = batch
    options.weightDecay = 0
    options.clip = .infinity
    options.lossIsSum = true
    options.exchange = exchange
    options.sum = sum
    return options
  }

  private func measure(_ session: Session) throws {
    let communicator = session.communicator
    let ownership = Ownership(tasks: tasks, ranks: session.ranks, rank: session.rank)
    let own = ownership.own.map { SyntheticTask.make($0, count: 4 * batch, length: shape.branch.length) }
    let network = try Network(
      .concat, shape, TaskSet(names: (0..<tasks).map { "\($0)" }, ownership: ownership, own: own), options,
      communicator, timedCollectives: steps * 2)
    _ = try network.step(0, learningRate: 1e-3)
    let firstStep = (own: ProcessClock.sinceStart, launcher: ProcessClock.sinceLaunch)
    for step in 0..<warmup { _ = try network.step(step + 1, learningRate: 1e-3) }

    network.clearCollectiveTimes()
    var seconds: [Double] = []
    seconds.reserveCapacity(steps)
    let processor = ProcessClock.processorSeconds
    for step in 0..<steps {
      let start = Environment.wallTime()
      _ = try network.step(warmup + 1 + step, learningRate: 1e-3)
      seconds.append(Environment.wallTime() - start)
    }
    let used = ProcessClock.processorSeconds - processor

    let phases = try self.phases(network, total: seconds.reduce(0, +), communicator)
    let peak = try communicator.allgather(Self.peakGflops(), kind: Message.metrics)
    let allUsed = try communicator.allreduce(used, .sum, kind: Message.metrics)
    let memory = try communicator.allgather(ProcessClock.peakMemoryMB, kind: Message.metrics)
    let examples = Double(tasks * batch)
    let sorted = seconds.sorted()
    let median = sorted[sorted.count / 2]
    let figures = Figures(
      branch: branch.rawValue, tasks: tasks, batch: batch, ranks: session.ranks, steps: steps,
      exchange: exchange.rawValue, sum: sum.rawValue, examplesPerSecond: examples / median,
      cpuExamplesPerSecond: examples * Double(steps) / allUsed,
      stepMilliseconds: .init(
        median: median * 1e3, min: sorted[0] * 1e3, max: sorted[sorted.count - 1] * 1e3),
      gflops: operations / median / 1e9, peakGflops: peak[0], secondsToFirstStep: firstStep.own,
      secondsFromLaunchToFirstStep: firstStep.launcher, peakMemoryMB: memory, perRank: phases)
    try session.together {
      guard session.leads else { return }
      say(figures.text)
      if let json { try AtomicFile.write(try JSONEncoder.readable.encode(figures), to: json) }
    }
  }

  /// Multiply-adds of matrix products and convolutions in a step, times two (the input needs no gradient).
  private var operations: Double {
    let (n, b, d) = (Double(tasks), Double(batch), Double(shape.features))
    let dense = 3 * 2 * b * (n * d * 128 + 128 * 64 + n * 64 * 2)
    return n * b * branchOperations + dense
  }

  /// Forward and the weights' gradients of one window; of a recurrent branch the hidden state's gradient too.
  private var branchOperations: Double {
    let sizes = shape.branch
    guard branch != .cnn else { return 2 * 2 * Double(sizes.channels * sizes.kernel * sizes.length) }
    let gates = branch == .lstm ? 4 : 1
    let frames = sizes.length / sizes.frame
    return 2 * Double(frames * gates * sizes.hidden) * Double(2 * sizes.frame + 3 * sizes.hidden)
  }

  /// A rank that comes early to a collective waits there for the last: what it spends beyond the quickest rank is waiting.
  private func phases(_ network: Network, total: Double, _ communicator: Communicator) throws -> [Figures
    .Phases]
  {
    let mine = network.secondsOfCollectives
    var quickest = mine
    try quickest.withUnsafeMutableBufferPointer {
      try communicator.allreduce($0, .min, kind: Message.metrics)
    }
    let (spent, exchange) = (mine.reduce(0, +), quickest.reduce(0, +))
    let scale = 1e3 / Double(steps)
    let computes = try communicator.allgather((total - spent) * scale, kind: Message.metrics)
    let waits = try communicator.allgather((spent - exchange) * scale, kind: Message.metrics)
    return zip(computes, waits).map { .init(compute: $0, exchange: exchange * scale, wait: $1) }
  }

  /// The best of some products of 512 x 512 matrices on this core.
  private static func peakGflops() -> Double {
    let n = 512
    let storage = (0..<3).map { _ in Storage(count: n * n) }
    let (a, b, c) = (
      storage[0].matrix(rows: n, columns: n), storage[1].matrix(rows: n, columns: n),
      storage[2].matrix(rows: n, columns: n)
    )
    a.fill(0.5)
    b.fill(0.5)
    var best = Double.infinity
    for _ in 0..<12 {
      let start = Environment.wallTime()
      multiply(a, b, into: c)
      best = min(best, Environment.wallTime() - start)
    }
    return withExtendedLifetime(storage) { 2 * Double(n * n * n) / best / 1e9 }
  }

  /// `--json`. Milliseconds are a step's.
  struct Figures: Encodable {
    struct Spread: Encodable {
      let median: Double
      let min: Double
      let max: Double
    }
    struct Phases: Encodable {
      let compute: Double
      let exchange: Double
      let wait: Double
    }
    let branch: String
    let tasks: Int
    let batch: Int
    let ranks: Int
    let steps: Int
    let exchange: String
    let sum: String
    let examplesPerSecond: Double
    let cpuExamplesPerSecond: Double
    let stepMilliseconds: Spread
    let gflops: Double
    /// Of one core, measured by a product of 512 x 512 matrices.
    let peakGflops: Double
    /// From the start of this process, and of mpirun where that started it.
    let secondsToFirstStep: Double
    let secondsFromLaunchToFirstStep: Double?
    let peakMemoryMB: [Double]
    let perRank: [Phases]

    var text: String {
      var table = Table(["rank", "compute ms", "exchange ms", "wait ms", "peak MB"])
      for (rank, phase) in perRank.enumerated() {
        table.add([
          "\(rank)", decimals(phase.compute, 3), decimals(phase.exchange, 3), decimals(phase.wait, 3),
          decimals(peakMemoryMB[rank], 1),
        ])
      }
      return """
        \(branch), \(tasks) tasks of \(batch) examples on \(ranks) ranks, \(steps) steps, exchange \(exchange), \(sum) sums
        \(decimals(examplesPerSecond, 0)) examples/s, \(decimals(cpuExamplesPerSecond, 0)) per CPU-second
        step \(decimals(stepMilliseconds.median, 3)) ms median (\(decimals(stepMilliseconds.min, 3)) to \(decimals(stepMilliseconds.max, 3)))
        \(decimals(gflops, 1)) GFLOP/s in all; one core's peak \(decimals(peakGflops, 0))
        first step done \(decimals(secondsToFirstStep, 2)) s after the process's start\(secondsFromLaunchToFirstStep.map { ", \(decimals($0, 2)) s after mpirun's" } ?? "")
        \(table.text)
        """
    }
  }
}
