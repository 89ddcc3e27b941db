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
      try session.requireMemory(network.bytes(tasks: (tasks - 1) / session.ranks + 1))
      try measure(session)
    }
  }

  private var network: BenchNetwork {
    BenchNetwork(branch: branch, batch: batch, exchange: exchange, sum: sum)
  }

  private func measure(_ session: Session) throws {
    let communicator = session.communicator
    let network = try network.make(tasks: tasks, communicator, timedSteps: steps)
    _ = try network.step(0, learningRate: 1e-3)
    let firstStep = (own: ProcessClock.sinceStart, launcher: ProcessClock.sinceLaunch)
    for step in 0..<warmup { _ = try network.step(step + 1, learningRate: 1e-3) }
    let times = try StepTimes(network, after: warmup + 1, steps: steps, communicator)

    let memory = try communicator.allgather(ProcessClock.peakMemoryMB, kind: Message.metrics)
    let peak = try communicator.allgather(PeakRate.gflops(), kind: Message.metrics)
    let examples = Double(tasks * batch)
    let sorted = times.seconds.sorted()
    let median = sorted[sorted.count / 2]
    let figures = BenchFigures(
      branch: branch.rawValue, tasks: tasks, batch: batch, ranks: session.ranks, steps: steps,
      exchange: exchange.rawValue, sum: sum.rawValue, examplesPerSecond: examples / median,
      cpuExamplesPerSecond: examples * Double(steps) / times.processorSeconds,
      stepMilliseconds: .init(
        median: median * 1e3, min: sorted[0] * 1e3, max: sorted[sorted.count - 1] * 1e3),
      gflops: self.network.operations(tasks: tasks) / median / 1e9, peakGflops: peak[0],
      secondsToFirstStep: firstStep.own, secondsFromLaunchToFirstStep: firstStep.launcher,
      peakMemoryMB: memory, perRank: times.phases)
    try session.together {
      guard session.leads else { return }
      say(figures.text)
      if let json { try AtomicFile.write(try JSONEncoder.readable.encode(figures), to: json) }
    }
  }
}
