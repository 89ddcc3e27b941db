import Foundation

/// A prediction: a step of a job far larger than any measured, one rank a host, on a network given as latency and bandwidth.
public struct Forecast: Codable, Sendable, Equatable {
  public let network: String
  public let patients: Int
  public let tasksARank: Int
  public let ranks: Int
  /// Seconds of a step, and what they are made of: one rank's computing alone, waiting for the slowest of all, both sums.
  public let seconds: Double
  public let computing: Double
  public let straggling: Double
  public let exchange: Double
  /// Of the time that a rank with these tasks alone would take: weak scaling.
  public let efficiency: Double
  /// Rounds of messages one after the other, in both sums.
  public let rounds: Int

  /// From 64 to 100,000 patients.
  public static let patientCounts = [64, 256, 1000, 4000, 10_000, 30_000, 100_000]
}

extension StepModel {
  /// Of `patients` spread over ranks of `tasksARank` each, the last rank perhaps with fewer.
  public func forecast(_ network: NetworkKind, patients: Int, tasksARank: Int) -> Forecast {
    let ranks = (patients - 1) / tasksARank + 1
    let alone = seconds(Placement(regular: 1, perHost: 1), tasks: tasksARank)
    let slowest = alone * straggling(ranks: ranks, tasksARank: tasksARank)
    let exchange = messages.reduce(0) { $0 + network.seconds(ranks: ranks, bytes: $1) }
    return Forecast(
      network: network.name, patients: patients, tasksARank: tasksARank, ranks: ranks,
      seconds: slowest + exchange, computing: alone, straggling: slowest - alone, exchange: exchange,
      efficiency: alone / (slowest + exchange),
      rounds: messages.reduce(0) { sum, bytes in
        AllreduceAlgorithm(ranks: ranks, bytes: bytes).rounds(ranks: ranks, bytes: bytes).reduce(sum) {
          $0 + $1.times
        }
      })
  }
}

extension StepModel {
  /// The fewest patients, on a grid of twenty a decade, from which on to `most` the efficiency is below one half; nil if at `most` it is not.
  public func limit(_ network: NetworkKind, tasksARank: Int, upTo most: Int) -> Int? {
    var limit: Int?
    var patients = Double(most)
    while patients >= 2 * Double(tasksARank) {
      let count = Int(patients.rounded())
      guard forecast(network, patients: count, tasksARank: tasksARank).efficiency < 0.5 else { break }
      limit = count
      patients /= pow(10, 0.05)
    }
    return limit
  }
}
