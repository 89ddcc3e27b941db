import ArgumentParser
import Cohort
import Foundation
import MPI
import Report
import SharedTrunk

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Judge a trained model on records.",
    discussion: """
      Example:
        heartwood evaluate --model runs/first/model --data mitdb --records 205,207 --output runs/judged
      """)

  @Option(help: ArgumentHelp("A run's model folder.", valueName: "dir"))
  var model: String
  @Option(
    help: ArgumentHelp(
      "Folder of a WFDB database (default: the environment's HEARTWOOD_DATA).", valueName: "dir"))
  var data: String?
  @Option(help: ArgumentHelp("Records to judge.", valueName: "list"))
  var records: RecordList
  @Option(name: .customLong("protocol"), help: "How the network answers (default: as the model says).")
  var answer: PredictionProtocol?
  @Option(help: "Lead to read (default: MLII, or a record's first ECG lead).")
  var lead: String?
  @Option(help: ArgumentHelp("Folder to write evaluation.json to.", valueName: "dir"))
  var output: String

  func run() throws {
    let folder = data ?? ProcessInfo.processInfo.environment["HEARTWOOD_DATA"] ?? ""
    guard !folder.isEmpty else { throw Failure(.usage, "no data: give --data DIR (or HEARTWOOD_DATA)") }
    Session.run { session in try judge(session, folder) }
  }

  private func judge(_ session: Session, _ folder: String) throws {
    let judge = try ModelInUse(model, answer: answer, records: records.names, session)
    let description = judge.description
    try session.together { if session.leads { try OutputFolder.make(output) } }
    var results: [Summary.Result] = []
    var (labels, probabilities): ([Int32], [Float]) = ([], [])
    for record in records.names {
      let examples = try session.together {
        session.leads ? try description.examples(of: "\(folder)/\(record)", lead: lead) : nil
      }
      let target = try RunData.share(record, examples, session.communicator)
      let part = try judge.probabilities(target, session)
      guard session.leads else { continue }
      results.append(
        .init(
          name: record, part: description.records.contains(record) ? "seen in training" : "target",
          metrics: metrics(target.labels, part, description)))
      labels += target.labels
      probabilities += part
    }
    try session.together {
      guard session.leads else { return }
      let evaluation = Evaluation(
        model: model, protocol: judge.network.answerName(judge.answer),
        test: metrics(labels, probabilities, description),
        perRecord: results)
      try AtomicFile.write(try JSONEncoder.readable.encode(evaluation), to: "\(output)/evaluation.json")
      say(
        ResultTable.text(
          [(description.system.name, results)], classes: description.classes, inconsistent: false))
      say("Written: \(output)/evaluation.json")
    }
  }

  private func metrics(_ labels: [Int32], _ probabilities: [Float], _ description: ModelDescription)
    -> Metrics
  {
    Metrics(
      labels: labels, probabilities: probabilities, classes: description.classes.count,
      seed: description.options.seed)
  }

  /// `evaluation.json`.
  private struct Evaluation: Encodable {
    let model: String
    let `protocol`: String
    /// All records' beats together.
    let test: Metrics
    let perRecord: [Summary.Result]
  }
}

extension ModelDescription {
  /// A record's examples, cut and labelled as the model's were. The model may know fewer rhythms than its labelling names.
  fileprivate func examples(of record: String, lead: String?) throws -> Examples {
    let examples = try Patient.load(record: record, window: window, lead: lead, labelling: labelling).examples
    let numbers = labelling.classNames.enumerated().compactMap { number, name in
      classes.firstIndex(of: name).map { (Int32(number), Int32($0)) }
    }
    let known = examples.renumbered(Dictionary(uniqueKeysWithValues: numbers))
    guard known.count > 0 else {
      throw Failure(
        .data, "record \(record) has no beat of the model's classes (\(classes.joined(separator: ", ")))")
    }
    return known
  }
}
