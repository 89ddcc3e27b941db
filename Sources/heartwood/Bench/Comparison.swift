import Report
import SharedTrunk

/// Heartwood and PyTorch, run in alternation: `comparison` of `bench --compare --json`.
struct Comparison: Codable {
  /// Figures of one run, or medians over all.
  struct Side: Codable {
    let examplesPerSecond: Double
    let cpuExamplesPerSecond: Double
    let medianStepMilliseconds: Double
    let bestStepMilliseconds: Double
    /// From the start of the first process, mpirun or Python.
    let secondsToFirstStep: Double
    /// Of the rank that took most.
    let peakMemoryMB: Double
  }
  struct Round: Codable {
    let heartwood: Side
    let pytorch: Side
  }
  /// PyTorch's forms before the comparison.
  struct Trial: Codable {
    let form: String
    let examplesPerSecond: Double
  }
  let implementation: String
  let form: String
  /// None where there is only one form.
  let trials: [Trial]
  /// Relative, between PyTorch's losses and Heartwood's from the same weights and examples, over a few steps.
  let largestLossDifference: Double
  let rounds: [Round]
  let heartwood: Side
  let pytorch: Side
  /// How many times better Heartwood is: more examples, less time, less memory.
  let ratios: Side

  init(
    implementation: String, form: String, trials: [Trial], largestLossDifference: Double, rounds: [Round]
  ) {
    self.implementation = implementation
    self.form = form
    self.trials = trials
    self.largestLossDifference = largestLossDifference
    self.rounds = rounds
    let heartwood = Side(medianOf: rounds.map(\.heartwood))
    let pytorch = Side(medianOf: rounds.map(\.pytorch))
    (self.heartwood, self.pytorch) = (heartwood, pytorch)
    ratios = Side { figure, moreIsBetter in
      let ratio = heartwood[keyPath: figure] / pytorch[keyPath: figure]
      return moreIsBetter ? ratio : 1 / ratio
    }
  }

  var text: String {
    var table = Table(["median of \(rounds.count)", "Heartwood", "PyTorch", "times better"])
    func row(_ name: String, _ figure: KeyPath<Side, Double>, _ digits: Int) {
      table.add([
        name, decimals(heartwood[keyPath: figure], digits), decimals(pytorch[keyPath: figure], digits),
        decimals(ratios[keyPath: figure], 2),
      ])
    }
    row("examples a second", \.examplesPerSecond, 0)
    row("examples a CPU-second", \.cpuExamplesPerSecond, 0)
    row("step, median, ms", \.medianStepMilliseconds, 3)
    row("step, best, ms", \.bestStepMilliseconds, 3)
    row("first step done after, s", \.secondsToFirstStep, 2)
    row("peak memory a rank, MB", \.peakMemoryMB, 1)
    return """
      Against \(implementation), \(form), in alternation; losses of \(ReferenceSteps.count) steps are the same to \(String(format: "%.0e", largestLossDifference)):
      \(table.text)
      """
  }
}

extension Comparison.Side {
  /// Each figure from its key path and whether more of it is better.
  fileprivate init(_ figure: (KeyPath<Self, Double>, _ moreIsBetter: Bool) -> Double) {
    examplesPerSecond = figure(\.examplesPerSecond, true)
    cpuExamplesPerSecond = figure(\.cpuExamplesPerSecond, true)
    medianStepMilliseconds = figure(\.medianStepMilliseconds, false)
    bestStepMilliseconds = figure(\.bestStepMilliseconds, false)
    secondsToFirstStep = figure(\.secondsToFirstStep, false)
    peakMemoryMB = figure(\.peakMemoryMB, false)
  }

  fileprivate init(medianOf sides: [Self]) {
    self.init { figure, _ in Statistics.median(sides.map { $0[keyPath: figure] }) }
  }

  init(_ figures: BenchFigures) {
    examplesPerSecond = figures.examplesPerSecond
    cpuExamplesPerSecond = figures.cpuExamplesPerSecond
    medianStepMilliseconds = figures.stepMilliseconds.median
    bestStepMilliseconds = figures.stepMilliseconds.min
    secondsToFirstStep = figures.secondsFromLaunchToFirstStep ?? figures.secondsToFirstStep
    peakMemoryMB = figures.peakMemoryMB.max() ?? 0
  }

  init(_ figures: PyTorchPeer.Figures) {
    examplesPerSecond = figures.examplesPerSecond
    cpuExamplesPerSecond = figures.cpuExamplesPerSecond
    medianStepMilliseconds = figures.stepMilliseconds.median
    bestStepMilliseconds = figures.stepMilliseconds.min
    secondsToFirstStep = figures.secondsToFirstStep
    peakMemoryMB = figures.peakMemoryMB.max() ?? 0
  }
}
