import Foundation
import MPI
import SharedTrunk

/// Training steps of one point, timed once on a team's ranks: what its first rank keeps of them.
struct StepMeasurement {
  /// Seconds of the first rank's median step.
  let step: Double
  /// Of the rank that computes longest: its median seconds a step outside collectives, and their standard deviation from step to step.
  let compute: Double
  let computeDeviation: Double
  /// Median over the steps of what the rank that waits least spends in both collectives.
  let exchange: Double
  /// Payload handed to MPI by the rank that hands over most.
  let bytesPerStep: Int
  let steps: Int

  /// Budget: `seconds`, but from 5 to `limit` steps. Every rank of the communicator calls it.
  init(_ network: BenchNetwork, patients: Int, seconds: Double, limit: Int, _ communicator: Communicator)
    throws
  {
    let model = try network.make(tasks: patients, communicator, timedSteps: limit)
    // The first step touches all memory for the first time: the second tells how long a step takes.
    let warmUp = try StepTimes(model, after: 0, steps: 2, communicator)
    let wanted = min(max(Int(seconds / warmUp.seconds[1]), min(5, limit)), limit)
    let steps = Int(try communicator.broadcast(Int64(wanted), root: 0, kind: Message.metrics))
    let before = communicator.traffic.snapshot
    let times = try StepTimes(model, after: 2, steps: steps, communicator)
    let spent = communicator.traffic.snapshot - before
    self.steps = steps
    step = Statistics.median(times.seconds)

    let collectives = model.secondsOfCollectives
    let computes = times.seconds.indices.map {
      times.seconds[$0] - collectives[2 * $0] - collectives[2 * $0 + 1]
    }
    let ranks = try communicator.allgatherv(
      [Statistics.median(computes), Self.deviation(computes)], kind: Message.metrics)
    let longest = ranks.max { $0[0] < $1[0] }!
    (compute, computeDeviation) = (longest[0], longest[1])

    var quickest = collectives
    try quickest.withUnsafeMutableBufferPointer {
      try communicator.allreduce($0, .min, kind: Message.metrics)
    }
    exchange = Statistics.median((0..<steps).map { quickest[2 * $0] + quickest[2 * $0 + 1] })
    let bytes = (spent[Message.activations].bytes + spent[Message.gradients].bytes) / steps
    bytesPerStep = Int(try communicator.allreduce(Int64(bytes), .max, kind: Message.metrics))
  }

  /// Half the middle two thirds: the standard deviation of a normal distribution, and deaf to a few steps that something else disturbed.
  private static func deviation(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    func quantile(_ share: Double) -> Double { sorted[Int(share * Double(sorted.count - 1))] }
    return (quantile(0.841) - quantile(0.159)) / 2
  }
}
