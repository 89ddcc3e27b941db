import Foundation
import Layers
import MPI
import SharedTrunk

/// What the exchange is measured against: the same allreduces, in a loop that does nothing else.
enum BareAllreduce {
  /// Milliseconds a round of allreduces of these lengths, taken as those of the steps are. Every rank calls it.
  static func milliseconds<T: Datatype>(
    _ type: T.Type, counts: [Int], rounds: Int, _ communicator: Communicator
  ) throws -> Double {
    let buffers = counts.map { AlignedBuffer<T>(count: $0) }
    var stays: Stays = []
    for round in -10..<rounds {
      let times = try buffers.map { buffer in
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
