import Cohort
import Layers
import MPI
import SharedTrunk

/// The network that `bench` and `scale` time on random data; what it computes stands in `heartwood bench --help`.
struct BenchNetwork {
  let branch: BranchShape.Kind
  /// Examples a task and step.
  let batch: Int
  var exchange = ExchangeKind.reduce
  var sum = SumKind.exact

  var shape: NetworkShape {
    NetworkShape(
      branch: BranchShape(
        kind: branch, length: 256, channels: 32, kernel: 7, pool: 2, padded: true, frame: 2, hidden: 64),
      trunk: [128, 64], dropout: 0)
  }

  var options: TrainingOptions {
    var options = TrainingOptions()
    options.batch = batch
    options.weightDecay = 0
    options.clip = .infinity
    options.lossIsSum = true
    options.exchange = exchange
    options.sum = sum
    return options
  }

  /// Bytes that `tasks` tasks take, on a rank that owns them all.
  func bytes(tasks: Int) -> Double {
    (shape.bytes(batch: batch) + 16 * Double(batch * shape.branch.length)) * Double(tasks)
  }

  /// `tasks` tasks of random data, spread over the communicator's ranks. Every rank calls it. Of very many timed steps the first
  /// ten thousand are looked into.
  func make(tasks: Int, _ communicator: Communicator, timedSteps: Int) throws -> Network {
    let ownership = Ownership(tasks: tasks, ranks: communicator.size, rank: communicator.rank)
    let own = ownership.own.map { SyntheticTask.make($0, count: 4 * batch, length: shape.branch.length) }
    return try Network(
      .concat, shape, TaskSet(names: (0..<tasks).map { "\($0)" }, ownership: ownership, own: own), options,
      communicator, timedSteps: min(timedSteps, 10_000))
  }

  /// Numbers of the two sums of exchange `reduce`, status and loss included, and in the last what ranks tell one another.
  var sums: [Int] {
    [batch * shape.trunk[0] + 2, batch * shape.trunk[1] + 2 + (sum == .exact ? 2 : 4)]
  }

  /// Multiply-adds of matrix products and convolutions in a step of `tasks` tasks, times two (the input needs no gradient).
  func operations(tasks: Int) -> Double {
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
}
