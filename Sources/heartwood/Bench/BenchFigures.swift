import Report

/// `--json`. Milliseconds are a step's.
struct BenchFigures: Encodable {
  struct Spread: Encodable {
    let median: Double
    let min: Double
    let max: Double
  }
  struct Phases: Encodable {
    let compute: Double
    let exchange: Double
    let wait: Double
  }
  let branch: String
  let tasks: Int
  let batch: Int
  let ranks: Int
  let steps: Int
  let exchange: String
  let sum: String
  let examplesPerSecond: Double
  let cpuExamplesPerSecond: Double
  let stepMilliseconds: Spread
  let gflops: Double
  /// Of one core, measured by a product of 512 x 512 matrices.
  let peakGflops: Double
  /// From the start of this process, and of mpirun where that started it.
  let secondsToFirstStep: Double
  let secondsFromLaunchToFirstStep: Double?
  let peakMemoryMB: [Double]
  let perRank: [Phases]

  var text: String {
    var table = Table(["rank", "compute ms", "exchange ms", "wait ms", "peak MB"])
    for (rank, phase) in perRank.enumerated() {
      table.add([
        "\(rank)", decimals(phase.compute, 3), decimals(phase.exchange, 3), decimals(phase.wait, 3),
        decimals(peakMemoryMB[rank], 1),
      ])
    }
    return """
      \(branch), \(tasks) tasks of \(batch) examples on \(ranks) ranks, \(steps) steps, exchange \(exchange), \(sum) sums
      \(decimals(examplesPerSecond, 0)) examples/s, \(decimals(cpuExamplesPerSecond, 0)) per CPU-second
      step \(decimals(stepMilliseconds.median, 3)) ms median (\(decimals(stepMilliseconds.min, 3)) to \(decimals(stepMilliseconds.max, 3)))
      \(decimals(gflops, 1)) GFLOP/s in all; one core's peak \(decimals(peakGflops, 0))
      first step done \(decimals(secondsToFirstStep, 2)) s after the process's start\(secondsFromLaunchToFirstStep.map { ", \(decimals($0, 2)) s after mpirun's" } ?? "")
      \(table.text)
      """
  }
}
