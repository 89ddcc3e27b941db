import Cohort
import Foundation
import Layers
import MPI
import SharedTrunk

/// `heartwood paper` on every rank: deals out the units, runs this rank's, and on the first rank gathers them from the folder.
struct PaperRun {
  private let command: Paper
  private let session: Session
  private let library: PatientLibrary
  private let start = Date()

  init(_ command: Paper, data: String, _ session: Session) {
    self.command = command
    self.session = session
    library = PatientLibrary(data, lead: command.lead)
  }

  private var source: DataSource { .folder(library.folder) }
  private var unitFolder: String { "\(command.output)/units" }

  func run() throws {
    try session.together { try makeFolder() }
    let plan = try session.together { try self.plan() }
    let pieces = allPieces(plan)
    let alone = try session.communicator.split(color: session.rank, key: 0)!
    try session.together { try checkData(plan, alone) }
    if session.leads { say("Data: \(source.sentence)\n\(pieces.count) units on \(session.ranks) ranks") }
    let kept = try work(pieces, alone)
    // Every unit is in the folder once all ranks are here.
    let allKept = try session.communicator.allreduce(Int64(kept), .sum, kind: Message.status)
    try session.together {
      guard session.leads else { return }
      let results = try results(plan, pieces, kept: Int(allKept))
      try write(results)
      say(PaperTables.text(results))
      say(
        "Data: \(source.sentence)\nWritten: \(command.output)/report.html, paper.json, tables.md, tables.csv")
    }
  }

  /// What the data lack for a study is found before any work, and by all ranks together. The branches have the same data; of the
  /// seeds one is looked at.
  private func checkData(_ plan: StudyPlan, _ alone: Communicator) throws {
    let ordinary = studies(plan).flatMap { units($0, plan) }.filter { $0.seed == 1 }
    let all = ordinary.map { ($0.study, $0.target) } + tuningUnits(plan).map { ($0.study, $0.target) }
    let distinct = all.filter { study, _ in study.branch == command.kinds[0] }
    for (index, (study, target)) in distinct.enumerated() where index % session.ranks == session.rank {
      do {
        _ = try Trial(study: study, target: target, seed: 1, library: library, communicator: alone)
          .tasks(study.recipe.pairing)
      } catch {
        let failure = Failure(error)
        throw Failure(failure.status, "\(study.id): \(failure.message)")
      }
    }
  }

  // MARK: The work

  /// A piece of work by its name, and how to do it.
  private struct Piece {
    let id: String
    let cost: Double
    /// Of all that its study's results depend on.
    let key: () throws -> String
    /// Whether a file's content is this piece's result, under that key.
    let isDone: (Data, String) -> Bool
    let run: (String, Communicator) throws -> Data
  }

  private func allPieces(_ plan: StudyPlan) -> [Piece] {
    let units = studies(plan).flatMap { study in self.units(study, plan) }.map { unit in
      Piece(
        id: unit.id, cost: unit.cost, key: { try key(unit.study) },
        isDone: unit.isResult,
        run: { try JSONEncoder.line.encode(unit.run(key: $0, library, $1)) })
    }
    let tuning = tuningUnits(plan).map { unit in
      Piece(
        id: unit.id, cost: unit.cost, key: { try key(unit.study) },
        isDone: unit.isResult,
        run: { try JSONEncoder.line.encode(unit.run(key: $0, library, $1)) })
    }
    return units + tuning
  }

  private func studies(_ plan: StudyPlan) -> [Study] {
    plan.studies.filter { command.wants($0.id) && command.kinds.contains($0.branch) }
  }

  private func units(_ study: Study, _ plan: StudyPlan) -> [Unit] {
    let targets: [String?] = study.experiment.scenario == .consistent ? [nil] : study.targets
    return targets.flatMap { target in
      (1...UInt64(command.seeds)).map { seed in
        Unit(
          study: study, target: target, seed: seed,
          keepsVerdicts: seed == 1 && target == plan.target && study.experiment.problem == .detection)
      }
    }
  }

