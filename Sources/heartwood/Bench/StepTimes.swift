import Foundation
import MPI
import SharedTrunk

/// Times of training steps, on every rank of a communicator.
struct StepTimes {
  /// This rank's, in order.
  let seconds: [Double]
  /// Processor time of all ranks.
  let processorSeconds: Double
  /// What this rank handed to others in these steps.
  let traffic: Traffic.Snapshot
  /// One a rank.
  let phases: [BenchFigures.Phases]

  /// Takes `steps` steps after `first` earlier ones. Every rank calls it; the network was made for timed steps.
  init(_ network: Network, after first: Int, steps: Int, _ communicator: Communicator) throws {
    network.clock?.clear()
    var seconds: [Double] = []
    seconds.reserveCapacity(steps)
    let (processor, traffic) = (ProcessorTime.ofProcess, communicator.traffic.snapshot)
    for step in 0..<steps {
      let start = Environment.wallTime()
      _ = try network.step(first + step, learningRate: 1e-3)
      seconds.append(Environment.wallTime() - start)
    }
    let spent = ProcessorTime.ofProcess - processor
    self.traffic = communicator.traffic.snapshot - traffic
    self.seconds = seconds
    processorSeconds = try communicator.allreduce(spent, .sum, kind: Message.metrics)
    phases = try Self.phases(network.clock!, communicator)
  }

  private static func phases(_ clock: StepClock, _ communicator: Communicator) throws -> [BenchFigures.Phases]
  {
    let stays = clock.stays
    let (exchange, wait) = StepClock.split(stays, shortest: try StepClock.shortest(stays, communicator))
    let parts = StepClock.Phase.allCases.map { phase in
      Statistics.median((0..<clock.steps).map { clock.seconds($0, phase) })
    }
    return try communicator.allgatherv([wait] + parts, kind: Message.metrics).map { row in
      let milliseconds = row.map { $0 * 1e3 }
      return .init(
        exchange: exchange * 1e3, wait: milliseconds[0], parts: Array(milliseconds.dropFirst()))
    }
  }
}
