import Cohort
import Foundation
import MPI
import SharedTrunk

/// Who plays in a run: the source records and the targets.
struct Cast: Codable {
  let sources: [String]
  let targets: [String]
  /// What a reader should know of the choice.
  let note: String?

  /// The paper's records, where none are named.
  static let paperRecords = ["106", "114", "119", "201", "203", "205"]
  static let paperTarget = "205"

  /// The records of MIT-BIH that hold beats in the four rhythms.
  static let rhythmRecords = [
    "106", "114", "200", "201", "202", "203", "205", "207", "209", "210", "213", "214", "215", "217", "219",
    "220", "221", "222", "223", "233", "234",
  ]

  init(_ command: Train, _ source: DataSource) throws {
    switch source {
    case .simulated(let patients, _):
      let names = (1...patients).map(SimulatedCohort.name(of:))
      let unseen = command.scenario == .inconsistent ? 1 : 0
      sources = names.dropLast(unseen)
      targets = names.suffix(unseen)
      note = nil
    case .folder(let folder):
      targets =
        command.scenario == .consistent || command.hasNoTarget
        ? [] : command.targets?.names ?? [Self.paperTarget]
      if let named = command.records?.names {
        sources = named
        note = nil
      } else if command.experiment.labelling == .rhythms {
        sources = try Self.recordsOfRhythms(in: folder)
        let missing = Self.rhythmRecords.filter { [sources] in !sources.contains($0) }
        note =
          missing.isEmpty
          ? nil : "of the 21 records with the four rhythms \(folder) lacks \(missing.joined(separator: " "))"
      } else {
        sources = Self.paperRecords.filter { [targets] in !targets.contains($0) }
        note = nil
      }
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

  /// Those of the 21 records that the folder holds.
  static func recordsOfRhythms(in folder: String) throws -> [String] {
    let held = rhythmRecords.filter { FileManager.default.fileExists(atPath: "\(folder)/\($0).hea") }
    guard !held.isEmpty else {
      throw Failure(
        .data, "\(folder) holds none of MIT-BIH's records with the four rhythms; name records by --records")
    }
    return held
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

  let tasks: TaskSet
  let targets: [Target]
  let classes: [String]
  /// Training, borrowed and own-part examples of every task.
  let counts: [(training: Int, borrowed: Int, own: Int)]
  /// Every record used, in order, and one number over all that was read of them.
  let records: [String]
  let fingerprint: String
  /// Of each record.
  let fingerprints: [String: String]
  let seconds: Double

  /// Reads each source record on one rank, its task's owner's if it is a task, and the targets on the first; what cannot be used ends
  /// all ranks.
  init(_ command: Train, _ cast: Cast, _ source: DataSource, _ folder: RunFolder, _ session: Session) throws {
    let start = Environment.wallTime()
    let communicator = session.communicator
    let experiment = command.experiment
    let reader = try session.together { try RecordReader(command, source, folder) }
    let ownership = Ownership(tasks: cast.sources.count, ranks: session.ranks, rank: session.rank)
    let (sources, unseen) = try session.together(isLong: true) {
      (
        try ownership.own.map {
          try reader.source(cast.sources[$0], $0)
        },
        session.leads
          ? try cast.targets.enumerated().map { target in
            try reader.target(target.element, cast.sources.count + target.offset)
          }
          : []
      )
    }
    tasks = try session.shared {
      try TaskSet.make(
        experiment, cast.sources, ownership, own: sources.map(\.parts), pairing: command.options.pairing,
        answer: command.judgement, borrows: command.borrow, seed: command.seed, communicator)
    }
    classes = tasks.pool?.classes ?? experiment.labelling.classNames
    targets = try cast.targets.enumerated().map { index, name in
      try Self.share(name, session.leads ? unseen[index].examples : nil, communicator)
    }
    let mine = tasks.own.flatMap {
      [Int64($0.training.count), Int64($0.borrowed?.count ?? 0), Int64($0.test.count)]
    }
    let flat = try communicator.allgatherv(mine, kind: Message.status).flatMap { $0.map { Int($0) } }
    counts = stride(from: 0, to: flat.count, by: 3).map { (flat[$0], flat[$0 + 1], flat[$0 + 2]) }
    let ofSources = try communicator.allgatherv(
      sources.map { Int64(bitPattern: $0.fingerprint) }, kind: Message.status
    ).flatMap { $0 }
    let ofTargets = try communicator.broadcast(
      unseen.map { Int64(bitPattern: $0.fingerprint) }, kind: Message.status)
    let prints = ofSources + ofTargets
    records = cast.sources + cast.targets
    fingerprints = Dictionary(
      zip(records, prints.map { String(format: "%016llx", UInt64(bitPattern: $0)) }), uniquingKeysWith: { $1 }
    )
    // A sum does not depend on which rank read which record.
    fingerprint = String(format: "%016llx", prints.reduce(UInt64(0)) { $0 &+ UInt64(bitPattern: $1) })
    seconds = Environment.wallTime() - start
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
private struct RecordReader {
  let library: PatientLibrary
  let simulated: SimulatedCohort?
  let experiment: Experiment
  let seed: UInt64

  init(_ command: Train, _ source: DataSource, _ run: RunFolder) throws {
    experiment = command.experiment
    seed = command.seed
    switch source {
    case .folder(let path):
      library = PatientLibrary(path, lead: command.dataOptions.lead)
      simulated = nil
    case .simulated(let patients, let minutes):
      library = PatientLibrary("\(run.path)/simulated", lead: command.dataOptions.lead)
      simulated = try SimulatedCohort(patients: patients, minutes: minutes, seed: seed)
    }
  }

  /// `number`: of the patient in a simulated cohort, from 0.
  func target(_ name: String, _ number: Int) throws -> Patient {
    try write(number)
    return try library.patient(name, experiment)
  }

  func source(_ name: String, _ number: Int) throws -> (parts: Parts, fingerprint: UInt64) {
    try write(number)
    return (try library.parts(name, experiment, seed: seed), try library.fingerprint([name], experiment))
  }

  private func write(_ number: Int) throws {
    if let simulated { _ = try simulated.write(patient: number + 1, to: library.folder) }
  }
}
