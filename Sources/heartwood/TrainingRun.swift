import Cohort
import Foundation
import MPI
import SharedTrunk

/// `heartwood train` on every rank: data, networks, judgement, run folder.
struct TrainingRun {
  private let command: Train
  private let source: DataSource
  private let session: Session
  private let folder: RunFolder

  init(_ command: Train, _ source: DataSource, _ session: Session) {
    self.command = command
    self.source = source
    self.session = session
    folder = RunFolder(command.output, of: "train")
  }

  private var communicator: Communicator { session.communicator }

  func run() throws {
    let cast = try castOfAll()
    try session.requireMemory(
      command.shape(command.main).bytes(batch: command.options.batch, inTraining: true)
        * Double(command.experiment.taskCount(records: cast.sources.count))
        / Double(session.ranks))
    try session.together(isLong: true) { try folder.create(leads: session.leads, resumes: command.resume) }
    let finished = try session.fromFirst { try folder.finished() }
    try finished.map { try requireSameRun($0, as: identity(cast)) }
    if session.leads { say("Data: \(source.sentence)\(cast.note.map { "; \($0)" } ?? "")") }
    let data = try RunData(command, cast, source, folder, session)
    try session.requireAlike(try shared(data))
    if let finished {
      try requireSameRun(finished, as: identity(cast).merging(words(data.fingerprints)) { $1 })
      if session.leads { say("The run in \(folder.path) has ended well: nothing to go on with") }
      return
    }
    try session.together {
      try folder.begin(
        leads: session.leads, resumes: command.resume, withBoard: command.log == .tensorboard)
    }

    Watchdog.feed("training")
    let main = try learn(command.main, data)
    try session.together { try main.network.write(description(data, cast, main.network), to: folder.model) }
    let baselines = try command.besides.map { try learn($0, data) }
    Watchdog.feed("writing results")
    let memory = try communicator.allgather(ProcessClock.peakMemoryMB, kind: Message.status)
    let wire = try wireTotals(main)

    try session.together {
      guard session.leads else { return }
      let summary = try summary(data, cast, main, baselines, wire, memory)
      let report = RunReport(
        summary, main: main.name, histories: ([main] + baselines).map(\.history), classes: data.classes)
      try folder.write(Data(report.html.utf8), as: "report.html")
      try folder.write(try summary.encoded(), as: "summary.json")
      let networks = ([main] + baselines).map { (name: $0.name, results: $0.results) }
      say(ResultTable.text(networks, classes: data.classes, inconsistent: command.scenario == .inconsistent))
      say("Data: \(source.sentence)\nRun folder: \(folder.path)")
    }
  }

  /// Throws `CheckpointMismatch` if the run that has ended well in the folder was another, as far as this one is known.
  private func requireSameRun(_ finished: FinishedRun, as ours: [String: String]) throws {
    let theirs = finished.identity?.filter { ours[$0.key] != nil || !$0.key.hasPrefix(Self.dataPrefix) }
    let mismatch = theirs.flatMap {
      CheckpointPlan.mismatch(of: "what \(folder.path) holds", identity: $0, with: ours)
    }
    if let mismatch { throw mismatch }
  }

  /// The records, as the first rank finds them; too many ranks for them end the run before any is read.
  private func castOfAll() throws -> Cast {
    let cast = try session.fromFirst { try Cast(command, source) }
    let tasks = command.experiment.taskCount(records: cast.sources.count)
    guard session.ranks <= tasks else {
      try session.end(
        .usage, "\(session.ranks) ranks for \(tasks) tasks: use -n \(tasks) or fewer")
    }
    return cast
  }

  // MARK: One network

