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
    let description = try session.together { try ModelFolder.description(in: model) }
    let answer = description.isSingleNetwork ? .mean : self.answer ?? description.protocol
    let tasks = description.tasks
    guard session.ranks <= tasks.count else {
      try session.end(
        .usage, "\(session.ranks) ranks for \(tasks.count) tasks: use -n \(tasks.count) or fewer")
    }
    if answer == .own, let stranger = records.names.first(where: { !tasks.contains($0) }) {
      try session.end(
        .usage,
        "--protocol own: record \(stranger) is not a task of the model (\(tasks.joined(separator: ", ")))")
    }
    if answer == .own && description.heads == .oneVersusRest {
      try session.end(.usage, "--protocol own: the model's heads answer together, one for each class")
    }
    if answer == .slot && !description.options.slotDropout && description.system == .mtl(.concat) {
      try session.end(.usage, "--protocol slot: the model was trained without --slot-dropout")
    }
    try session.requireMemory(
      description.shape.bytes(batch: description.options.batch)
        * Double((tasks.count - 1) / session.ranks + 1))
    try session.together { try makeOutput(session) }
    let network = try load(description, session)
    var results: [Summary.Result] = []
    var (labels, probabilities): ([Int32], [Float]) = ([], [])
    for record in records.names {
      let examples = try session.together {
        session.leads ? try description.examples(of: "\(folder)/\(record)", lead: lead) : nil
      }
      let target = try RunData.share(record, examples, session.communicator)
      let part = try self.probabilities(network, target, answer, description, session)
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
        model: model, protocol: network.answerName(answer), test: metrics(labels, probabilities, description),
        perRecord: results)
      try AtomicFile.write(try JSONEncoder.readable.encode(evaluation), to: "\(output)/evaluation.json")
      say(
        ResultTable.text(
          [(description.system.name, results)], classes: description.classes, inconsistent: false))
      say("Written: \(output)/evaluation.json")
    }
  }

  private func load(_ description: ModelDescription, _ session: Session) throws -> Network {
    let ownership = Ownership(tasks: description.tasks.count, ranks: session.ranks, rank: session.rank)
    let none = Examples(windowLength: description.input.length)
    let own = ownership.own.map {
      TaskData(name: description.tasks[$0], training: none, validation: none, test: none)
    }
    let tasks = TaskSet(names: description.tasks, ownership: ownership, own: own, heads: description.heads)
    let network = try Network(
      description.system.form(tasks), description.shape, tasks, description.options, session.communicator)
    try session.together { try network.read(from: model) }
    try network.prepareAfterReading()
    return network
  }

  private func probabilities(
    _ network: Network, _ target: RunData.Target, _ answer: PredictionProtocol,
    _ description: ModelDescription,
    _ session: Session
  ) throws -> [Float] {
    guard answer == .own, let task = description.tasks.firstIndex(of: target.name) else {
      return try network.predict(target.examples, answer)
    }
    let ownership = network.tasks.ownership
    let mine =
      ownership.own.contains(task) ? network.predictOwn(task - ownership.own.lowerBound, target.examples) : []
    return try session.communicator.broadcast(mine, root: ownership.rank(of: task), kind: Message.metrics)
  }

  private func metrics(_ labels: [Int32], _ probabilities: [Float], _ description: ModelDescription)
    -> Metrics
  {
    Metrics(
      labels: labels, probabilities: probabilities, classes: description.classes.count,
      seed: description.options.seed)
  }

  private func makeOutput(_ session: Session) throws {
    guard session.leads else { return }
    do {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    } catch {
      throw Failure(.cannotCreate, "cannot create --output \(output)")
    }
    guard access(output, W_OK) == 0 else {
      throw Failure(.cannotCreate, "cannot write into --output \(output)")
    }
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
  fileprivate var system: System { learning == .stl ? .stl(baseline ?? .pooled) : .mtl(fusion) }

  fileprivate var window: WindowShape {
    WindowShape(length: input.length, rate: input.rate, before: input.before)
  }

  /// A record's examples, cut and labelled as the model's were. The model may know fewer rhythms than its labelling names.
  fileprivate func examples(of record: String, lead: String?) throws -> Examples {
    // A description with a labelling of another name is refused when it is read.
    let labelling = Labelling(rawValue: input.labelling)!
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
