import Foundation
import SharedTrunk

/// `paper.json`: every number that the tables and the page show. Accuracies and rates are fractions from 0 to 1.
struct PaperResults: Codable {
  /// Over the seeds. With one seed there is no spread.
  struct Figure: Codable {
    let mean: Double
    let sd: Double?
    let seeds: Int
    let bySeed: [Double]

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(mean, forKey: .mean)
      try container.encode(sd, forKey: .sd)  // null rather than missing
      try container.encode(seeds, forKey: .seeds)
      try container.encode(bySeed, forKey: .bySeed)
    }
  }

  /// A paired difference over the seeds with its 95 % interval (Student's t).
  struct Gain: Codable {
    let mean: Double
    let low: Double?
    let high: Double?

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(mean, forKey: .mean)
      try container.encode(low, forKey: .low)  // null rather than missing
      try container.encode(high, forKey: .high)
    }
  }

  struct Published: Codable {
    let stl: Double
    let mtl: Double
    let gain: Double

    init(stl: Double, mtl: Double) {
      self.stl = stl
      self.mtl = mtl
      gain = mtl - stl
    }
  }

  /// The single-task network with the highest mean on the cell's own test data, and MTL against it.
  struct Strongest: Codable {
    let name: String
    let figure: Figure
    let gain: Gain
    let verdict: Verdict
  }

  /// A cell of the paper's Table I or II.
  struct Cell: Codable {
    let table: Int
    let problem: String
    let scenario: String
    let branch: String
    let published: Published
    /// Balanced accuracy: the paper's accuracy on balanced data, averaged over all ways to balance them.
    let stl: Figure
    let mtl: Figure
    let gain: Gain
    let `protocol`: String
    let note: String
    /// Whether MTL is above the published MTL figure; nil for other records than the paper's, and where the question is another.
    let abovePublished: Bool?
    /// MTL against the cell's STL.
    let verdict: Verdict
    let strongest: Strongest
    let study: String
  }

  enum Verdict: String, Codable {
    case beats = "MTL beats STL"
    case undecided = "no difference shown"
    case loses = "MTL loses to STL"

    /// By the interval of MTL - STL; without one (a single seed) nothing is shown.
    init(_ gain: Gain) {
      self = (gain.low ?? 0) > 0 ? .beats : (gain.high ?? 0) < 0 ? .loses : .undecided
    }
  }

  /// The mean over the three branches, as the tables' last row.
  struct Average: Codable {
    let table: Int
    let problem: String
    let published: Published
    let stl: Figure
    let mtl: Figure
    let gain: Gain
    let abovePublished: Bool?
    let verdict: Verdict
  }

  struct StudyResult: Codable {
    let id: String
    let title: String
    let branch: String
    let split: String?
    let records: [String]
    let targets: [String]
    let classes: [String]
    let reference: String
    let examples: Int
    let entrants: [Entrant]
  }

  struct Entrant: Codable {
    let name: String
    let `protocol`: String
    let parameters: Int
    /// The mean over the targets, for each seed.
    let balancedAccuracy: Figure
    /// One class-balanced draw of the test beats, by the seed.
    let accuracy: Figure?
    let macroF1: Figure
    let auc: Figure?
    let sensitivity: Figure?
    let specificity: Figure?
    /// Against the study's reference.
    let gain: Gain?
    /// The mean over the seeds, a figure a target.
    let byTarget: [Figure]
    /// The sum over seeds and targets, a row a true class.
    let confusion: [[Int]]
    /// The same, each row as shares of it.
    let confusionShares: [[Double]]
    /// Mean true-positive rate at each of `rocRates`.
    let roc: [Double]?
    let losses: [Double]
  }

  struct Tuning: Codable {
    let study: String
    let title: String
    let branch: String
    let system: String
    let settings: Int
    let validation: Spread
    let test: Spread
    /// The setting that validation chooses for each target or seed, and the mean of what these give on test data.
    let chosen: [Setting]
    let chosenTest: Double
  }

  /// The settings tried: every combination.
  struct TuningGrid: Codable {
    var learningRates = TuningUnit.learningRates
    var widths = TuningUnit.widths
    var shares = TuningUnit.shares
  }

  struct Spread: Codable {
    let best: Double
    let median: Double
    let worst: Double
    let sd: Double
  }

  struct Setting: Codable {
    let target: String?
    let seed: UInt64
    let learningRate: Double
    let width: Int
    let steps: Int
    let test: Double
  }

  /// A stretch of a target's ECG and the verdicts on its beats.
  struct Strip: Codable {
    let record: String
    let lead: String
    let study: String
    let system: String
    let seed: UInt64
    /// Samples a second, in seconds from the record's start.
    let rate: Double
    let start: Double
    let seconds: Double
    let samples: [Float]
    let beats: [Beat]

    struct Beat: Codable {
      let second: Double
      let annotated: String
      let judged: String
    }
  }

  struct Choice: Codable {
    let matter: String
    let choice: String
    let how: String
  }

  /// The run that wrote this: it was to see to `units`, and found `kept` of them done by an earlier run.
  struct Run: Codable {
    let heartwood: String
    let source: String
    let seeds: Int
    /// Of each network's steps, how many were made: 1, or less with `--quick`.
    let shareOfSteps: Double
    let seconds: Double
    let ranks: Int
    let units: Int
    let kept: Int
  }

  let run: Run
  let records: [String]
  let target: String
  let rhythmRecords: [String]
  let rhythmTargets: [String]
  let cells: [Cell]
  let averages: [Average]
  let studies: [StudyResult]
  let transfer: [Transfer]
  let tuning: [Tuning]
  let tuningGrid: TuningGrid?
  let strip: Strip?
  let choices: [Choice]
  let notes: [String]
  let rocRates: [Double]
}

// MARK: Over the seeds

extension PaperResults.Figure {
  init(_ values: [Double]) {
    self.init(
      mean: Statistics.mean(values), sd: Statistics.deviation(values), seeds: values.count, bySeed: values)
  }

  /// Nil if a seed has no value.
  init?(_ values: [Double?]) {
    let known = values.compactMap { $0 }
    guard known.count == values.count, !known.isEmpty else { return nil }
    self.init(known)
  }
}

extension PaperResults.Gain {
  init(_ ours: [Double], over others: [Double]) {
    let differences = zip(ours, others).map { $0 - $1 }
    let (mean, half) = (Statistics.mean(differences), Statistics.halfInterval(differences))
    self.init(mean: mean, low: half.map { mean - $0 }, high: half.map { mean + $0 })
  }
}

extension PaperResults.Spread {
  init(_ values: [Double]) {
    self.init(
      best: values.max() ?? 0, median: Statistics.median(values), worst: values.min() ?? 0,
      sd: Statistics.deviation(values) ?? 0)
  }
}
