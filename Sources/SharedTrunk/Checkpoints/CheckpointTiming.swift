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
  /// Likewise by `OwnClock`, on the rank where that is longest: without waiting for a core that others had.
  public private(set) var ownMilliseconds: [Double] = []
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
    let own = OwnClock()
    clock.ownClock = own
    let checkpoints = Checkpoints(
      saving, learner, tasks: names, steps: .max, BestWeights(learner.groups), communicator)
    var progress = TrainingProgress()
    // The first round finds cold memory and an empty folder.
    for round in 0...rounds {
      for saves in [false, true] {
        try communicator.barrier()
        clock.clear()
        let start = Environment.wallTime()
        var copy = Stretch(wall: 0, own: 0)
        for step in 0..<steps {
          learner.status?.isWritten = checkpoints.isWritten
          learner.status?.asks = checkpoints.asks
          // At no rate, as the random data would have the weights blow up in so many steps.
          _ = try network.step(progress.step, learningRate: 0)
          progress.step += 1
          let wishes = Wishes(save: saves && step == 0, hasFailed: (learner.status?.asking ?? 0) > 0)
          let before = Stretch(wall: Environment.wallTime(), own: own.seconds)
          try checkpoints.settle(progress, wishes)
          if wishes.save {
            copy = Stretch(wall: Environment.wallTime() - before.wall, own: own.seconds - before.own)
          }
        }
        try communicator.barrier()
        guard round > 0 else { continue }
        let took = (Environment.wallTime() - start) * 1e3
        guard saves else {
          without.append(took)
          continue
        }
        with.append(took)
        let adams = (1..<clock.steps).map {
          Stretch(wall: clock.seconds($0, .adam), own: clock.ownSeconds($0, .adam))
        }
        let stall = Self.stall(copy: copy, adam: adams[0], usual: Array(adams.dropFirst()))
        let longest = try Self.largest([stall.wall * 1e3, stall.own * 1e3], communicator)
        stallMilliseconds.append(longest[0])
        ownMilliseconds.append(longest[1])
      }
    }
    try checkpoints.finish(progress)
    bytes = checkpoints.figures.bytes
  }

  /// Seconds that some work took, and by `OwnClock`.
  package struct Stretch {
    let wall: Double
    let own: Double

    package init(wall: Double, own: Double) {
      self.wall = wall
      self.own = own
    }

    /// Other threads may have run beside it, on other cores.
    var byItself: Double { min(wall, own) }
  }

  /// How much longer than a usual Adam the copy and the Adam after it took, in seconds.
  package static func stall(copy: Stretch, adam: Stretch, usual: [Stretch]) -> (wall: Double, own: Double) {
    let held = Stretch(wall: copy.wall + adam.wall, own: copy.own + adam.own)
    let wall = held.wall - Statistics.median(usual.map(\.wall))
    return (wall, min(wall, held.byItself - Statistics.median(usual.map(\.byItself))))
  }

  /// Of each of these figures, that of the rank where it is largest: a step waits for all ranks.
  private static func largest(_ figures: [Double], _ communicator: Communicator) throws -> [Double] {
    let ranks = try communicator.allgatherv(figures, kind: Message.metrics)
    return figures.indices.map { figure in ranks.map { $0[figure] }.max()! }
  }
}
