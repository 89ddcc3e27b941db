import MPI
import SharedTrunk

/// Times of training steps, on every rank of a communicator.
struct StepTimes {
  /// This rank's, in order.
  let seconds: [Double]
  /// Processor time of all ranks.
  let processorSeconds: Double
  /// One a rank.
  let phases: [BenchFigures.Phases]

  /// Takes `steps` steps after `first` earlier ones. Every rank calls it; the network was made for as many timed steps.
  init(_ network: Network, after first: Int, steps: Int, _ communicator: Communicator) throws {
    network.clearCollectiveTimes()
    var seconds: [Double] = []
    seconds.reserveCapacity(steps)
    let processor = ProcessClock.processorSeconds
    for step in 0..<steps {
      let start = Environment.wallTime()
      _ = try network.step(first + step, learningRate: 1e-3)
      seconds.append(Environment.wallTime() - start)
    }
    processorSeconds = try communicator.allreduce(
      ProcessClock.processorSeconds - processor, .sum, kind: Message.metrics)
    self.seconds = seconds
    phases = try Self.phases(network, total: seconds.reduce(0, +), steps: steps, communicator)
  }

  /// A rank that comes early to a collective waits there for the last: what it spends beyond the quickest rank is waiting.
  private static func phases(_ network: Network, total: Double, steps: Int, _ communicator: Communicator)
    throws
    -> [BenchFigures.Phases]
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
}
