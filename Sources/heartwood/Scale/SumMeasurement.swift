import MPI
import SharedTrunk

/// Sums of one size, timed once on a team's ranks as a training step has them: each apart from the last, so that a network which lets a
/// burst pass is ready for it, and by the rank that waits least for the others.
struct SumMeasurement {
  /// Seconds of the median one.
  let seconds: Double

  /// Seconds of work before each.
  private static let pause = 500e-6

  /// Budget: `seconds`, but 10 to 200 sums. Every rank of the communicator calls it.
  init(bytes: Int, seconds budget: Double, _ communicator: Communicator) throws {
    let sum = try RankSum(ofSteps: max(bytes / 8, 1), communicator)
    var round: Int64 = 0
    func one() throws -> Double {
      // As a step does; otherwise the parts would lie in every rank's cache.
      round += 1
      sum.part.update(repeating: round % 2)
      let free = Environment.wallTime() + Self.pause
      while Environment.wallTime() < free {}
      try communicator.barrier()
      let start = Environment.wallTime()
      try sum.reduce(kind: Message.metrics)
      return Environment.wallTime() - start
    }
    let began = Environment.wallTime()
    for _ in 0..<3 { _ = try one() }
    let wanted = min(max(Int(3 * budget / (Environment.wallTime() - began)), 10), 200)
    let count = Int(try communicator.broadcast(Int64(wanted), root: 0, kind: Message.metrics))
    var quickest = try (0..<count).map { _ in try one() }
    try quickest.withUnsafeMutableBufferPointer {
      try communicator.allreduce($0, .min, kind: Message.metrics)
    }
    self.seconds = Statistics.median(quickest)
  }
}
