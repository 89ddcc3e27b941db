import Layers
import MPI

/// What a checkpoint costs training, measured.
public struct CheckpointTiming: Codable, Sendable {
  /// Milliseconds of the same number of steps without a checkpoint, a number a round.
  public private(set) var without: [Double] = []
  /// The same with one taken at their start; measured in alternation.
  public private(set) var with: [Double] = []
  /// Of this rank: what it writes, and how long it stood still.
  public private(set) var figures = CheckpointFigures()

  /// `rounds` times `steps` steps of a network in each way, for `bench`. Every rank calls it. Throws as `Network.train`.
  public init(
    _ network: Network, _ saving: CheckpointsOfNetwork, rounds: Int, steps: Int, _ communicator: Communicator
  ) throws {
    let (learner, names) = network.forTiming
    let checkpoints = Checkpoints(
      saving, learner, tasks: names, steps: .max, BestWeights(learner.groups), communicator)
    var progress = TrainingProgress()
    // The first round finds cold memory and an empty folder.
    for round in 0...rounds {
      for saves in [false, true] {
        try communicator.barrier()
        let start = Environment.wallTime()
        for step in 0..<steps {
          learner.status?.isWritten = checkpoints.isWritten
          learner.status?.asks = checkpoints.asks
          // At no rate, as the random data would have the weights blow up in so many steps.
          _ = try network.step(progress.step, learningRate: 0)
          progress.step += 1
          try checkpoints.settle(
            progress, Wishes(save: saves && step == 0, hasFailed: (learner.status?.asking ?? 0) > 0))
        }
        try communicator.barrier()
        guard round > 0 else { continue }
        let took = (Environment.wallTime() - start) * 1e3
        if saves { with.append(took) } else { without.append(took) }
      }
    }
    try checkpoints.finish(progress)
    figures = checkpoints.figures
    figures.stallMilliseconds.removeFirst()
    figures.count -= 1
  }
}
