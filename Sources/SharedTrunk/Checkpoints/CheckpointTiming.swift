import Layers
import MPI

/// What a checkpoint costs training, measured.
public struct CheckpointTiming: Codable, Sendable {
  /// Milliseconds of the same number of steps without a checkpoint, a number a round.
  public private(set) var without: [Double] = []
  /// The same with one taken at their start; measured in alternation.
  public private(set) var with: [Double] = []
  /// How long each held up training: on the rank that it held up longest, the copy, and what the next Adam, which writes elsewhere, takes
  /// longer than that of the steps after. (The Adam after it reads from memory what that one wrote past the caches: counted in, medians rose
  /// by 0.0 to 0.1 ms.)
  public private(set) var stallMilliseconds: [Double] = []
  /// Likewise, of the processor time of that rank's process: without what the kernel and other programs took the core for meanwhile.
  public private(set) var processorMilliseconds: [Double] = []
  /// What this rank writes for one.
  public private(set) var bytes = 0

  /// One that takes a checkpoint, the next, which it holds up, and one to compare that with.
  public static let leastSteps = 3

  /// `rounds` times `steps` steps of a network in each way, for `bench`. Every rank calls it. Throws as `Network.train`.
  public init(
    _ network: Network, _ saving: CheckpointsOfNetwork, rounds: Int, steps: Int, _ communicator: Communicator
  ) throws {
    let (learner, names) = network.forTiming
    guard let clock = network.clock else { preconditionFailure("the network was made without a clock") }
    clock.takesProcessorTime = true
    let checkpoints = Checkpoints(
      saving, learner, tasks: names, steps: .max, BestWeights(learner.groups), communicator)
    var progress = TrainingProgress()
    // The first round finds cold memory and an empty folder.
    for round in 0...rounds {
      for saves in [false, true] {
        try communicator.barrier()
        clock.clear()
        let start = Environment.wallTime()
        var copy = (wall: 0.0, processor: 0.0)
        for step in 0..<steps {
          learner.status?.isWritten = checkpoints.isWritten
          learner.status?.asks = checkpoints.asks
          // At no rate, as the random data would have the weights blow up in so many steps.
          _ = try network.step(progress.step, learningRate: 0)
          progress.step += 1
          let wishes = Wishes(save: saves && step == 0, hasFailed: (learner.status?.asking ?? 0) > 0)
          let before = Self.now
          try checkpoints.settle(progress, wishes)
          if wishes.save { copy = (Self.now.wall - before.wall, Self.now.processor - before.processor) }
        }
        try communicator.barrier()
        guard round > 0 else { continue }
        let took = (Environment.wallTime() - start) * 1e3
        guard saves else {
          without.append(took)
          continue
        }
        with.append(took)
        let usual = Statistics.median((2..<clock.steps).map { clock.seconds($0, .adam) })
        let held = copy.wall + clock.seconds(1, .adam)
        // The writer may have run beside it, on another core.
        let own = min(held, copy.processor + clock.processorSeconds(1, .adam))
        let longest = try Self.largest([held - usual, own - usual].map { $0 * 1e3 }, communicator)
        stallMilliseconds.append(longest[0])
        processorMilliseconds.append(longest[1])
      }
    }
    try checkpoints.finish(progress)
    bytes = checkpoints.figures.bytes
  }

  private static var now: (wall: Double, processor: Double) {
    (Environment.wallTime(), ProcessorTime.ofProcess)
  }

  /// Of each of these figures, that of the rank where it is largest: a step waits for all ranks.
  private static func largest(_ figures: [Double], _ communicator: Communicator) throws -> [Double] {
    let ranks = try communicator.allgatherv(figures, kind: Message.metrics)
    return figures.indices.map { figure in ranks.map { $0[figure] }.max()! }
  }
}
