import Report
import SharedTrunk

/// `--json`. Milliseconds are a step's.
struct BenchFigures: Codable {
  struct Spread: Codable {
    let median: Double
    let min: Double
    let max: Double
    /// A tenth of the steps took less, a tenth more.
    let p10: Double
    let p90: Double

    /// Of at least one step's time.
    init(seconds: [Double]) {
      let sorted = seconds.sorted()
      func quantile(_ share: Double) -> Double { sorted[Int(share * Double(sorted.count - 1) + 0.5)] * 1e3 }
      (median, min, max) = (Statistics.median(sorted) * 1e3, quantile(0), quantile(1))
      (p10, p90) = (quantile(0.1), quantile(0.9))
    }
  }
  /// Where a rank's time goes: medians over the steps.
  struct Phases: Codable {
    let compute: Double
    /// The collectives themselves.
    let exchange: Double
    /// In the collectives, for ranks that came later.
    let wait: Double
    /// What `compute` is made of.
    let phases: [String: Double]

    /// `parts`: in the order of `StepClock.Phase`.
    init(exchange: Double, wait: Double, parts: [Double]) {
      compute = parts.reduce(0, +)
      self.exchange = exchange
      self.wait = wait
      phases = Dictionary(
        uniqueKeysWithValues: zip(StepClock.Phase.allCases, parts).map { ("\($0)", $1) })
    }
  }
  /// What one rank's core can do, measured on all ranks at once.
  struct Machine: Codable {
    /// GFLOP/s of multiply-adds in registers, before the timed steps and after them.
    let peakBefore: Double
    let peakAfter: Double
    /// GB/s, read and written, of copying memory.
    let copyGBPerSecond: Double
    /// How much of a core the rank has: 1, or less where a host has more ranks than cores.
    let cores: Double

    var peak: Double { max(peakBefore, peakAfter) }
  }
  let branch: String
  let tasks: Int
  let batch: Int
  let ranks: Int
  let steps: Int
  let exchange: String
  let sum: String
  /// Vector instructions in use.
  let cpuLevel: String
  let examplesPerSecond: Double
  let cpuExamplesPerSecond: Double
  let stepMilliseconds: Spread
  let gflops: Double
  /// Of one core, the mean over the ranks'.
  let peakGflops: Double
  /// Of the peak of all cores that the ranks run on.
  let percentOfPeak: Double
  /// Of these cores, at once.
  let copyGBPerSecond: Double
  /// What a step cannot take less than.
  struct Floor: Codable {
    /// Its multiply-adds at the cores' peak.
    let arithmetic: Double
    /// Reading and writing every weight and its two moments once, if they lie in memory. Those of a few tasks stay in the cache.
    let weights: Double
  }
  let floorMilliseconds: Floor
  /// From the start of this process, and of mpirun where that started it.
  let secondsToFirstStep: Double
  let secondsFromLaunchToFirstStep: Double?
  let peakMemoryMB: [Double]
  let bytesPerStepPerRank: Int
  let collectivesPerStep: Int
  /// On the host that has most; 1 where all goes by MPI.
  let ranksSharingMemory: Int
  /// A loop of allreduces of the same sizes, and how many times as long the exchange takes; nil for one rank, and for an exchange
  /// of other collectives.
  let bareAllreduceMilliseconds: Double?
  let exchangeToBareAllreduce: Double?
  /// The same loop with as much memory swept between its allreduces as a step goes through.
  let sweptAllreduceMilliseconds: Double?
  let perRank: [Phases]
  let machine: [Machine]
  /// What a checkpoint costs, if that was asked for.
  struct Checkpoint: Codable {
    /// Of the first rank's part.
    let megabytes: Double
    /// How long each held up training, on the rank that it held up longest.
    let stall: Stall
    /// The same without waiting for a core that others had, on the rank where that was longest.
    let stallByItself: Stall
    /// Milliseconds that training takes longer for one, the writing in the background included: a median over pairs of as many steps without
    /// and with one.
    let costMilliseconds: Double
    /// Of a run that takes one every ten seconds.
    let percentAtTenSeconds: Double

    struct Stall: Codable {
      let milliseconds: Spread
      let count: Int
      let above2ms: Int

      init(milliseconds all: [Double]) {
        milliseconds = Spread(seconds: all.map { $0 / 1e3 })
        count = all.count
        above2ms = all.count { $0 > 2 }
      }
    }