  /// One seed of each patient in turn unseen, and up to three seeds of known patients in order of time.
  private func tuningUnits(_ plan: StudyPlan) -> [TuningUnit] {
    guard command.wants("tuning") else { return [] }
    return plan.studies.filter { command.kinds.contains($0.branch) }.flatMap { study -> [TuningUnit] in
      if study.id.hasPrefix("table2-detection") {
        return study.targets.map { TuningUnit(study: study, target: $0, seed: 1) }
      } else if study.id.hasPrefix("table1-detection-chronological") {
        return (1...UInt64(min(command.seeds, 3))).map { TuningUnit(study: study, target: nil, seed: $0) }
      }
      return []
    }
  }

  /// Does this rank's share; returns how many pieces an earlier run had left done.
  private func work(_ pieces: [Piece], _ alone: Communicator) throws -> Int {
    let mine = share(pieces)
    var progress = WorkProgress(total: mine.reduce(0) { $0 + $1.cost }, speaks: session.leads)
    var kept = 0
    for (number, piece) in mine.enumerated() {
      do {
        let key = try piece.key()
        let path = "\(unitFolder)/\(piece.id).json"
        let isKept = FileManager.default.contents(atPath: path).map { piece.isDone($0, key) } ?? false
        if isKept {
          kept += 1
        } else {
          try AtomicFile.write(try piece.run(key, alone), to: path)
        }
        progress.advance(
          piece.cost, wasKept: isKept, "unit \(number + 1)/\(mine.count) of this rank: \(piece.id)")
      } catch {
        // Known to this rank alone, even if it is of a kind that ranks otherwise share.
        let failure = Failure(error)
        throw Failure(failure.status, "\(piece.id): \(failure.message)")
      }
    }
    progress.end()
    return kept
  }

  /// Costly pieces first, each to the rank that has least so far; the same on every rank.
  private func share(_ pieces: [Piece]) -> [Piece] {
    var loads = [Double](repeating: 0, count: session.ranks)
    var mine: [Piece] = []
    for (_, piece) in pieces.enumerated().sorted(by: {
      ($1.element.cost, $0.offset) < ($0.element.cost, $1.offset)
    }) {
      let rank = loads.indices.min { loads[$0] < loads[$1] }!
      loads[rank] += piece.cost
      if rank == session.rank { mine.append(piece) }
    }
    return mine
  }

  private func key(_ study: Study) throws -> String {
    var hash = Fingerprint()
    hash.add("\(Heartwood.version) \(CPULevel.current)")
    hash.add(study.id)
    hash.add("\(study.experiment) \(study.records) \(study.borrows) \(study.reference)")
    let encoder = JSONEncoder.line
    for entrant in study.entrants {
      hash.add("\(entrant.system) \(entrant.answers)")
      hash.add(String(decoding: try encoder.encode(study.options(entrant, seed: 0)), as: UTF8.self))
      hash.add(String(decoding: try encoder.encode(study.shape(entrant)), as: UTF8.self))
    }
    hash.add("\(study.recipe.answer)")
    let names = Set(study.records + study.targets).sorted()
    hash.add(Int(truncatingIfNeeded: try library.fingerprint(names, study.experiment)))
    return String(format: "%016llx", hash.value)
  }

  // MARK: Who plays

  private func plan() throws -> StudyPlan {
    let rhythms =
      try command.rhythmRecords?.names ?? command.records?.names ?? Cast.recordsOfRhythms(in: library.folder)
    let tachycardia = Experiment(.classification, .inconsistent, tasks: .patient)
    let candidates = command.names + rhythms.filter { !command.names.contains($0) }
    let teachers = try command.names.filter {
      try library.parts($0, tachycardia, seed: 0).training.classCounts()[1] > 0
    }
    let targets = try candidates.filter { target in
      try library.patient(target, tachycardia).examples.classCounts()[1] >= Self.leastTargetBeats
        && teachers.contains { $0 != target }
    }
    return StudyPlan(
      records: command.names, target: command.unseen, rhythmRecords: rhythms, rhythmTargets: targets)
  }

