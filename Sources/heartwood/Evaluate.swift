import ArgumentParser
import Cohort
import Files
import Foundation
import MPI
import SharedTrunk

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Judge a trained model on records.",
    discussion: """
      Any database in WFDB form: a record is a header, signal files and an annotation file. Writes evaluation.json, evaluation.csv and \
      evaluation.html.

      Example:
        heartwood evaluate --model runs/first/model --data mitdb --records 205,207 --output runs/judged
        heartwood evaluate --model runs/first/model --data mitdb --data svdb --records all --output runs/judged
      """)

  @Option(help: ArgumentHelp("A run's model folder.", valueName: "dir"), completion: .directory)
  var model: String
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Folder of a WFDB database (default: the environment's HEARTWOOD_DATA); may be given again.",
      valueName: "dir"), completion: .directory)
  var data: [String] = []
  @Option(
    help: ArgumentHelp("Records to judge, comma-separated, or all that have annotations.", valueName: "list"),
    transform: RecordChoice.init(parsing:))
  var records: RecordChoice
  @Option(help: ArgumentHelp("Extension of the annotation files.", valueName: "extension"))
  var annotator = "atr"
  @Option(name: .customLong("protocol"), help: "How the network answers (default: as the model says).")
  var answer: PredictionProtocol?
  @Option(
    help: "Lead to read (default: as the model was trained, by name or MLII, or a record's first ECG lead).")
  var lead: String?
  @Option(
    parsing: .unconditional,
    help: "Judge only what lies after so many seconds of a record, such as those it was adapted on.")
  var from: Double = 0
  @Option(help: ArgumentHelp("Folder to write to.", valueName: "dir"), completion: .directory)
  var output: String

  func validate() throws {
    guard from >= 0, from <= 1e9 else { throw ValidationError("--from \(from): seconds from 0 on") }
    try checkAnnotator(annotator)
  }

  func run() throws {
    let databases = try Databases(data, annotator: annotator)
    Session.run { session in try judge(session, databases) }
  }

  private func judge(_ session: Session, _ databases: Databases) throws {
    let places = try session.fromFirst { try databases.places(records) }
    let judge = try ModelInUse(model, answer: answer, records: places.map(\.name), session)
    let description = judge.description
    try session.together { if session.leads { try OutputFolder.make(output) } }
    var judged: [Evaluation.Judged] = []
    for place in places {
      let read = try session.together { session.leads ? try self.read(place, description) : nil }
      let target = try RunData.share(place.name, read?.examples, session.communicator)
      let probabilities = try judge.probabilities(target, session)
      guard let read else { continue }
      judged.append(
        .init(
          name: place.name, part: part(of: place.name, description), lead: read.lead,
          examples: target.examples, probabilities: probabilities, reason: read.reason))
    }
    try session.together {
      guard session.leads else { return }
      let evaluation = try Evaluation(
        judged, description, model: model, databases, answer: judge.network.answerName(judge.answer),
        from: from)
      try write(evaluation)
    }
  }

  /// What the model has seen of the patient. Two databases may have a record of one name, which counts as one patient.
  private func part(of record: String, _ description: ModelDescription) -> String {
    let adaptation = description.adaptations?.first { RecordFiles($0.task).name == RecordFiles(record).name }
    if let adaptation, from >= adaptation.seconds {
      return "adapted on the first \(decimals(adaptation.seconds, 1)) s"
    }
    return description.holds(record) ? "seen in training" : "target"
  }

  /// The beats to judge; where all records were asked for, none of one that cannot be used, and why.
  private func read(_ place: Databases.Place, _ description: ModelDescription) throws -> (
    lead: String, examples: Examples, reason: String?
  ) {
    do {
      let patient = try Patient.load(
        record: place.path, window: description.window, lead: lead ?? description.input.lead,
        labelling: description.labelling, annotator: annotator)
      let known = description.numbered(from > 0 ? patient.examples(fromSecond: from) : patient.examples)
      guard known.count == 0 else { return (patient.lead, known, nil) }
      throw Failure(
        .data,
        "record \(place.name) has no beat of the model's classes (\(description.classes.joined(separator: ", ")))"
          + (from > 0 ? " after second \(from) (--from)" : ""))
    } catch {
      let failure = Failure(error)
      guard case .all = records, [.data, .inputOutput].contains(failure.status) else { throw error }
      return ("", Examples(windowLength: description.input.length), failure.message)
    }
  }

  private func write(_ evaluation: Evaluation) throws {
    let tables = EvaluationTables(evaluation)
    let files = [
      ("evaluation.json", try JSONEncoder.readable.encode(evaluation)),
      ("evaluation.csv", Data(tables.csv.utf8)),
      ("evaluation.html", Data(EvaluationPage(evaluation).html.utf8)),
    ]
    for (name, data) in files { try AtomicFile.write(data, to: "\(output)/\(name)") }
    say(tables.text)
    say("Written: " + files.map { "\(output)/\($0.0)" }.joined(separator: ", "))
  }
}