  /// Trains a system and judges it on the targets and on the tasks' own parts, or on the pool's.
  private func learn(_ system: System, _ data: RunData) throws -> Outcome {
    let before = communicator.traffic.snapshot
    let options = command.options
    let members = system.seeds(options.seed, data.tasks).count
    func name(_ member: Int) -> String {
      members == 1 ? system.name : "\(system.name) \(member + 1)/\(members)"
    }
    let progress = (0..<members).map {
      Progress(
        name($0), steps: options.steps, examplesPerStep: options.batch * data.tasks.names.count,
        speaks: session.leads)
    }
    let boards = try (0..<(command.log == nil ? 0 : members)).map { try board(name($0), system, data) }
    var history = History()
    Watchdog.feed("training \(system.name)")
    let plan = try checkpointPlan(system, data)
    let trained = try TrainedSystem(
      system, command.shape(system), data.tasks, options, communicator,
      saving: { member in
        CheckpointsOfNetwork(
          plan, name: name(member),
          isAboutToSave: {
            try folder.flush()
            if !boards.isEmpty { try boards[member].flush() }
          }, say: { say($0) })
      },
      begins: { member, done in
        let lines = try takeUp(name(member), of: system, from: done)
        for line in lines where member == 0 { history.add(line) }
      },
      report: { member, report in
        progress[member].show(report)
        let line = StepLine(name(member), report)
        if session.leads && member == 0 { history.add(line) }
        try folder.log(line)
        if !boards.isEmpty { try boards[member].add(report) }
      })
    for board in boards { try board.flush() }
    Watchdog.feed("judging \(system.name)")
    let sent = communicator.traffic.snapshot
    let start = Environment.wallTime()
    let judged = try judge(trained, data)
    let sources = command.scenario == .inconsistent ? try judgeSources(trained, data) : []
    let outcome = Outcome(
      system: system, network: trained.networks[0], parameters: trained.parameterCount,
      training: trained.trainings[0], history: history,
      results: session.leads ? judged.map { result($0, data) } + sources : [],
      test: session.leads && !judged.isEmpty ? test(judged, trained.networks[0], data) : nil,
      stepBytes: sent.exchanged - before.exchanged,
      evaluationSeconds: Environment.wallTime() - start)
    for result in outcome.results {
      try folder.log(EvaluationLine(network: system.name, result: result))
    }
    try folder.flush()
    if !boards.isEmpty { try log(outcome, data) }
    return outcome
  }

  /// On the first rank, of a run that is gone on with: what `metrics.jsonl` tells of a network's steps that are not done again.
  private func takeUp(_ network: String, of system: System, from step: Int) throws -> [StepLine] {
    _ = try folder.keep(EvaluationLine.self) { $0.network != system.name }
    return try folder.keep(StepLine.self) { $0.network != network || $0.step <= step }
      .filter { $0.network == network }
  }

  // MARK: TensorBoard

  private func board(_ network: String, _ system: System, _ data: RunData) throws -> TrainingBoard {
    TrainingBoard(
      folder.board, network: network, options: try identity(system, data), leads: session.leads,
      tasks: data.tasks.names, owned: data.tasks.ownership.own, batch: command.options.batch)
  }

  /// On the first rank: what a network's judgement on test beats came to, of all together and where there are several of each patient.
  private func log(_ outcome: Outcome, _ data: RunData) throws {
    guard let test = outcome.test else { return }
    func log(_ metrics: Metrics, as name: String) throws {
      try TrainingBoard.add(
        metrics, classes: data.classes, to: folder.board, network: outcome.name, as: name,
        step: command.options.steps)
    }
    try log(test.metrics, as: "test")
    let results = outcome.results.filter { $0.part != "validation" }
    guard results.count > 1 else { return }
    for result in results.prefix(TrainingBoard.taskLimit) {
      try log(result.metrics, as: "\(result.part)-\(result.name)")
    }
  }

  /// What all ranks have in common once the data are read.
  private func shared(_ data: RunData) throws -> [(name: String, value: String)] {
    func json(_ value: some Encodable) throws -> String {
      String(decoding: try JSONEncoder.line.encode(value), as: UTF8.self)
    }
    var beats = Fingerprint()
    for examples in data.targets.map(\.examples)
      + (data.tasks.pool.map { [$0.parts.training, $0.parts.test] } ?? [])
    {
      examples.windows.withUnsafeBytes { beats.add($0) }
    }
    return [
      ("network", try json(command.shape(command.main))), ("training options", try json(command.options)),
      ("tasks", data.tasks.names.joined(separator: ", ")),
      ("data", "\(data.fingerprint), beats that all hold: \(String(format: "%016llx", beats.value))"),
    ]
  }

