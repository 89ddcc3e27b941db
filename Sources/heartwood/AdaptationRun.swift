import Cohort
import Foundation
import MPI
import SharedTrunk

/// `heartwood adapt` on every rank: the model and the new patient's beats, training, judgement, run folder.
struct AdaptationRun {
  private let command: Adapt
  private let data: String
  private let session: Session
  private let folder: RunFolder

  init(_ command: Adapt, data: String, _ session: Session) {
    self.command = command
    self.data = data
    self.session = session
    folder = RunFolder(command.output, of: "adapt")
  }

  private var communicator: Communicator { session.communicator }

  func run() throws {
    let description = try session.together { try ModelFolder.descriptionOfWhole(in: command.model) }
    try refuse(description)
    try description.requireRoom(session)
    try session.together { try folder.create(leads: session.leads) }
    let source = DataSource.folder(data)
    if session.leads { say("Data: \(source.sentence)") }

    // The first rank judges; the task that joins is the last rank's.
    let ownership = Ownership(
      tasks: description.tasks.count + 1, ranks: session.ranks, rank: session.rank)
    let owns = ownership.own.contains(description.tasks.count)
    let beats = try session.together(isLong: true) { session.leads || owns ? try read(description) : nil }
    let newcomer = try session.together { try self.newcomer(beats?.own, description) }
    let sources = try command.trunk == .joint ? trainingParts(description, ownership) : []
    let rest = try RunData.share(command.record, beats?.rest, communicator)
    let before = try judge(
      try description.load(from: command.model, session), rest.examples, stranger(description), description)

    try session.together { try folder.begin(leads: session.leads) }
    let training =
      switch command.trunk {
      case .frozen: try trainAlone(newcomer, description)
      case .joint: try trainJointly(newcomer, description, sources, ownership)
      }
    try session.together { try folder.flush() }
    let joined = try session.together { try ModelFolder.description(in: folder.model) }
    let after = try judge(try joined.load(from: folder.model, session), rest.examples, .own, joined)

    try session.together {
      guard session.leads, let training, let before, let after else { return }
      let summary = AdaptationSummary(
        command, description, newcomer, training, source: source.name, ranks: session.ranks, before: before,
        after: after)
      try folder.write(try JSONEncoder.readable.encode(summary), as: "summary.json")
      say("\n\(summary.text)\n\nData: \(source.sentence)\nRun folder: \(folder.path)")
    }
  }

  private func refuse(_ description: ModelDescription) throws {
    let record = command.record
    if let reason = description.reasonAgainstNewcomers {
      try session.end(.usage, "--model \(command.model): \(reason)")
    }
    let files = description.tasks.map(ModelFolder.taskFile)
    if description.holds(record) || files.contains(ModelFolder.taskFile(record)) {
      try session.end(.usage, "--record \(record) is a task of the model already")
    }
    // What tasks were trained on must be told by their records alone: no beat that they are to be judged on may be trained on.
    let joint = command.trunk == .joint
    let isConsistent = description.scenario != Scenario.inconsistent.rawValue
    let untold = "the model's tasks were trained on parts of their records that it does not tell"
    if joint && (isConsistent || description.adaptations != nil) {
      try session.end(.usage, "--trunk joint: \(untold); use --trunk frozen")
    }
    if command.borrow && isConsistent { try session.end(.usage, "--borrow: \(untold)") }
  }

  // MARK: The new patient

  private func read(_ description: ModelDescription) throws -> NewcomerBeats {
    try NewcomerBeats(
      command.record, in: data, seconds: command.seconds, window: description.window,
      labelling: description.labelling, lead: command.lead ?? description.input.lead)
  }

