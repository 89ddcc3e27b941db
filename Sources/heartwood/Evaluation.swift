import Cohort
import SharedTrunk

/// `evaluation.json`: a model judged on records. Rates are fractions from 0 to 1.
struct Evaluation: Encodable {
  /// A record's figures.
  struct Record: Encodable {
    let name: String
    /// target, seen in training, or adapted on the record's first seconds, before those that are judged.
    let part: String
    /// The one that was read.
    let lead: String
    let metrics: Metrics
    /// Whether all its beats are of one class, so that it has no balanced accuracy.
    let isOfOneClass: Bool
    let aamiClasses: [AAMIFigures]?
  }

  /// A record's beats and the network's answers.
  struct Judged {
    let name: String
    let part: String
    let lead: String
    let examples: Examples
    let probabilities: [Float]
    /// Why there are no beats.
    let reason: String?
  }

  /// A record that cannot be judged.
  struct LeftOut: Encodable {
    let name: String
    let reason: String
  }

  let model: String
  let network: String
  let data: [String]
  let `protocol`: String
  /// Beats are judged from this second of each record on.
  let from: Double
  let problem: String
  let labelling: String
  let classes: [String]
  /// All records' beats together.
  let test: Summary.Test
  let perRecord: [Record]
  /// Of all records that were asked for: those that cannot be judged.
  let leftOut: [LeftOut]

  /// Throws `Failure` if no record has a beat.
  init(
    _ judged: [Judged], _ description: ModelDescription, model: String, _ databases: Databases,
    answer: String, from: Double
  ) throws {
    let (classes, seed) = (description.classes, description.options.seed)
    func figures(_ judged: [Judged], _ perPatient: PatientMeans? = nil) -> Summary.Test {
      Summary.Test(
        judged.flatMap(\.examples.labels), judged.flatMap(\.probabilities), classes: classes.count,
        seed: seed, protocol: answer, perPatient: perPatient,
        aami: description.problem == Problem.detection.rawValue
          ? judged.flatMap(\.examples.symbols).map(AAMIClass.init(symbol:)) : nil)
    }
    let kept = judged.filter { $0.examples.count > 0 }
    guard !kept.isEmpty else {
      throw Failure(
        .data,
        "no record in \(databases.folders.joined(separator: ", ")) has a beat to judge by this model"
          + (judged.first?.reason.map { " (\($0))" } ?? ""))
    }
    self.model = model
    self.network = description.system.name
    self.data = databases.folders
    self.protocol = answer
    self.from = from
    self.problem = description.problem
    self.labelling = description.input.labelling
    self.classes = classes
    let records = kept.map { record in
      let own = figures([record])
      return Record(
        name: record.name, part: record.part, lead: record.lead, metrics: own.metrics,
        isOfOneClass: own.metrics.isOfOneClass, aamiClasses: own.aamiClasses)
    }
    perRecord = records
    test = figures(kept, PatientMeans(records.map { ($0.name, $0.metrics) }))
    leftOut = judged.compactMap { record in record.reason.map { LeftOut(name: record.name, reason: $0) } }
  }
}