  /// What a network's training depends on, but for the recordings.
  private func identity(_ system: System, _ data: RunData) throws -> [String: String] {
    var identity = [
      "network": system.name, "tasks": data.tasks.names.joined(separator: ", "),
      "experiment": words(command.experiment),
      "borrow": "\(command.borrow)",
      "protocol": data.tasks.pool?.answer.rawValue ?? "of no matter to training",
    ]
    identity.merge(try CheckpointPlan.words(command.shape(system), "shape")) { $1 }
    identity.merge(try CheckpointPlan.words(command.options, "options")) { $1 }
    return identity
  }

  private func checkpointPlan(_ system: System, _ data: RunData) throws -> CheckpointPlan {
    var identity = try identity(system, data)
    identity.merge(words(data.fingerprints)) { $1 }
    return CheckpointPlan(
      folder: folder.checkpoints, interval: command.checkpointEvery.interval, keeps: command.keepCheckpoints,
      resumes: command.resume, identity: identity, program: "heartwood \(Heartwood.version)")
  }

  /// What the whole run's results depend on, but for the recordings.
  private func identity(_ cast: Cast) throws -> [String: String] {
    let experiment = command.experiment
    var identity = [
      "network": command.main.name, "records": cast.sources.joined(separator: ", "),
      "targets": cast.targets.joined(separator: ", "),
      "baselines": command.besides.isEmpty
        ? "none" : command.besides.map(\.name).sorted().joined(separator: ", "),
      "experiment": words(experiment), "borrow": "\(command.borrow)", "protocol": command.judgement.rawValue,
    ]
    if case .simulated(_, let minutes) = source { identity["minutes"] = "\(minutes)" }
    identity.merge(try CheckpointPlan.words(command.shape(command.main), "shape")) { $1 }
    identity.merge(try CheckpointPlan.words(command.options, "options")) { $1 }
    return identity
  }

  private static let dataPrefix = "data."

  private func words(_ fingerprints: [String: String]) -> [String: String] {
    Dictionary(uniqueKeysWithValues: fingerprints.map { (Self.dataPrefix + $0, $1) })
  }

  private func words(_ experiment: Experiment) -> String {
    "\(experiment.problem) \(experiment.scenario) \(experiment.tasks) \(experiment.split) \(experiment.labelling.rawValue)"
  }

  /// Beats whose figures are also taken together: a target's, a known patient's, or a pool's.
  private struct Judged {
    let name: String
    let part: String
    let labels: [Int32]
    let probabilities: [Float]
    /// Nil where the beats' symbols are not at hand: a pool's do not travel.
    var aami: [AAMIClass?]?
  }

  private func judge(_ trained: TrainedSystem, _ data: RunData) throws -> [Judged] {
    if let pool = data.tasks.pool {
      let test = pool.parts.test
      return [
        Judged(
          name: "all records", part: "test", labels: test.labels,
          probabilities: try trained.predict(test, pool.answer))
      ]
    }
    guard command.scenario == .inconsistent else { return try judgeOwn(trained, data) }
    return try data.targets.map {
      Judged(
        name: $0.name, part: "target", labels: $0.labels,
        probabilities: try trained.predict($0.examples, command.judgement),
        aami: $0.examples.symbols.map(AAMIClass.init(symbol:)))
    }
  }

  /// Figures of the sources' validation parts, in the order of the tasks. Each is taken where the beats are: of a source no beat's label
  /// or verdict leaves its rank.
  private func judgeSources(_ trained: TrainedSystem, _ data: RunData) throws -> [Summary.Result] {
    let mine = data.tasks.own.enumerated().map { position, task in
      Summary.Result(
        name: task.name, part: "validation",
        metrics: metrics(task.test.labels, trained.predictOwn(position, task.test), data))
    }
    let encoded = Array(try JSONEncoder.line.encode(mine))
    return try communicator.allgatherv(encoded, kind: Message.metrics).flatMap {
      try JSONDecoder().decode([Summary.Result].self, from: Data($0))
    }
  }