  /// Of the rhythm looked for, in a patient who is to be judged.
  private static let leastTargetBeats = 5

  // MARK: The results

  private func results(_ plan: StudyPlan, _ pieces: [Piece], kept: Int) throws -> PaperResults {
    let figures = try studies(plan).map { study in
      StudyFigures(study, try units(study, plan).map { try read(UnitResult.self, $0.id) })
    }.filter { !$0.isEmpty }
    let cells = PublishedCell.all.compactMap { published -> PaperResults.Cell? in
      guard let own = figures.first(where: { $0.study.id == published.study }),
        published.scenario == .consistent || own.study.targets.contains(plan.target)
      else { return nil }
      return PaperResults.Cell(published, own, target: plan.target)
    }
    let tuned = try tuningUnits(plan).map { (unit: $0, result: try read(TuningResult.self, $0.id)) }
    let tuning = plan.studies.flatMap { study in
      PaperResults.Tuning.all(study, tuned.filter { $0.unit.study.id == study.id }.map(\.result))
    }
    let missing = Cast.rhythmRecords.filter { !plan.rhythmRecords.contains($0) }
    let isPapers = command.records == nil && command.rhythmRecords == nil
    return PaperResults(
      heartwood: Heartwood.version, source: source.name, records: plan.records, target: plan.target,
      rhythmRecords: plan.rhythmRecords, missingRhythmRecords: isPapers ? missing : [],
      rhythmTargets: plan.rhythmTargets, seeds: command.seeds, cells: cells,
      averages: PublishedCell.averages.compactMap { PaperResults.Average($0, cells) },
      studies: figures.map(\.result), tuning: tuning,
      tuningGrid: tuning.isEmpty ? nil : .init(), strip: try strip(figures, plan),
      choices: PaperResults.Choice.all, notes: notes(plan, cells, isPapers ? missing : []),
      rocRates: Unit.rates,
      seconds: Date().timeIntervalSince(start), ranks: session.ranks, units: pieces.count, kept: kept)
  }

  private func read<T: Decodable>(_ type: T.Type, _ id: String) throws -> T {
    let path = "\(unitFolder)/\(id).json"
    guard let data = FileManager.default.contents(atPath: path),
      let result = try? JSONDecoder().decode(type, from: data)
    else {
      throw Failure(
        .inputOutput,
        "cannot read \(path): a rank wrote it elsewhere? All ranks need to see the same --output")
    }
    return result
  }

  private func notes(_ plan: StudyPlan, _ cells: [PaperResults.Cell], _ missing: [String]) -> [String] {
    var notes: [String] = []
    if !missing.isEmpty {
      notes.append(
        "Classification of rhythms: of MIT-BIH's 21 records with the four rhythms the data lack "
          + "\(missing.joined(separator: ", ")); the figures are of the other \(plan.rhythmRecords.count).")
    }
    if !plan.rhythmTargets.contains(plan.target) {
      notes.append(
        "Table II, classification: \(plan.target) has fewer than \(Self.leastTargetBeats) beats in ventricular tachycardia, or no other record has any, so the cell cannot be tested on it."
      )
    }
    notes.append(
      "Table II, classification: the paper's records hold beats in VT (203, 205 and three in 106), AFIB (201, 203), AFL (203 alone) and ten in SVTA (114, 201). On the target 205 there is VT alone: what can be judged there is VT against the rest, not four classes. SVTA can be neither trained nor tested on the six records."
    )
    if command.seeds == 1 { notes.append("One seed: no spread, no interval, and no verdict.") }
    return notes
  }

