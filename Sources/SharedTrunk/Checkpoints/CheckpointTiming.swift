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
  /// How many times as long as usual the steps around each took, on the rank where that was most: spells when the machine itself is slow.
  public private(set) var slowness: [Double] = []
  /// What an Adam takes longer by chance: as above without the copy, of every step of the rounds without a checkpoint.
  public private(set) var chanceMilliseconds: [Double] = []
  /// How long this rank spent there in all: in copying and the Adam after it, and in the Adams of the steps without. What interrupts training
  /// by chance hits a stretch as often as it is long.
  public private(set) var stretchMilliseconds = 0.0
  public private(set) var chanceStretchMilliseconds = 0.0
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
    let checkpoints = Checkpoints(
      saving, learner, tasks: names, steps: .max, BestWeights(learner.groups), communicator)
    var progress = TrainingProgress()
    // The first round finds cold memory and an empty folder.
    for round in 0...rounds {
      for saves in [false, true] {
        try communicator.barrier()
        clock.clear()
        let start = Environment.wallTime()
        var durations: [Double] = []
        durations.reserveCapacity(steps)
        for step in 0..<steps {
          let before = Environment.wallTime()
          learner.status?.isWritten = checkpoints.isWritten
          learner.status?.asks = checkpoints.asks
          // At no rate, as the random data would have the weights blow up in so many steps.
          _ = try network.step(progress.step, learningRate: 0)
          durations.append(Environment.wallTime() - before)
          progress.step += 1
          try checkpoints.settle(
            progress, Wishes(save: saves && step == 0, hasFailed: (learner.status?.asking ?? 0) > 0))
        }
        try communicator.barrier()
        guard round > 0 else { continue }
        let took = (Environment.wallTime() - start) * 1e3
        let usual = Statistics.median((2..<clock.steps).map { clock.seconds($0, .adam) }) * 1e3
        let adams = (1..<clock.steps).map { clock.seconds($0, .adam) * 1e3 }
        if saves {
          with.append(took)
          let stretch = checkpoints.figures.stallMilliseconds.last! + adams[0]
          stretchMilliseconds += stretch
          let around = Statistics.median(durations.indices.filter { $0 < 6 && $0 != 1 }.map { durations[$0] })
          let figures = try Self.largest(
            [stretch - usual, around / Statistics.median(durations)], communicator)
          stallMilliseconds.append(figures[0])
          slowness.append(figures[1])
        } else {
          without.append(took)
          chanceStretchMilliseconds += adams.reduce(0, +)
          chanceMilliseconds += try Self.largest(adams.map { $0 - usual }, communicator)
        }
      }
    }
    try checkpoints.finish(progress)
    bytes = checkpoints.figures.bytes
  }

  /// Of each of these figures, that of the rank where it is largest: a step waits for all ranks.
  private static func largest(_ figures: [Double], _ communicator: Communicator) throws -> [Double] {
    let ranks = try communicator.allgatherv(figures, kind: Message.metrics)
    return figures.indices.map { figure in ranks.map { $0[figure] }.max()! }
  }
}