    init(_ timing: CheckpointTiming) {
      megabytes = Double(timing.bytes) / 1e6
      stall = Stall(milliseconds: timing.stallMilliseconds)
      stallByItself = Stall(milliseconds: timing.ownMilliseconds)
      costMilliseconds = Statistics.median(zip(timing.with, timing.without).map { $0 - $1 })
      percentAtTenSeconds = costMilliseconds / 1e4 * 100
    }
  }
  let checkpoint: Checkpoint?
  var comparison: Comparison?
}

extension BenchFigures {
  var text: String {
    let (before, after) = (
      Statistics.mean(machine.map(\.peakBefore)), Statistics.mean(machine.map(\.peakAfter))
    )
    let step = stepMilliseconds
    var lines = [
      "\(branch), \(tasks) tasks of \(batch) examples on \(ranks) ranks, \(steps) steps, exchange \(exchange), \(sum) sums, \(cpuLevel)",
      "throughput   \(decimals(examplesPerSecond, 0)) examples/s, \(decimals(cpuExamplesPerSecond, 0)) per CPU-second",
      "step         \(decimals(step.median, 3)) ms median; 80 % within \(decimals(step.p10, 3)) to \(decimals(step.p90, 3)), all within \(decimals(step.min, 3)) to \(decimals(step.max, 3))",
      "arithmetic   \(decimals(gflops, 1)) GFLOP/s, \(decimals(percentOfPeak, 1)) % of the cores' peak (multiply-adds in registers: \(decimals(before, 0)) GFLOP/s a core before the steps, \(decimals(after, 0)) after)",
      "floor        \(decimals(floorMilliseconds.arithmetic, 3)) ms for the multiply-adds at that peak; \(decimals(floorMilliseconds.weights, 3)) ms to read and write weights and moments once, if not from a cache",
      "memory       \(decimals(peakMemoryMB.max() ?? 0, 1)) MB a rank at most; \(decimals(copyGBPerSecond, 1)) GB/s read and written by copying, all cores at once",
      "first step   done \(decimals(secondsToFirstStep, 2)) s after the process's start\(secondsFromLaunchToFirstStep.map { ", \(decimals($0, 2)) s after mpirun's" } ?? "")",
    ]
    if ranks > 1 {
      var line =
        "exchange     \(bytesPerStepPerRank) bytes a rank and step in \(collectivesPerStep) collectives, \(ranksSharingMemory > 1 ? "through shared memory" : "by MPI alone")"
      if let bare = bareAllreduceMilliseconds, let ratio = exchangeToBareAllreduce {
        line +=
          "; \(decimals(ratio, 2)) times a bare MPI_Allreduce loop of the same sizes (\(decimals(bare, 3)) ms; \(decimals(sweptAllreduceMilliseconds ?? 0, 3)) ms with the caches swept between, as a step sweeps them)"
      }
      lines.append(line)
    }
    if let checkpoint {
      lines += [
        "checkpoint   \(decimals(checkpoint.megabytes, 1)) MB a rank; training is held up for \(decimals(checkpoint.stall.milliseconds.median, 2)) ms (at most \(decimals(checkpoint.stall.milliseconds.max, 2))) and takes \(decimals(checkpoint.costMilliseconds, 1)) ms longer in all: \(decimals(checkpoint.percentAtTenSeconds, 2)) % at one every 10 s",
        "over 2 ms    \(checkpoint.stall.above2ms) of \(checkpoint.stall.count) checkpoints; \(checkpoint.stallByItself.above2ms) without the time that a rank waited for its core, which others had (at most \(decimals(checkpoint.stallByItself.milliseconds.max, 2)) ms)",
      ]
    }
    return
      (lines + [
        "", "Milliseconds a step, medians:", table.text,
      ])
      .joined(separator: "\n")
  }

  private var table: Table {
    let phases = StepClock.Phase.allCases
    var table = Table(["rank"] + phases.map(\.title) + ["= compute", "exchange", "wait", "peak MB"])
    for (rank, row) in perRank.enumerated() {
      table.add(
        ["\(rank)"] + phases.map { decimals(row.phases["\($0)"] ?? 0, 3) }
          + [row.compute, row.exchange, row.wait].map { decimals($0, 3) } + [decimals(peakMemoryMB[rank], 1)])
    }
    return table
  }
}

extension StepClock.Phase {
  fileprivate var title: String {
    switch self {
    case .minibatch: "minibatch"
    case .branchForward: "branch"
    case .projectionForward: "W_i"
    case .trunkAndHeads: "trunk, heads"
    case .projectionBackward: "W_i back"
    case .branchBackward: "branch back"
    case .adam: "Adam"
    }
  }
}
