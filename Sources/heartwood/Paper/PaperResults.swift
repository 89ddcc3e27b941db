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
  }

  /// A paired difference over the seeds with its 95 % interval (Student's t).
  struct Gain: Codable {
    let mean: Double
    let low: Double?
    let high: Double?
  }

  struct Published: Codable {
    let stl: Double
    let mtl: Double
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
    /// Whether MTL is above the published MTL figure.
    let abovePublished: Bool
    /// MTL against the cell's STL, and against the strongest single-task network of the same run.
    let verdict: Verdict
    let strongest: String
    let verdictStrongest: Verdict
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
    /// The setting that validation chooses, and what it gives on test data.
    let chosen: Setting
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

  var heartwood: String
  var source: String
  var records: [String]
  var target: String
  var rhythmRecords: [String]
  var missingRhythmRecords: [String]
  var rhythmTargets: [String]
  var seeds: Int
  var cells: [Cell]
  var averages: [Average]
  var studies: [StudyResult]
  var tuning: [Tuning]
  var tuningGrid: TuningGrid?
  var strip: Strip?
  var choices: [Choice]
  var notes: [String]
  var rocRates: [Double]
  /// Of this run alone; of what an earlier one left, `kept` units.
  var seconds: Double
  var ranks: Int
  var units: Int
  var kept: Int
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