  /// Every known patient's own test part, gathered on all ranks in the order of the tasks.
  private func judgeOwn(_ trained: TrainedSystem, _ data: RunData) throws -> [Judged] {
    let own = data.tasks.own
    let counts = try communicator.allgatherv(own.map { Int64($0.test.count) }, kind: Message.metrics)
      .flatMap { $0 }
    let labels = try communicator.allgatherv(own.flatMap(\.test.labels), kind: Message.metrics)
      .flatMap { $0 }
    let probabilities = try communicator.allgatherv(
      own.enumerated().flatMap { trained.predictOwn($0.offset, $0.element.test) }, kind: Message.metrics
    ).flatMap { $0 }
    let kinds = AAMIClass.allCases
    let aami = try communicator.allgatherv(
      own.flatMap(\.test.symbols).map { symbol in
        Int32(AAMIClass(symbol: symbol).flatMap(kinds.firstIndex(of:)) ?? -1)
      }, kind: Message.metrics
    ).flatMap { $0 }.map { $0 < 0 ? nil : kinds[Int($0)] }
    let classes = data.classes.count
    var start = 0
    return zip(data.tasks.names, counts).map { name, count in
      let range = start..<start + Int(count)
      start = range.upperBound
      return Judged(
        name: name, part: "test", labels: Array(labels[range]),
        probabilities: Array(probabilities[range.lowerBound * classes..<range.upperBound * classes]),
        aami: Array(aami[range]))
    }
  }

  private func result(_ judged: Judged, _ data: RunData) -> Summary.Result {
    Summary.Result(
      name: judged.name, part: judged.part, metrics: metrics(judged.labels, judged.probabilities, data))
  }

  /// All test beats together: the targets', or in the consistent scenario every task's own.
  private func test(_ judged: [Judged], _ network: Network, _ data: RunData) -> Summary.Test {
    let aami = command.problem == .detection ? judged.compactMap(\.aami).flatMap { $0 } : []
    return Summary.Test(
      judged.flatMap(\.labels), judged.flatMap(\.probabilities), classes: data.classes.count,
      seed: command.seed, protocol: network.answerName(command.judgement),
      perPatient: data.tasks.pool == nil
        ? PatientMeans(judged.map { ($0.name, metrics($0.labels, $0.probabilities, data)) }) : nil,
      aami: aami.isEmpty ? nil : aami)
  }

  private func metrics(_ labels: [Int32], _ probabilities: [Float], _ data: RunData) -> Metrics {
    Metrics(
      labels: labels, probabilities: probabilities, classes: data.classes.count, seed: command.seed)
  }

  // MARK: What the run leaves behind

  private func description(_ data: RunData, _ cast: Cast, _ main: Network) -> ModelDescription {
    ModelDescription(
      problem: command.problem.rawValue, scenario: command.scenario.rawValue, learning: command.learning,
      fusion: command.fusion, baseline: command.mainBaseline, heads: main.heads, shape: main.shape,
      classes: data.classes, records: cast.sources, tasks: data.tasks.names, protocol: command.judgement,
      input: InputDescription(
        command.experiment.window, command.experiment.labelling, lead: command.dataOptions.lead),
      options: command.options)
  }

  /// Payload of all ranks by kind, up to now.
  private func wireTotals(_ main: Outcome) throws -> Summary.Wire {
    let ledger = communicator.traffic.snapshot
    var totals = (Message.all.map { ledger[$0].bytes } + [ledger.total.bytes]).map { Int64($0) }
    try totals.withUnsafeMutableBufferPointer {
      try communicator.allreduce($0, .sum, kind: Message.status)
    }
    return Summary.Wire(
      bytesPerStepPerRank: main.stepBytes / max(main.training.stepSeconds.count, 1),
      collectivesPerStep: main.network.collectivesPerStep,
      bytesByKind: Dictionary(uniqueKeysWithValues: zip(Message.all.map(\.name), totals.map { Int($0) })),
      bytes: Int(totals.last!))
  }

