import Foundation
import Layers
import MPI
import SharedTrunk

/// What the exchange is measured against: the same allreduces, in a loop that does nothing else.
enum BareAllreduce {
  /// Milliseconds a round of allreduces of these lengths, taken as those of the steps are. Every rank calls it.
  /// - Parameter swept: floats that are written before each allreduce. Between two of its own a step goes through all that it owns, so that
  ///   nothing of MPI's is left in the nearer caches.
  static func milliseconds<T: Datatype>(
    _ type: T.Type, counts: [Int], rounds: Int, swept: Int = 0, _ communicator: Communicator
  ) throws -> Double {
    let buffers = counts.map { AlignedBuffer<T>(count: $0) }
    let memory = swept > 0 ? Storage(count: swept) : nil
    var stays: Stays = []
    for round in -10..<rounds {
      let times = try buffers.map { buffer in
        memory?.buffer.update(repeating: Float(round))
        let start = Environment.wallTime()
        try communicator.allreduce(buffer.buffer, .sum, kind: Message.metrics)
        return Environment.wallTime() - start
      }
      if round >= 0 { stays.append(times) }
    }
    let shortest = try StepClock.shortest(stays, communicator)
    return StepClock.split(stays, shortest: shortest).exchange * 1e3
  }
}
