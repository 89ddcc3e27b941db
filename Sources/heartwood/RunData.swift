import Cohort
import Foundation
import MPI
import SharedTrunk

/// Who plays in a run: the records of the tasks and of the targets, and the folder that holds them.
struct Cast {
  let sources: [String]
  let targets: [String]

  /// The paper's records, where none are named.
  static let paperSources = ["106", "114", "119", "201", "203"]
  static let paperTarget = "205"

  init(_ command: Train, _ source: DataSource) throws {
    switch source {
    case .simulated(let patients, _):
      let names = (1...patients).map(SimulatedCohort.name(of:))
      let unseen = command.scenario == .inconsistent ? 1 : 0
      sources = names.dropLast(unseen)
      targets = names.suffix(unseen)
    case .folder:
      let known = command.scenario == .consistent
      sources = command.records?.names ?? Self.paperSources + (known ? [Self.paperTarget] : [])
      targets = known ? [] : command.targets?.names ?? [Self.paperTarget]
    }
    let files = sources.map(ModelFolder.taskFile)
    if Set(files).count != files.count {
      throw Failure(.usage, "--records: two names differ only in / and -, and their model files would be one")
    }
    if let both = sources.first(where: targets.contains) {
      throw Failure(
        .usage, "record \(both) is both a source and a target; name others by --records and --targets")
    }
  }
}

/// The examples of a run on this rank: its own tasks', and all targets'.
struct RunData {
  struct Target {
    let name: String
    /// The same windows on every rank; labels only where the record was read (the first rank).
    let examples: Examples
    let labels: [Int32]
  }

  static let classCount = Labelling.classCount

  let tasks: TaskSet
  let targets: [Target]
  let classes: [String]
  /// Training and own-part examples of every task.
  let counts: [(training: Int, own: Int)]
  /// Every record used, in order, and one number over all that was read of them.
  let records: [String]
  let fingerprint: String
  let seconds: Double

  /// Reads each task's record on the rank that owns it and the targets on the first; what cannot be used ends all ranks.
  init(_ command: Train, _ cast: Cast, _ source: DataSource, _ folder: RunFolder, _ session: Session) throws {
    let start = Environment.wallTime()
    let communicator = session.communicator
    let loader = try session.together { try Loader(command, source, folder, seed: command.seed) }
    let ownership = Ownership(tasks: cast.sources.count, ranks: session.ranks, rank: session.rank)
    let (patients, unseen) = try session.together {
      (
        try ownership.own.map { try loader.load(cast.sources[$0], $0) },
        session.leads
          ? try cast.targets.enumerated().map { try loader.load($0.element, cast.sources.count + $0.offset) }
          : []
      )
    }
    let own = try session.together { try patients.map { try Self.task($0, command) } }
    tasks = TaskSet(names: cast.sources, ownership: ownership, own: own)
    classes = loader.labelling.classNames
    targets = try cast.targets.enumerated().map { index, name in
      try Self.share(name, session.leads ? unseen[index].examples : nil, communicator)
    }
    let mine = own.flatMap { [Int64($0.training.count), Int64($0.test.count)] }
    let flat = try communicator.allgatherv(mine, kind: Message.status).flatMap { $0 }
    counts = stride(from: 0, to: flat.count, by: 2).map { (Int(flat[$0]), Int(flat[$0 + 1])) }
    try Self.requireEveryClass(own, classes, session)
    let prints = try communicator.allgatherv(
      (patients + unseen).map { Int64(bitPattern: $0.fingerprint) }, kind: Message.status
    ).flatMap { $0 }
    records = cast.sources + cast.targets
    // A sum does not depend on which rank read which record.
    fingerprint = String(format: "%016llx", prints.reduce(UInt64(0)) { $0 &+ UInt64(bitPattern: $1) })
    seconds = Environment.wallTime() - start
  }

  /// A patient's examples as one task. In the inconsistent scenario the last 15 % of the time validates and is what the task's own
  /// slot is judged on; in the consistent one the test part is apart.
  private static func task(_ patient: Patient, _ command: Train) throws -> TaskData {
    let inconsistent = command.scenario == .inconsistent
    let part = patient.partition(
      inconsistent ? .source : (command.split ?? .chronological).split, seed: command.seed)
    guard !part.train.isEmpty else {
      throw Failure(
        .data, "record \(patient.name) has no usable beat in its training part; leave it out of --records")
    }
    let (training, validation) = (patient.examples[part.train], patient.examples[part.validation])
    return TaskData(
      name: patient.name, training: training, validation: validation,
      test: inconsistent ? validation : patient.examples[part.test])
  }

  /// Some source must have beats of each class, or there is nothing to tell apart.
  private static func requireEveryClass(_ own: [TaskData], _ classes: [String], _ session: Session) throws {
    for (label, name) in classes.enumerated() {
      let here = own.reduce(0) { $0 + $1.training.classCounts[label] }
      if try session.communicator.allreduce(Int64(here), .sum, kind: Message.status) == 0 {
        try session.end(
          .data, "no source record has a beat that is \(name) in its training part; name others by --records")
      }
    }
  }

  /// Sends a target's windows and RR features from the first rank to the owners of the branches. Labels stay.
  static func share(_ name: String, _ examples: Examples?, _ communicator: Communicator) throws -> Target {
    let lengths = try communicator.broadcast(
      [Int64(examples?.count ?? 0), Int64(examples?.windowLength ?? 0)], root: 0, kind: Message.status)
    let windows = try communicator.broadcast(examples?.windows ?? [], root: 0, kind: Message.targetBeats)
    let rr = try communicator.broadcast(examples?.rr ?? [], root: 0, kind: Message.targetBeats)
    let copy = examples ?? Examples(windowLength: Int(lengths[1]), windows: windows, rr: rr)
    return Target(name: name, examples: copy, labels: examples?.labels ?? [])
  }
}

/// Reads a patient's record, or writes a simulated one and reads that: both come by the same way.
private struct Loader {
  let folder: String
  let simulated: SimulatedCohort?
  let lead: String?
  let labelling: Labelling

  init(_ command: Train, _ source: DataSource, _ run: RunFolder, seed: UInt64) throws {
    lead = command.dataOptions.lead
    labelling = command.dataOptions.labelling.labelling
    switch source {
    case .folder(let path):
      folder = path
      simulated = nil
    case .simulated(let patients, let minutes):
      folder = "\(run.path)/simulated"
      simulated = try SimulatedCohort(patients: patients, minutes: minutes, seed: seed)
    }
  }

  func load(_ name: String, _ number: Int) throws -> Patient {
    if let simulated { _ = try simulated.write(patient: number + 1, to: folder) }
    return try Patient.load(record: "\(folder)/\(name)", window: .beat, lead: lead, labelling: labelling)
  }
}
