import Cohort
import Files
import Foundation
import MPI
import SharedTrunk

/// A model folder in use on all ranks: each has read its tasks' parts, and what is asked of the model is what it can do.
struct ModelInUse {
  let description: ModelDescription
  let network: Network
  let answer: PredictionProtocol

  /// - Parameters:
  ///   - folder: the model's.
  ///   - asked: how the network is to answer; nil for as the model says.
  ///   - records: whom it is to judge.
  init(_ folder: String, answer asked: PredictionProtocol?, records: [String], _ session: Session) throws {
    description = try session.together { try ModelFolder.descriptionOfWhole(in: folder) }
    if let asked, description.isSingleNetwork {
      try session.end(
        .usage, "--protocol \(asked.rawValue): the model is a single network, which answers for all alike")
    }
    answer = description.isSingleNetwork ? .mean : asked ?? description.protocol
    try description.requireRoom(session)
    try Self.check(description, answer, records, session)
    network = try description.load(from: folder, session)
  }

  private static func check(
    _ description: ModelDescription, _ answer: PredictionProtocol, _ records: [String], _ session: Session
  ) throws {
    let tasks = description.tasks
    if answer == .own, let stranger = records.first(where: { !tasks.contains($0) }) {
      try session.end(
        .usage,
        "--protocol own: record \(stranger) is not a task of the model (\(tasks.joined(separator: ", ")))")
    }
    if answer == .own && description.heads == .oneVersusRest {
      try session.end(.usage, "--protocol own: the model's heads answer together, one for each class")
    }
    let isAnchored = description.system == .mtl(.anchored)
    if isAnchored && !answer.isOfAnchors {
      try session.end(
        .usage,
        "--protocol \(answer.rawValue): an anchored model answers by typical, all, trimmed or gated")
    }
    if answer.isOfAnchors && !isAnchored {
      try session.end(.usage, "--protocol \(answer.rawValue): the model is not anchored")
    }
    if answer == .slot && !description.options.slotDropout && description.system == .mtl(.concat) {
      try session.end(.usage, "--protocol slot: the model was trained without --slot-dropout")
    }
  }

  /// Class probabilities (count x classes) of one patient's beats on every rank; every rank passes the same beats. `acquaintance`: what
  /// the network knows of the patient; nil for what these beats tell it.
  func probabilities(
    _ target: RunData.Target, knowing acquaintance: Acquaintance? = nil, _ session: Session
  ) throws -> [Float] {
    try network.answer(target.examples, of: target.name, answer, knowing: acquaintance, session)
  }
}

extension ModelDescription {
  var system: System { learning == .stl ? .stl(baseline ?? .pooled) : .mtl(fusion) }

  var window: WindowShape { WindowShape(length: input.length, rate: input.rate, before: input.before) }

  /// A description with a labelling of another name is refused when it is read.
  var labelling: Labelling { Labelling(rawValue: input.labelling)! }

  /// A record's examples under the model's own class numbers; it may know fewer rhythms than its labelling names.
  func numbered(_ examples: Examples) -> Examples {
    let numbers = labelling.classNames.enumerated().compactMap { number, name in
      classes.firstIndex(of: name).map { (Int32(number), Int32($0)) }
    }
    return examples.renumbered(Dictionary(uniqueKeysWithValues: numbers))
  }

  /// Whether a record of this name, in whatever folder, was trained on.
  func holds(_ record: String) -> Bool {
    records.contains { RecordFiles($0).name == RecordFiles(record).name }
  }

  /// The model's tasks without any examples.
  func taskSet(_ ownership: Ownership) -> TaskSet {
    let none = Examples(windowLength: input.length)
    return TaskSet(
      names: tasks, ownership: ownership,
      own: ownership.own.map {
        TaskData(name: tasks[$0], training: none, validation: none, test: none)
      }, heads: heads)
  }

  /// The network with the folder's weights, its tasks dealt out to the ranks. All ranks call it, and all throw alike.
  func load(from folder: String, _ session: Session) throws -> Network {
    let set = taskSet(Ownership(tasks: tasks.count, ranks: session.ranks, rank: session.rank))
    let network = try Network(system.form(set), shape, set, options, session.communicator)
    try session.together { try network.read(from: folder) }
    try network.prepareAfterReading()
    return network
  }

  /// Ends the job if there are more ranks than tasks, or too little memory for a rank's share of them.
  func requireRoom(_ session: Session) throws {
    guard session.ranks <= tasks.count else {
      try session.end(
        .usage, "\(session.ranks) ranks for \(tasks.count) tasks: use -n \(tasks.count) or fewer")
    }
    try session.requireMemory(
      shape.bytes(batch: options.batch) * Double((tasks.count - 1) / session.ranks + 1))
  }
}

extension Network {
  /// Class probabilities (count x classes) of one patient's beats on every rank; every rank passes the same beats. By `own` the
  /// answer of the patient's own slot, `name` being a task; otherwise as an unseen patient's. Answers that are no numbers end the job.
  func answer(
    _ examples: Examples, of name: String, _ answer: PredictionProtocol,
    knowing acquaintance: Acquaintance? = nil, _ session: Session
  ) throws -> [Float] {
    let probabilities: [Float]
    if answer == .own, let task = tasks.names.firstIndex(of: name) {
      let ownership = tasks.ownership
      let mine = ownership.own.contains(task) ? predictOwn(task - ownership.own.lowerBound, examples) : []
      probabilities = try session.communicator.broadcast(
        mine, root: ownership.rank(of: task), kind: Message.metrics)
    } else if let acquaintance {
      probabilities = try predict(examples, answer, acquaintance)
    } else {
      probabilities = try predict(examples, answer)
    }
    guard probabilities.allSatisfy(\.isFinite) else {
      try session.end(.internal, "the model's answers are not finite: its weights are too large")
    }
    return probabilities
  }
}

/// `--output` of a command that writes a few files into a folder, new or old.
enum OutputFolder {
  /// Makes it, and the folders in it that are to be there. Throws `Failure` if nothing can be written into one.
  static func make(_ path: String, for parts: [String] = []) throws {
    guard !path.isEmpty else { throw Failure(.usage, "--output is empty: it names the folder to write") }
    for folder in [path] + parts {
      let name = folder == path ? "--output \(path)" : folder
      do {
        try Folder.make(folder)
      } catch {
        throw Failure(.cannotCreate, "cannot create \(name): \(error.reason)")
      }
      guard access(folder, W_OK) == 0 else {
        throw Failure(.cannotCreate, "cannot write into \(name): \(String(cString: strerror(errno)))")
      }
    }
  }
}
