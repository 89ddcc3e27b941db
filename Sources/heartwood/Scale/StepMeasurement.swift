import MPI
import SharedTrunk

/// Training steps of one point, timed once on a team's ranks: what its first rank keeps of them.
struct StepMeasurement {
  /// Seconds of the first rank's median step.
  let step: Double
  /// Of the rank that computes longest: its median seconds a step outside collectives, and their standard deviation from step to step.
  let compute: Double
  let computeDeviation: Double
  /// Seconds of both collectives, without waiting.
  let exchange: Double
  /// Payload handed to others by the rank that hands over most.
  let bytesPerStep: Int
  let steps: Int
  /// Whether ranks of some host added in memory that they share.
  let sharesMemory: Bool

  /// Budget: `seconds`, but from 5 to `limit` steps. Every rank of the communicator calls it.
  init(_ network: BenchNetwork, patients: Int, seconds: Double, limit: Int, _ communicator: Communicator)
    throws
  {
    let model = try network.make(tasks: patients, communicator, timedSteps: limit)
    // The first step touches all memory for the first time: the second tells how long a step takes.
    let warmUp = try StepTimes(model, after: 0, steps: 2, communicator)
    let wanted = min(max(Int(seconds / warmUp.seconds[1]), 5), limit)
    let steps = Int(try communicator.broadcast(Int64(wanted), root: 0, kind: Message.metrics))
    let times = try StepTimes(model, after: 2, steps: steps, communicator)
    self.steps = steps
    step = Statistics.median(times.seconds)
    exchange = times.phases[0].exchange / 1e3

    let clock = model.clock!
    let computes = (0..<clock.steps).map { step in
      StepClock.Phase.allCases.reduce(0) { $0 + clock.seconds(step, $1) }
    }
    let ranks = try communicator.allgatherv(
      [Statistics.median(computes), Self.deviation(computes)], kind: Message.metrics)
    let longest = ranks.max { $0[0] < $1[0] }!
    (compute, computeDeviation) = (longest[0], longest[1])
    let bytes = times.traffic[Message.activations].bytes + times.traffic[Message.gradients].bytes
    bytesPerStep = Int(try communicator.allreduce(Int64(bytes / steps), .max, kind: Message.metrics))
    sharesMemory =
      try communicator.allreduce(Int64(model.ranksSharingMemory), .max, kind: Message.metrics) > 1
  }

  /// Half the middle two thirds: the standard deviation of a normal distribution, and deaf to a few steps that something else disturbed.
  private static func deviation(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    func quantile(_ share: Double) -> Double { sorted[Int(share * Double(sorted.count - 1))] }
    return (quantile(0.841) - quantile(0.159)) / 2
  }
}
