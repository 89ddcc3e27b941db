import Cohort
import MPI
import SharedTrunk

// A trained model put to use on records: what `evaluate` and `adapt` have in common.

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
  /// answer of the patient's own slot, `name` being a task; otherwise as an unseen patient's.
  func answer(_ examples: Examples, of name: String, _ answer: PredictionProtocol, _ session: Session) throws
    -> [Float]
  {
    guard answer == .own, let task = tasks.names.firstIndex(of: name) else {
      return try predict(examples, answer)
    }
    let ownership = tasks.ownership
    let mine = ownership.own.contains(task) ? predictOwn(task - ownership.own.lowerBound, examples) : []
    return try session.communicator.broadcast(mine, root: ownership.rank(of: task), kind: Message.metrics)
  }
}