  /// Twenty seconds of the unseen patient, where normal and abnormal beats alternate most by the annotations, and what MTL says of them.
  private func strip(_ figures: [StudyFigures], _ plan: StudyPlan) throws -> PaperResults.Strip? {
    let (length, rate) = (20.0, 128.0)
    guard let study = figures.first(where: { $0.study.id.hasPrefix("table2-detection") }),
      let (verdicts, seed) = study.verdicts(on: plan.target)
    else { return nil }
    let frequency = try library.patient(plan.target, study.study.experiment).samplingFrequency
    let beats = verdicts.map { (second: Double($0.sample) / frequency, verdict: $0) }
    let stretches = beats.indices.map { first in
      beats[first...].prefix { $0.second < beats[first].second + length - 1 }
    }
    let chosen = stretches.max { changes($0.map(\.verdict.label)) < changes($1.map(\.verdict.label)) }
    guard let chosen, let first = chosen.first else { return nil }
    let (lead, trace) = try Patient.trace(
      record: "\(library.folder)/\(plan.target)", lead: command.lead, rate: rate)
    let from = max(0, Int((first.second - 0.5) * rate))
    let samples = Array(trace[from..<min(trace.count, from + Int(length * rate))])
    let classes = study.study.experiment.labelling.classNames
    let end = Double(from + samples.count) / rate
    return PaperResults.Strip(
      record: plan.target, lead: lead, study: study.study.id, system: study.study.main, seed: seed,
      rate: rate,
      start: Double(from) / rate, seconds: Double(samples.count) / rate, samples: samples,
      beats: chosen.filter { $0.second < end }.map {
        .init(second: $0.second, annotated: classes[$0.verdict.label], judged: classes[$0.verdict.verdict])
      })
  }

  private func changes(_ labels: [Int]) -> Int { zip(labels, labels.dropFirst()).count { $0 != $1 } }

  // MARK: Files

  private func makeFolder() throws {
    let manager = FileManager.default
    for name in ["metrics.jsonl", "summary.json"]
    where manager.fileExists(atPath: "\(command.output)/\(name)") {
      throw Failure(.cannotCreate, "--output \(command.output) holds a run of train; choose another folder")
    }
    do {
      try manager.createDirectory(atPath: unitFolder, withIntermediateDirectories: true)
    } catch {
      throw Failure(
        .cannotCreate, "cannot create --output \(command.output): \((error as NSError).localizedDescription)")
    }
    guard access(unitFolder, W_OK) == 0, access(command.output, W_OK) == 0 else {
      throw Failure(
        .cannotCreate, "cannot write into --output \(command.output): \(String(cString: strerror(errno)))")
    }
  }

  private func write(_ results: PaperResults) throws {
    func put(_ data: Data, _ name: String) throws {
      try AtomicFile.write(data, to: "\(command.output)/\(name)")
    }
    try put(try JSONEncoder.readable.encode(results), "paper.json")
    try put(Data(PaperTables.markdown(results).utf8), "tables.md")
    try put(Data(PaperTables.csv(results).utf8), "tables.csv")
    try put(Data(PaperReport(results).html.utf8), "report.html")
  }
}

/// How far this rank's work is, and how long it will take.
struct WorkProgress {
  private let total: Double
  private let speaks: Bool
  private let start = Date()
  private var done = 0.0
  /// What this run did, not one before.
  private var worked = 0.0
  private var shown = Date.distantPast

  init(total: Double, speaks: Bool) {
    self.total = total
    self.speaks = speaks
  }

  mutating func advance(_ cost: Double, wasKept: Bool, _ text: String) {
    done += cost
    if !wasKept { worked += cost }
    guard speaks, Date().timeIntervalSince(shown) > (Launcher.isTerminal ? 0.1 : 10) else { return }
    shown = Date()
    let left = worked > 0 ? Date().timeIntervalSince(start) / worked * (total - done) : 0
    let line = "\(Int(100 * done / max(total, 1))) %  \(text)  \(Self.duration(left)) left"
    if Launcher.isTerminal { say("\r\u{1B}[K\(line)", terminator: "") } else { say(line) }
  }

  func end() {
    guard speaks else { return }
    if Launcher.isTerminal { say("\r\u{1B}[K", terminator: "") }
    say("100 %  this rank's units took \(Self.duration(Date().timeIntervalSince(start)))")
  }

  static func duration(_ seconds: Double) -> String {
    seconds < 90 ? "\(decimals(seconds, 0)) s" : "\(decimals(seconds / 60, 1)) min"
  }
}