  private func summary(
    _ data: RunData, _ cast: Cast, _ main: Outcome, _ baselines: [Outcome], _ wire: Summary.Wire,
    _ memory: [Double]
  ) throws -> Summary {
    let options = command.options
    let ownership = data.tasks.ownership
    let stepSeconds = main.training.stepSeconds.sorted()
    let perStep =
      stepSeconds.isEmpty
      ? main.training.seconds / Double(options.steps) : stepSeconds[stepSeconds.count / 2]
    return Summary(
      heartwood: Heartwood.version, problem: command.problem.rawValue, scenario: command.scenario.rawValue,
      branch: command.branch.rawValue, learning: command.learning.rawValue, fusion: command.fusion.rawValue,
      exchange: command.exchange.rawValue, taskKind: command.experiment.tasks.rawValue,
      pairing: options.pairing.rawValue,
      split: command.scenario == .consistent ? command.experiment.split.rawValue : nil, classes: data.classes,
      source: source.name, ranks: session.ranks,
      tasks: data.tasks.names.indices.map {
        Summary.Task(
          name: data.tasks.names[$0], rank: ownership.rank(of: $0), trainExamples: data.counts[$0].training,
          borrowedExamples: data.counts[$0].borrowed, testExamples: data.counts[$0].own)
      },
      targets: data.targets.map(\.name), seed: command.seed, batch: options.batch, steps: options.steps,
      parameters: main.parameters, loss: main.loss, validation: main.validation,
      test: main.test, perTask: main.results,
      baselines: baselines.map {
        Summary.Baseline(
          name: $0.name, parameters: $0.parameters, loss: $0.loss, validation: $0.validation,
          test: $0.test, perTask: $0.results)
      },
      throughput: Summary.Throughput(
        examplesPerSecond: Double(options.batch * data.tasks.names.count * options.steps)
          / main.training.seconds,
        stepMilliseconds: perStep * 1e3),
      wire: wire,
      data: Summary.DataUsed(records: data.records, fingerprint: data.fingerprint, note: cast.note),
      identity: try identity(cast).merging(words(data.fingerprints)) { $1 },
      seconds: Summary.Seconds(
        total: ProcessClock.sinceStart, startup: session.startupSeconds, data: data.seconds,
        training: main.training.seconds, evaluation: main.evaluationSeconds),
      checkpoints: main.training.checkpoints.flatMap { $0.count > 0 ? $0 : nil }, peakMemoryMB: memory)
  }
}

/// A trained network and how it was judged (on the first rank; elsewhere without results).
struct Outcome {
  let system: System
  /// The first, of several.
  let network: Network
  /// Of all its networks.
  let parameters: Int
  let training: TrainingResult
  let history: History
  let results: [Summary.Result]
  let test: Summary.Test?
  /// Payload of activations and gradients that this rank handed to others in training.
  let stepBytes: Int
  let evaluationSeconds: Double

  var name: String { system.name }
  var loss: Summary.Loss { Summary.Loss(first: training.firstLoss, last: training.lastLoss) }
  var validation: Summary.Validation {
    Summary.Validation(bestStep: training.bestStep, balancedAccuracy: training.bestValidation)
  }
}

extension Traffic.Snapshot {
  fileprivate var exchanged: Int { self[Message.activations].bytes + self[Message.gradients].bytes }
}

/// A line of `metrics.jsonl`: a training step.
private struct StepLine: Codable {
  let network: String
  let step: Int
  let loss: Double
  let seconds: Double
  let validationBalancedAccuracy: Double?

  init(_ network: String, _ report: StepReport) {
    self.network = network
    step = report.step
    loss = report.loss
    seconds = report.seconds
    validationBalancedAccuracy = report.validation
  }
}

extension History {
  fileprivate mutating func add(_ line: StepLine) {
    add(step: line.step, loss: line.loss, validation: line.validationBalancedAccuracy)
  }
}

/// A line of `metrics.jsonl`: a judgement.
private struct EvaluationLine: Codable {
  let network: String
  let result: Summary.Result
}