  /// On a rank that has not read the record without beats.
  private func newcomer(_ own: Examples?, _ description: ModelDescription) throws -> Newcomer {
    guard let own else { return Newcomer(command.record, windowLength: description.input.length) }
    return try Newcomer(
      command.record, own: own,
      pools: {
        let simulated = try StandIns.beats(window: description.window, labelling: description.labelling)
        guard command.borrow else { return [simulated] }
        var sources = Examples(windowLength: description.input.length)
        // Of a patient who joined earlier only the first seconds are known.
        let joined = description.adaptations?.map(\.task) ?? []
        for name in description.tasks where !joined.contains(name) {
          sources.append(contentsOf: StandIns.suitable(try self.training(of: name, description)))
        }
        return [simulated, sources]
      },
      classes: description.shape.classes, seed: command.seed)
  }

  /// A source's training part.
  private func training(of name: String, _ description: ModelDescription) throws -> Examples {
    let experiment = Experiment(
      .detection, .inconsistent, tasks: .patient, abnormality: description.labelling)
    return try PatientLibrary(data, lead: description.input.lead).parts(name, experiment, seed: command.seed)
      .training
  }

  /// Of this rank's tasks but the newcomer's.
  private func trainingParts(_ description: ModelDescription, _ ownership: Ownership) throws -> [Examples] {
    try session.together(isLong: true) {
      try ownership.own.filter { $0 < description.tasks.count }.map {
        try training(of: description.tasks[$0], description)
      }
    }
  }

  /// How the model answers for a patient whom it does not know.
  private func stranger(_ description: ModelDescription) -> PredictionProtocol {
    guard description.protocol == .own else { return description.protocol }
    return description.options.slotDropout ? .slot : .mean
  }

  /// On the first rank the figures; only it has the labels.
  private func judge(
    _ network: Network, _ examples: Examples, _ answer: PredictionProtocol, _ description: ModelDescription
  ) throws -> Summary.Test? {
    let probabilities = try network.answer(examples, of: command.record, answer, session)
    guard session.leads else { return nil }
    return Summary.Test(
      examples.labels, probabilities, classes: description.shape.classes, seed: command.seed,
      protocol: network.answerName(answer), aami: examples.symbols.map(AAMIClass.init(symbol:)))
  }

  // MARK: Training

  private func progress(_ steps: Int, batch: Int) -> Progress {
    Progress("adapt", steps: steps, examplesPerStep: batch, speaks: session.leads)
  }

  /// On the first rank, which reads the others' mean parts from their files; nothing crosses the wire.
  private func trainAlone(_ newcomer: Newcomer, _ description: ModelDescription) throws -> TrainingResult? {
    let alone = try communicator.split(color: session.rank, key: 0)!
    let recipe = command.recipe(description.shape.branch.kind)
    let progress = self.progress(recipe.steps, batch: description.options.batch)
    return try session.together(isLong: true) {
      guard session.leads else { return nil }
      return try newcomer.join(
        description, in: command.model, recipe, seed: command.seed, seconds: command.seconds,
        to: folder.model, alone
      ) { report in
        progress.show(report)
        try folder.log(AdaptationLine(report))
      }
    }
  }

  /// As `train` does, from the model's weights: every rank reads its own tasks' records, and activations and gradients cross the wire.
  private func trainJointly(
    _ newcomer: Newcomer, _ description: ModelDescription, _ sources: [Examples], _ ownership: Ownership
  ) throws -> TrainingResult? {
    let recipe = command.recipe(description.shape.branch.kind)
    let joined = description.joined(by: command.record, seconds: command.seconds, .joint)
    let progress = self.progress(recipe.steps, batch: description.options.batch * joined.tasks.count)
    let (network, training) = try newcomer.joinAll(
      description, in: command.model, recipe, seed: command.seed, sources: sources, ownership, communicator,
      together: { try session.together($0) },
      report: { report in
        progress.show(report)
        try folder.log(AdaptationLine(report))
      })
    try session.together { try network.write(joined, to: folder.model) }
    return training
  }
}

/// A line of `metrics.jsonl`.
private struct AdaptationLine: Encodable {
  let step: Int
  let loss: Double
  let seconds: Double

  init(_ report: StepReport) {
    step = report.step
    loss = report.loss
    seconds = report.seconds
  }
}
