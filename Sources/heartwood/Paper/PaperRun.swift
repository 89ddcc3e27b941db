import Cohort
import Files
import Foundation
import Layers
import MPI
import SharedTrunk

/// `heartwood paper` on every rank: deals out the work, does this rank's, and on the first rank gathers all that the folder holds.
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
  /// A quick look's are apart: units of whole training are not to be removed for them.
  private var unitFolder: String { "\(command.output)/units\(command.quick ? "/quick" : "")" }
  private func path(_ work: any Work) -> String { "\(unitFolder)/\(work.id).json" }

  func run() throws {
    let lock = try session.together(isLong: true) { try makeFolder() }
    defer { withExtendedLifetime(lock) {} }
    try requireSharedFolder()
    let plan = try session.fromFirst(isLong: true) { try self.plan() }
    let wanted = allWork(plan).filter { command.wants($0) }
    guard !wanted.isEmpty else {
      let impossible = plan.impossible.first { command.names(study: $0.study) }
      try session.end(
        impossible == nil ? .usage : .data,
        impossible.map { "\($0.study): \($0.reason)" }
          ?? "--only \(command.only ?? ""): no work of these --branches has a name that starts so")
    }
    let alone = try session.communicator.split(color: session.rank, key: 0)!
    try session.together(isLong: true) { try checkData(wanted, alone) }
    let pending = try self.pending(wanted)
    if session.leads {
      let kept = wanted.count - pending.count
      say(
        "Data: \(source.sentence)\n\(pending.count) units on \(session.ranks) ranks"
          + (kept > 0 ? "; \(kept) more are there from an earlier run" : ""))
    }
    try work(pending, alone)
    try session.communicator.barrier(lookingEvery: 0.05)
    try session.together(isLong: true) {
      guard session.leads else { return }
      if let other = try wanted.first(where: { try !isDone($0) }) {
        throw Failure(
          .data, "\(other.id): its rank read other recordings; all ranks must see the same --data folder")
      }
      let results = try results(plan, units: wanted.count, kept: wanted.count - pending.count)
      try write(results)
      say(PaperTables.text(results))
      say(
        "Data: \(source.sentence)\nWritten: \(command.output)/report.html, paper.json, tables.md, tables.csv")
    }
  }

  // MARK: Who plays

  /// Of a class, in a patient who is to be judged.
  static let leastTargetBeats = 5

  private func plan() throws -> StudyPlan {
    let rhythms =
      try command.rhythmRecords?.names ?? command.records?.names ?? Cast.recordsOfRhythms(in: library.folder)
    func counts(_ name: String, _ experiment: Experiment) throws -> [Int] {
      try library.patient(name, experiment).examples.classCounts()
    }
    let detection = Experiment(.detection, .inconsistent, tasks: .patient)
    let tachycardia = Experiment(.classification, .inconsistent, tasks: .patient)
    let candidates = command.names + rhythms.filter { !command.names.contains($0) }
    let teachers = try command.names.filter {
      try library.parts($0, tachycardia, seed: 0).training.classCounts()[1] > 0
    }
    var plan = StudyPlan(
      records: command.names, target: command.unseen,
      detectionTargets: try command.names.filter {
        try counts($0, detection).allSatisfy { $0 >= Self.leastTargetBeats }
      }, rhythmRecords: rhythms,
      rhythmTargets: try candidates.filter { target in
        try counts(target, tachycardia).allSatisfy { $0 >= Self.leastTargetBeats }
          && teachers.contains { $0 != target }
      })
    if command.quick { plan.share = Paper.quickShare }
    if command.transfer {
      plan.transferRecords = try command.transferRecords?.names ?? library.recordsForTransfer()
      plan.transferTargets = try library.targetsOfTransfer(among: plan.transferRecords)
      if plan.transferTargets.isEmpty || plan.transferRecords.count < 3 {
        plan.omitted[Study.Group.transfer.rawValue] =
          "it takes three records, one with at least \(StudyPlan.leastTransferBeats) normal and as many abnormal beats"
      }
    }
    if command.transfer { plan.newcomers = try plan.detectionTargets.filter(canJoin) }
    for study in plan.studies
    where study.branch == .cnn && study.group == .consistentClassification {
      plan.omitted[study.name] = try reasonAgainst(study)
    }
    return plan
  }

  /// Whether a patient has beats to be adapted on, and enough of both classes after them.
  private func canJoin(_ name: String) throws -> Bool {
    let detection = Experiment(.detection, .inconsistent, tasks: .patient)
    do {
      return try NewcomerBeats(
        name, in: library.folder, seconds: Study.adaptationSeconds, window: detection.window,
        labelling: detection.labelling, lead: library.lead
      ).rest.classCounts().allSatisfy { $0 >= Self.leastTargetBeats }
    } catch is Failure {
      return false
    }
  }

  /// Why the records cannot make a study of rhythms; nil if they can.
  private func reasonAgainst(_ study: Study) throws -> String? {
    do {
      var pool = Parts(windowLength: study.experiment.window.length)
      for name in study.records {
        pool.append(contentsOf: try library.parts(name, study.experiment, seed: 1))
      }
      _ = try TaskSet.keptRhythms(pool)
      return nil
    } catch let error as AssemblyError {
      return "\(error)"
    }
  }

  private func units(_ study: Study, _ plan: StudyPlan) -> [any Work] {
    let targets: [String?] = study.experiment.scenario == .consistent ? [nil] : study.targets
    return targets.flatMap { target in
      (1...UInt64(command.seeds)).map { seed -> any Work in
        guard study.group != .adaptation else {
          return AdaptationUnit(study: study, target: target, seed: seed)
        }
        return Unit(
          study: study, target: target, seed: seed,
          keepsVerdicts: study.group == .inconsistentDetection && seed == 1 && target == plan.target)
      }
    }
  }

  /// One seed of each patient in turn unseen, and up to three seeds of known patients in order of time.
  private func tuning(_ study: Study) -> [TuningUnit] {
    switch (study.group, study.experiment.split) {
    case (.inconsistentDetection, _):
      study.targets.map { TuningUnit(study: study, target: $0, seed: 1) }
    case (.consistentDetection, .chronological):
      (1...UInt64(min(command.seeds, 3))).map { TuningUnit(study: study, target: nil, seed: $0) }
    default: []
    }
  }

  private func transferUnits(_ study: Study) -> [TransferUnit] {
    study.targets.flatMap { target in
      (1...UInt64(command.seeds)).map { TransferUnit(study: study, target: target, seed: $0) }
    }
  }

  private func allWork(_ plan: StudyPlan) -> [any Work] {
    let units: [any Work] = plan.studies.flatMap { self.units($0, plan) }
    let tuned: [any Work] = plan.studies.flatMap(tuning)
    let transfer: [any Work] = plan.transfer.flatMap(transferUnits)
    return units + tuned + transfer
  }

  // MARK: The work

  /// What the data lack for a study is found before any work, and by all ranks together. The branches have the same data; of the
  /// seeds one is looked at.
  private func checkData(_ wanted: [any Work], _ alone: Communicator) throws {
    var seen: Set<[String?]> = []
    let distinct = wanted.filter { seen.insert([$0.study.name, $0.target]).inserted }
    for (index, work) in distinct.enumerated() where index % session.ranks == session.rank {
      do {
        _ = try Trial(
          study: work.study, target: work.target, seed: 1, library: library, communicator: alone
        ).tasks(work.study.recipe.pairing)
      } catch {
        let failure = Failure(error)
        throw Failure(failure.status, "\(work.study.id): \(failure.message)")
      }
    }
  }

  /// What no file holds the result of yet, as the first rank finds it, on all ranks. Results of other data or of another program go.
  private func pending(_ wanted: [any Work]) throws -> [any Work] {
    var isPending = [Int64](repeating: 0, count: wanted.count)
    try session.together(isLong: true) {
      guard session.leads else { return }
      for (index, work) in wanted.enumerated() where try !isDone(work) {
        isPending[index] = 1
        unlink(path(work))
      }
    }
    isPending = try session.communicator.broadcast(isPending, root: 0, kind: Message.status)
    return zip(wanted, isPending).filter { $1 == 1 }.map(\.0)
  }

  private func isDone(_ work: any Work) throws -> Bool {
    guard let file = FileManager.default.contents(atPath: path(work)) else { return false }
    return work.isResult(file, try key(work.study))
  }

  /// Does this rank's share, and on the first rank tells how far all ranks are until all is there.
  private func work(_ pending: [any Work], _ alone: Communicator) throws {
    var progress = WorkProgress(speaks: session.leads)
    func tell() {
      guard session.leads else { return }
      let done = pending.filter { FileManager.default.fileExists(atPath: path($0)) }
      progress.show(
        done: done.reduce(0) { $0 + $1.cost }, of: pending.reduce(0) { $0 + $1.cost },
        "\(done.count)/\(pending.count) units")
    }
    for work in share(pending) {
      tell()
      do {
        try AtomicFile.write(try work.result(try key(work.study), library, alone), to: path(work))
      } catch is Stopped {
        throw stopped
      } catch {
        // Known to this rank alone, even if it is of a kind that ranks otherwise share.
        let failure = Failure(error)
        throw Failure(failure.status, "\(work.id): \(failure.message)")
      }
    }
    while pending.contains(where: { !FileManager.default.fileExists(atPath: path($0)) }) {
      if Watchdog.stopRequested { throw stopped }
      tell()
      Watchdog.feed()  // the others have watchdogs of their own
      usleep(100_000)
    }
    progress.end("\(pending.count) units")
  }

  /// What a rank says that a signal has asked to stop. SIGTERM also comes from mpirun, which kills this rank a second later if another
  /// has failed and told why; and one rank speaks for all.
  private var stopped: Failure {
    if Watchdog.stopSignal == SIGTERM || !session.leads { sleep(2) }
    return Failure(
      .stopped, "stopped; what is done is kept in \(unitFolder), and the same command goes on from there")
  }

  /// Costly pieces first, each to the rank that has least so far; the same on every rank.
  private func share(_ pending: [any Work]) -> [any Work] {
    var loads = [Double](repeating: 0, count: session.ranks)
    var mine: [any Work] = []
    let order = pending.indices.sorted { (pending[$1].cost, $0) < (pending[$0].cost, $1) }
    for work in order.map({ pending[$0] }) {
      let rank = loads.indices.min { loads[$0] < loads[$1] }!
      loads[rank] += work.cost
      if rank == session.rank { mine.append(work) }
    }
    return mine
  }

  /// Of all that a study's results depend on: this program, how it rounds, the data, and every option.
  private func key(_ study: Study) throws -> String {
    var hash = Fingerprint()
    hash.add("\(Self.program) \(CPULevel.current.rounding)")
    hash.add(study.id)
    hash.add("\(study.experiment) \(study.records) \(study.borrows) \(study.reference) \(study.share)")
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

  /// This executable by its content: a change of code makes all results anew.
  private static let program: UInt64 = {
    var hash = Fingerprint()
    hash.add(Heartwood.version)
    let file = FileManager.default.contents(atPath: "/proc/self/exe") ?? Data()
    file.withUnsafeBytes { hash.add($0) }
    return hash.value
  }()

  // MARK: The results

  /// Of every study whose units are all in the folder, whichever run made them.
  private func results(_ plan: StudyPlan, units count: Int, kept: Int) throws -> PaperResults {
    let figures = try plan.studies.filter { try units($0, plan).allSatisfy(isDone) }.map { study in
      try StudyFigures(study, try units(study, plan).map { try read(UnitResult.self, $0) })
    }
    let tuned = try plan.studies.filter { try !tuning($0).isEmpty && tuning($0).allSatisfy(isDone) }
    let transfer = try plan.transfer.filter { try transferUnits($0).allSatisfy(isDone) }.map { study in
      PaperResults.Transfer(study, try transferUnits(study).map { try read(TransferResult.self, $0) })
    }
    return PaperResults(
      plan, figures, transfer: transfer,
      tuning: try tuned.map { ($0, try tuning($0).map { try read(TuningResult.self, $0) }) },
      isPapers: Set(command.names) == Set(Cast.paperRecords) && command.unseen == Cast.paperTarget
        && command.lead == nil && source.name == "mitdb",
      namesRhythms: command.records != nil || command.rhythmRecords != nil, lead: command.lead,
      aside: try aside(plan, shown: figures.map(\.study.id)),
      strip: try strip(figures, plan),
      run: .init(
        heartwood: Heartwood.version, source: source.name, seeds: command.seeds,
        shareOfSteps: plan.share, seconds: Date().timeIntervalSince(start), ranks: session.ranks,
        units: count, kept: kept))
  }

  /// Studies of which there are units in the folder, but not all, or of other data, options or another build.
  private func aside(_ plan: StudyPlan, shown: [String]) throws -> [String] {
    let files = try FileManager.default.contentsOfDirectory(atPath: unitFolder)
    return plan.studies.map(\.id).filter { id in
      !shown.contains(id) && files.contains { $0.hasPrefix("\(id)_") }
    }
  }

  private func read<T: Decodable>(_ type: T.Type, _ work: any Work) throws -> T {
    guard let data = FileManager.default.contents(atPath: path(work)),
      let result = try? JSONDecoder().decode(type, from: data)
    else { throw Failure(.inputOutput, "cannot read \(path(work))") }
    return result
  }

  /// Twenty seconds of the unseen patient, where normal and abnormal beats alternate most by the annotations, and what MTL says of them.
  private func strip(_ figures: [StudyFigures], _ plan: StudyPlan) throws -> PaperResults.Strip? {
    guard let figures = figures.first(where: { $0.study.group == .inconsistentDetection }),
      let (verdicts, seed) = figures.verdicts(on: plan.target)
    else { return nil }
    let frequency = try library.patient(plan.target, figures.study.experiment).samplingFrequency
    let (lead, samples) = try Patient.trace(
      record: "\(library.folder)/\(plan.target)", lead: command.lead, rate: PaperResults.Strip.rate)
    return PaperResults.Strip(
      of: plan.target, lead, samples, verdicts.map { (Double($0.sample) / frequency, $0) }, figures.study,
      seed: seed)
  }

  // MARK: Files

  /// Makes the folder on the first rank and locks it against another run of this command.
  private func makeFolder() throws -> RunLock? {
    guard session.leads else { return nil }
    let manager = FileManager.default
    for name in ["metrics.jsonl", "summary.json"]
    where manager.fileExists(atPath: "\(command.output)/\(name)") {
      throw Failure(.cannotCreate, "--output \(command.output) holds a run of train; choose another folder")
    }
    try OutputFolder.make(command.output, for: [unitFolder])
    return try RunLock(command.output, of: "paper")
  }

  /// All ranks must see what the first one writes; a network's file system may take a moment.
  private func requireSharedFolder() throws {
    let path = "\(unitFolder)/.run"
    let run = try session.fromFirst {
      let run = UUID().uuidString
      try AtomicFile.write(Data(run.utf8), to: path)
      return run
    }
    try session.together {
      let deadline = Date().addingTimeInterval(5)
      while FileManager.default.contents(atPath: path) != Data(run.utf8) {
        guard Date() < deadline else {
          throw Failure(
            .cannotCreate, "--output \(command.output) is not one folder for all ranks; choose a shared one")
        }
        usleep(100_000)
      }
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
