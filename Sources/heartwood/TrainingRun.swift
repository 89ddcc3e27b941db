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
    folder = RunFolder(command.output)
  }

  private var communicator: Communicator { session.communicator }

  func run() throws {
    let cast = try session.together { try Cast(command, source) }
    let tasks = cast.sources.count
    guard session.ranks <= tasks else {
      try session.end(
        .usage, "\(session.ranks) ranks for \(tasks) tasks, one a source patient: use -n \(tasks) or fewer")
    }
    try session.requireMemory(
      command.shape(command.mainForm).bytes(batch: command.batch) * Double((tasks - 1) / session.ranks + 1))
    try session.together { try folder.create(leads: session.leads) }
    if session.leads { say("Data: \(source.sentence)") }
    let data = try RunData(command, cast, source, folder, session)

    let main = try learn(command.mainName, command.mainForm, data)
    let wire = try wireTotals(main)
    try session.together { try main.network.write(description(data, main.network), to: folder.model) }
    let baselines = try command.besides.map { try learn("STL \($0.rawValue)", .pooled($0), data) }
    let memory = try communicator.allgather(ProcessClock.peakMemoryMB, kind: Message.status)

    try session.together {
      guard session.leads else { return }
      let summary = summary(data, main, baselines, wire, memory)
      let report = RunReport(
        summary, main: main.name, histories: ([main] + baselines).map(\.history), classes: data.classes)
      try folder.write(Data(report.html.utf8), as: "report.html")
      try folder.write(try summary.encoded(), as: "summary.json")
      let networks = ([main] + baselines).map { (name: $0.name, results: $0.results) }
      say(ResultTable.text(networks, inconsistent: command.scenario == .inconsistent))
      say("Data: \(source.sentence)\nRun folder: \(folder.path)")
    }
  }

  // MARK: One network

  /// Trains a network and judges it on the targets and on the tasks' own parts.
  private func learn(_ name: String, _ form: Network.Form, _ data: RunData) throws -> Outcome {
    let network = try Network(form, command.shape(form), data.tasks, options, communicator)
    let before = communicator.traffic.snapshot
    let progress = Progress(
      name, steps: options.steps, examplesPerStep: options.batch * data.tasks.names.count,
      speaks: session.leads)
    var history = History()
    let training = try network.train { report in
      progress.show(report)
      if session.leads { history.add(report) }
      try folder.log(StepLine(name, report))
    }
    let trained = communicator.traffic.snapshot
    let start = Environment.wallTime()
    let own = try judgeOwn(network, data)
    let targets = try data.targets.map { target in
      (target, try network.predict(target.examples, command.unseen))
    }
    let results = session.leads ? results(data, own, targets) : []
    let outcome = Outcome(
      name: name, network: network, training: training, history: history, results: results,
      test: session.leads ? test(own, targets) : nil,
      stepBytes: trained.exchanged - before.exchanged, evaluationSeconds: Environment.wallTime() - start)
    for result in results {
      try folder.log(EvaluationLine(network: name, result: result))
    }
    try folder.flush()
    return outcome
  }

  /// Labels and probabilities of every task's own part, gathered on all ranks in the order of the tasks.
  private func judgeOwn(_ network: Network, _ data: RunData) throws -> [(
    labels: [Int32], probabilities: [Float]
  )] {
    let counts = try communicator.allgatherv(
      data.tasks.own.map { Int64($0.test.count) }, kind: Message.metrics
    ).flatMap { $0 }
    let labels = try communicator.allgatherv(data.tasks.own.flatMap(\.test.labels), kind: Message.metrics)
      .flatMap {
        $0
      }
    let probabilities = try communicator.allgatherv(
      data.tasks.own.enumerated().flatMap { network.predictOwn($0.offset, $0.element.test) },
      kind: Message.metrics
    ).flatMap { $0 }
    var start = 0
    return counts.map { count in
      defer { start += Int(count) }
      let end = start + Int(count)
      return (
        Array(labels[start..<end]),
        Array(probabilities[start * data.classes.count..<end * data.classes.count])
      )
    }
  }

  private func results(
    _ data: RunData, _ own: [(labels: [Int32], probabilities: [Float])],
    _ targets: [(RunData.Target, [Float])]
  ) -> [Summary.Result] {
    let part = command.scenario == .inconsistent ? "validation" : "test"
    return targets.map { target, probabilities in
      Summary.Result(name: target.name, part: "target", metrics: metrics(target.labels, probabilities))
    }
      + zip(data.tasks.names, own).map { name, task in
        Summary.Result(name: name, part: part, metrics: metrics(task.labels, task.probabilities))
      }
  }

  /// All test beats together: the targets', or in the consistent scenario every task's own.
  private func test(
    _ own: [(labels: [Int32], probabilities: [Float])], _ targets: [(RunData.Target, [Float])]
  ) -> Metrics {
    targets.isEmpty
      ? metrics(own.flatMap(\.labels), own.flatMap(\.probabilities))
      : metrics(targets.flatMap { $0.0.labels }, targets.flatMap { $0.1 })
  }

  private func metrics(_ labels: [Int32], _ probabilities: [Float]) -> Metrics {
    Metrics(labels: labels, probabilities: probabilities, classes: RunData.classCount, seed: command.seed)
  }

  // MARK: What the run leaves behind

  private var options: TrainingOptions {
    var options = TrainingOptions()
    options.seed = command.seed
    options.batch = command.batch
    options.steps = command.steps ?? (command.scenario == .inconsistent ? 400 : 500)
    options.learningRate = command.learningRate
    options.slotDropout = command.slotDropout
    options.exchange = command.exchange
    options.sum = command.sum
    return options
  }

  private func description(_ data: RunData, _ main: Network) -> ModelDescription {
    ModelDescription(
      problem: command.problem.rawValue, scenario: command.scenario.rawValue, learning: command.learning,
      fusion: command.fusion, pooling: command.learning == .stl ? command.pooling : nil, shape: main.shape,
      classes: data.classes, tasks: data.tasks.names, protocol: command.unseen,
      input: InputDescription(Preprocessing(), .beat, labelling: command.dataOptions.labelling.rawValue),
      options: options)
  }

  /// Payload of all ranks by kind, up to now.
  private func wireTotals(_ main: Outcome) throws -> Summary.Wire {
    let ledger = communicator.traffic.snapshot
    let kinds = [
      Message.activations, Message.gradients, Message.status, Message.metrics, Message.targetBeats,
    ]
    var totals: [String: Int] = [:]
    for kind in kinds {
      let bytes = ledger[kind].bytes
      totals[kind.name] = Int(try communicator.allreduce(Int64(bytes), .sum, kind: Message.status))
    }
    return Summary.Wire(
      bytesPerStepPerRank: main.stepBytes / options.steps,
      collectivesPerStep: main.network.collectivesPerStep,
      bytesByKind: totals)
  }

  private func summary(
    _ data: RunData, _ main: Outcome, _ baselines: [Outcome], _ wire: Summary.Wire, _ memory: [Double]
  ) -> Summary {
    let ownership = data.tasks.ownership
    let perStep = main.training.stepSeconds.sorted()[main.training.stepSeconds.count / 2]
    return Summary(
      heartwood: Heartwood.version, problem: command.problem.rawValue, scenario: command.scenario.rawValue,
      branch: command.branch.rawValue, learning: command.learning.rawValue, fusion: command.fusion.rawValue,
      exchange: command.exchange.rawValue, source: source.name, ranks: session.ranks,
      tasks: data.tasks.names.indices.map {
        Summary.Task(
          name: data.tasks.names[$0], rank: ownership.rank(of: $0), trainExamples: data.counts[$0].training,
          testExamples: data.counts[$0].own)
      },
      targets: data.targets.map(\.name), seed: command.seed, batch: options.batch, steps: options.steps,
      parameters: main.network.parameterCount, loss: main.loss, validation: main.validation,
      test: Summary.Test(metrics: main.test!, protocol: answerName(main)), perTask: main.results,
      baselines: baselines.map {
        Summary.Baseline(
          name: $0.name, parameters: $0.network.parameterCount, loss: $0.loss, validation: $0.validation,
          test: Summary.Test(metrics: $0.test!, protocol: answerName($0)), perTask: $0.results)
      },
      throughput: Summary.Throughput(
        examplesPerSecond: Double(options.batch * data.tasks.names.count * options.steps)
          / main.training.seconds,
        stepMilliseconds: perStep * 1e3),
      wire: wire, data: Summary.DataUsed(records: data.records, fingerprint: data.fingerprint),
      seconds: Summary.Seconds(
        total: ProcessClock.sinceStart, startup: session.startupSeconds, data: data.seconds,
        training: main.training.seconds, evaluation: main.evaluationSeconds),
      peakMemoryMB: memory)
  }

  private func answerName(_ outcome: Outcome) -> String {
    outcome.network.answerName(command.scenario == .consistent ? .own : command.unseen)
  }
}

/// A trained network and how it was judged (on the first rank; elsewhere without results).
struct Outcome {
  let name: String
  let network: Network
  let training: TrainingResult
  let history: History
  let results: [Summary.Result]
  let test: Metrics?
  /// Payload of activations and gradients that this rank handed to MPI in training.
  let stepBytes: Int
  let evaluationSeconds: Double

  var loss: Summary.Loss { Summary.Loss(first: training.firstLoss, last: training.lastLoss) }
  var validation: Summary.Validation {
    Summary.Validation(bestStep: training.bestStep, balancedAccuracy: training.bestValidation)
  }
}

extension Traffic.Snapshot {
  fileprivate var exchanged: Int { self[Message.activations].bytes + self[Message.gradients].bytes }
}

/// A line of `metrics.jsonl`: a training step.
private struct StepLine: Encodable {
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

/// A line of `metrics.jsonl`: a judgement.
private struct EvaluationLine: Encodable {
  let network: String
  let result: Summary.Result
}
