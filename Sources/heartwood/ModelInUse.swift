import Cohort
import Foundation
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
    description = try session.together { try ModelFolder.description(in: folder) }
    answer = description.isSingleNetwork ? .mean : asked ?? description.protocol
    try Self.check(description, answer, records, session)
    try session.requireMemory(
      description.shape.bytes(batch: description.options.batch)
        * Double((description.tasks.count - 1) / session.ranks + 1))
    network = try Self.load(description, folder, session)
  }

  private static func check(
    _ description: ModelDescription, _ answer: PredictionProtocol, _ records: [String], _ session: Session
  ) throws {
    let tasks = description.tasks
    guard session.ranks <= tasks.count else {
      try session.end(
        .usage, "\(session.ranks) ranks for \(tasks.count) tasks: use -n \(tasks.count) or fewer")
    }
    if answer == .own, let stranger = records.first(where: { !tasks.contains($0) }) {
      try session.end(
        .usage,
        "--protocol own: record \(stranger) is not a task of the model (\(tasks.joined(separator: ", ")))")
    }
    if answer == .own && description.heads == .oneVersusRest {
      try session.end(.usage, "--protocol own: the model's heads answer together, one for each class")
    }
    let isAnchored = description.system == .mtl(.anchored)
    if answer.isOfAnchors != isAnchored && !(description.isSingleNetwork || description.system == .mtl(.hard))
    {
      try session.end(
        .usage,
        isAnchored
          ? "--protocol \(answer.rawValue): an anchored model answers by typical, all, trimmed or gated"
          : "--protocol \(answer.rawValue): the model is not anchored")
    }
    if answer == .slot && !description.options.slotDropout && description.system == .mtl(.concat) {
      try session.end(.usage, "--protocol slot: the model was trained without --slot-dropout")
    }
  }

  private static func load(_ description: ModelDescription, _ folder: String, _ session: Session) throws
    -> Network
  {
    let ownership = Ownership(tasks: description.tasks.count, ranks: session.ranks, rank: session.rank)
    let none = Examples(windowLength: description.input.length)
    let own = ownership.own.map {
      TaskData(name: description.tasks[$0], training: none, validation: none, test: none)
    }
    let tasks = TaskSet(names: description.tasks, ownership: ownership, own: own, heads: description.heads)
    let network = try Network(
      description.system.form(tasks), description.shape, tasks, description.options, session.communicator)
    try session.together { try network.read(from: folder) }
    try network.prepareAfterReading()
    return network
  }

  /// Class probabilities of a target's examples, count x classes, on every rank. `acquaintance`: what the network knows of the target;
  /// what these examples tell it if nil.
  func probabilities(
    _ target: RunData.Target, knowing acquaintance: Acquaintance? = nil, _ session: Session
  ) throws -> [Float] {
    guard answer == .own, let task = description.tasks.firstIndex(of: target.name) else {
      return try network.predict(
        target.examples, answer, acquaintance ?? network.acquaintance(with: target.examples, answer))
    }
    let ownership = network.tasks.ownership
    let mine =
      ownership.own.contains(task) ? network.predictOwn(task - ownership.own.lowerBound, target.examples) : []
    return try session.communicator.broadcast(mine, root: ownership.rank(of: task), kind: Message.metrics)
  }
}

extension ModelDescription {
  var system: System { learning == .stl ? .stl(baseline ?? .pooled) : .mtl(fusion) }

  var window: WindowShape {
    WindowShape(length: input.length, rate: input.rate, before: input.before)
  }

  /// A description with a labelling of another name is refused when it is read.
  var labelling: Labelling { Labelling(rawValue: input.labelling)! }
}

/// `--output` of a command that writes a few files into a folder, new or old.
enum OutputFolder {
  /// Throws `Failure` if nothing can be written into it.
  static func make(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw Failure(.cannotCreate, "cannot create --output \(path)")
    }
    guard access(path, W_OK) == 0 else {
      throw Failure(.cannotCreate, "cannot write into --output \(path)")
    }
  }
}
