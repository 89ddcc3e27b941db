import Cohort
import Foundation
import SharedTrunk

/// `summary.json` of a run folder. Accuracies and rates are fractions from 0 to 1.
struct Summary: Codable {
  struct Task: Codable {
    let name: String
    let rank: Int
    let trainExamples: Int
    /// Of other tasks, for training alone.
    let borrowedExamples: Int
    /// Examples that the task's own slot is judged on: its test part, or in the inconsistent scenario its validation part.
    let testExamples: Int
  }
  struct Loss: Codable {
    let first: Double
    let last: Double
  }
  struct Result: Codable {
    let name: String
    /// target, test, or validation (which early stopping has seen).
    let part: String
    let metrics: Metrics
  }
  /// `Metrics` of all test beats together, and how they were judged.
  struct Test: Codable {
    let metrics: Metrics
    let `protocol`: String
    /// Where the beats are known by patient.
    let perPatient: PatientMeans?
    /// Of abnormal beats told from normal ones, where the beats' symbols are at hand.
    let aamiClasses: [AAMIFigures]?

    /// `probabilities`: count x classes. `aami`: of every beat; nil where abnormal beats are not what is told, or not at hand.
    init(
      _ labels: [Int32], _ probabilities: [Float], classes: Int, seed: UInt64, protocol: String,
      perPatient: PatientMeans? = nil, aami: [AAMIClass?]?
    ) {
      metrics = Metrics(labels: labels, probabilities: probabilities, classes: classes, seed: seed)
      self.protocol = `protocol`
      self.perPatient = perPatient
      aamiClasses = aami.map {
        AAMIFigures.all($0, verdicts: Metrics.verdicts(probabilities, classes: classes))
      }
    }

    func encode(to encoder: any Encoder) throws {
      try metrics.encode(to: encoder)
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(`protocol`, forKey: .protocol)
      try container.encodeIfPresent(perPatient, forKey: .perPatient)
      try container.encodeIfPresent(aamiClasses, forKey: .aamiClasses)
    }
    init(from decoder: any Decoder) throws {
      metrics = try Metrics(from: decoder)
      let container = try decoder.container(keyedBy: Key.self)
      `protocol` = try container.decode(String.self, forKey: .protocol)
      perPatient = try container.decodeIfPresent(PatientMeans.self, forKey: .perPatient)
      aamiClasses = try container.decodeIfPresent([AAMIFigures].self, forKey: .aamiClasses)
    }
    enum Key: CodingKey { case `protocol`, perPatient, aamiClasses }
  }
  struct Validation: Codable {
    let bestStep: Int
    let balancedAccuracy: Double?
  }
  /// A network trained beside the run's own, on the same budget of examples.
  struct Baseline: Codable {
    let name: String
    let parameters: Int
    let loss: Loss
    let validation: Validation
    let test: Test?
    let perTask: [Result]
  }
  struct Throughput: Codable {
    let examplesPerSecond: Double
    let stepMilliseconds: Double
  }
  struct Wire: Codable {
    /// Payload handed to others by one rank in one training step, status and loss included.
    let bytesPerStepPerRank: Int
    let collectivesPerStep: Int
    /// Payload of the whole run, baselines and judgement included, all ranks together. What is sent later is not in it: this sum
    /// itself, and the agreement that the run's files are written (8 bytes a number).
    let bytesByKind: [String: Int]
    /// All that was handed to others: the sum of the kinds, or a kind is missing there.
    let bytes: Int
  }
  struct DataUsed: Codable {
    let records: [String]
    let fingerprint: String
    /// What a reader should know of the choice of records.
    let note: String?
  }
  struct Seconds: Codable {
    let total: Double
    let startup: Double
    let data: Double
    let training: Double
    let evaluation: Double
  }

  let heartwood: String
  let problem: String
  let scenario: String
  let branch: String
  let learning: String
  let fusion: String
  let exchange: String
  /// Which tasks the problem was cut into: paper or patient.
  let taskKind: String
  let pairing: String
  /// How each patient's beats were split (consistent scenario).
  let split: String?
  let classes: [String]
  let source: String
  let ranks: Int
  let tasks: [Task]
  let targets: [String]
  let seed: UInt64
  let batch: Int
  let steps: Int
  let parameters: Int
  let loss: Loss
  let validation: Validation
  /// Nil without a target to test on.
  let test: Test?
  let perTask: [Result]
  let baselines: [Baseline]
  let throughput: Throughput
  let wire: Wire
  let data: DataUsed
  /// All that the results depend on, in words: options, records, their fingerprints. Nil in runs of before.
  let identity: [String: String]?
  let seconds: Seconds
  /// What saving the run's own network cost the first rank; nil if nothing was saved.
  let checkpoints: CheckpointFigures?
  let peakMemoryMB: [Double]

  func encoded() throws -> Data { try JSONEncoder.readable.encode(self) }
}

extension JSONEncoder {
  /// Keys in order, one a line.
  static var readable: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return encoder
  }

  static var line: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }
}
