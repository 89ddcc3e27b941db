import Cohort
import Foundation
import Layers
import MPI

/// A network over the ranks of a communicator: trained here, or read from a model folder. Every rank calls the same methods.
public final class Network {
  /// What the tasks share, and how.
  public enum Form: Sendable, Equatable {
    /// The paper's: private branches, concatenated into one trunk.
    case concat
    /// Private branches, each read apart by one trunk.
    case hard
    /// For patients never seen: every beat beside what the patient's own beats say.
    case anchored
    /// One network for all.
    case pooled(Pooling)
    /// A network of its own for each task, nothing shared.
    case alone
    /// One network for all for the first half of the steps, then a copy for each task, trained on.
    case finetuned
  }

  let form: Form
  /// Whether beats are read beside their patients' statistics, which the anchored form sees to itself.
  private let readsBeside: Bool
  /// Of own tasks then; nil where there is nothing to take them from: after reading a model.
  private let statistics: [OwnStatistics?]
  /// Sizes of every part, as the network was made with.
  public let shape: NetworkShape
  /// All tasks by name, and this rank's with their examples as the branches read them.
  public let tasks: TaskSet
  let learner: any Learner
  private let options: TrainingOptions
  private let communicator: Communicator
  /// The clock of the timed steps, if the network was made for some.
  public let clock: StepClock?

  /// Throws `MPIError`.
  public init(
    _ form: Form, _ shape: NetworkShape, _ tasks: TaskSet, _ options: TrainingOptions,
    _ communicator: Communicator,
    timedSteps: Int = 0
  ) throws {
    self.form = form
    self.shape = shape
    readsBeside = shape.readsOwnStatistics && form != .anchored
    statistics =
      readsBeside ? tasks.own.map { $0.training.count > 0 ? OwnStatistics(of: $0.training) : nil } : []
    let tasks = readsBeside ? tasks.beside(statistics) : tasks
    self.tasks = tasks
    self.options = options
    self.communicator = communicator
    clock = timedSteps > 0 ? StepClock(capacity: timedSteps) : nil
    switch form {
    case .concat: learner = try ConcatNetwork(shape, tasks, options, communicator, clock: clock)
    case .hard: learner = HardNetwork(shape, tasks, options, communicator)
    case .anchored: learner = AnchoredNetwork(shape, tasks, options, communicator)
    case .pooled(let pooling):
      learner = try PooledNetwork(shape, tasks.forSingleTask, options, pooling, communicator)
    case .alone: learner = AloneNetwork(shape, tasks, options, communicator)
    case .finetuned: learner = try FinetunedNetwork(shape, tasks, options, communicator)
    }
  }

  /// How the tasks' heads answer together; a single network has but one.
  public var heads: Heads {
    if case .pooled = form { .vote } else { tasks.heads }
  }

  /// Weights and biases of the whole network.
  public var parameterCount: Int { learner.parameterCount }
  /// Ranks of this host, this one among them, that exchange through memory.
  public var ranksSharingMemory: Int { learner.ranksSharingMemory }
  /// Collectives of a training step.
  public var collectivesPerStep: Int { learner.collectives }

  /// Trains, from the newest whole checkpoint on where one is to be taken up.
  ///
  /// - Parameters:
  ///   - checkpoints: how training is saved; nil if it is not.
  ///   - begins: hears how many steps are done already.
  ///   - report: hears of every step.
  /// - Throws: an `AgreedError` on every rank: `NumericError` if a number is not finite, `DriftError`, `Stopped`, and of checkpoints
  ///   `CheckpointMismatch` and `CheckpointWriteError`; `MPIError`; what the closures throw.
  public func train(
    saving checkpoints: CheckpointsOfNetwork? = nil, begins: (Int) throws -> Void = { _ in },
    _ report: (StepReport) throws -> Void
  ) throws -> TrainingResult {
    try Trainer(
      learner: learner, tasks: tasks, classes: shape.classes, options: options, communicator: communicator,
      checkpoints: checkpoints
    )
    .run(begins: begins, report)
  }

  /// One step at `learningRate`, for `bench`; returns the loss.
  public func step(_ step: Int, learningRate: Float) throws -> Double {
    var optimizer = Optimizer(
      adam: Adam(learningRate: 0, weightDecay: Float(options.weightDecay)), maximumNorm: options.clip)
    optimizer.step = step + 1
    optimizer.learningRate = learningRate
    return try learner.train(step: step, optimizer)
  }

  /// The learner and this rank's tasks' names.
  var forTiming: (learner: any Learner, tasks: [String]) { (learner, tasks.own.map(\.name)) }

  /// How this network really answers when asked for `answer`, as results say it: only the concatenated form has slots.
  public func answerName(_ answer: PredictionProtocol) -> String {
    switch form {
    case .concat: tasks.heads == .oneVersusRest ? "\(answer.rawValue), likeliest head" : answer.rawValue
    case .hard:
      answer == .own ? "own" : tasks.heads == .oneVersusRest ? "likeliest head" : "mean of heads"
    case .anchored: "anchored, \(answer.rawValue)"
    case .pooled: "single network"
    case .alone, .finetuned: answer == .own ? "the patient's own network" : "mean of networks"
    }
  }

  /// Class probabilities of own task `position`'s examples (count x classes), the patient being known.
  public func predictOwn(_ position: Int, _ examples: Examples) -> [Float] {
    guard readsBeside, examples.count > 0 else { return learner.predictOwn(position, examples) }
    let statistics = statistics[position] ?? OwnStatistics(of: examples)
    return learner.predictOwn(position, statistics.inputs(examples))
  }

  /// Class probabilities of an unseen patient's examples, count x classes. Every rank passes the same.
  public func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    guard examples.count > 0 else { return try learner.predict(examples, answer) }
    return try predict(examples, answer, acquaintance(with: examples, answer))
  }

  /// What this network wants to know of a patient never seen, from beats of the patient's that need no labels: at least one.
  /// `typicality`: in place of the options'.
  public func acquaintance(
    with beats: Examples, _ answer: PredictionProtocol, _ typicality: Typicality? = nil
  ) -> Acquaintance {
    precondition(!shape.readsOwnStatistics || beats.count > 0, "nothing to know a patient by")
    return Acquaintance(
      statistics: readsBeside ? OwnStatistics(of: beats) : nil,
      outlook: learner.outlook(on: beats, answer, typicality ?? options.typicality))
  }

  /// Class probabilities of the examples of a patient it is acquainted with.
  public func predict(_ examples: Examples, _ answer: PredictionProtocol, _ acquaintance: Acquaintance) throws
    -> [Float]
  {
    if let outlook = acquaintance.outlook { return learner.predict(examples, by: outlook) }
    return try learner.predict(acquaintance.statistics?.inputs(examples) ?? examples, answer)
  }

  /// Writes this rank's part of the model folder; the first rank writes the trunk and the description. Throws `ModelError`.
  public func write(_ description: ModelDescription, to folder: String) throws {
    try ModelFolder.write(learner, description, leads: communicator.rank == 0, to: folder)
  }

  /// Takes over this rank's weights from a model folder, without communication. Throws `ModelError` naming the file.
  public func read(from folder: String) throws { try learner.read(from: folder) }

  /// Starts training from a model folder's weights (concatenated form), but for the task that joins it. To be called on every rank,
  /// without communication. Throws `ModelError` naming the file.
  public func start(from folder: String, but newcomer: String) throws {
    guard let network = learner as? ConcatNetwork else { preconditionFailure("a network without slots") }
    try network.start(from: folder, but: newcomer)
  }

  /// Starts training from another network's weights: a single network's, for a network of one task alone.
  public func start(from other: Network) {
    guard let own = learner as? AloneNetwork, let pooled = other.learner as? PooledNetwork else {
      preconditionFailure("not a pooled network for one alone")
    }
    own.restart(from: pooled.group)
  }

  /// To be called on every rank once all have read their weights.
  public func prepareAfterReading() throws { try learner.prepareAfterReading() }

  /// Copies of all parameters that this rank holds, by "group/tensor".
  package var weights: [String: [Float]] { tensors.mapValues(\.values) }

  /// The same with their shapes.
  package var tensors: [String: Safetensors.Tensor] {
    Dictionary(
      learner.groups.flatMap { group in
        group.parameters.map { ("\(group.name)/\($0.name)", Safetensors.Tensor($0.value)) }
      }, uniquingKeysWith: { first, _ in first })
  }

  /// What each own task saw in the last step (concatenated form).
  package var lastExamples: [(windows: Safetensors.Tensor, labels: Safetensors.Tensor)] {
    guard let network = learner as? ConcatNetwork else { preconditionFailure("a network without slots") }
    return network.slots.map { slot in
      let examples = slot.minibatch
      let labels = examples.labels.buffer.prefix(examples.rows).map { Float($0) }
      return (Safetensors.Tensor(examples.x), Safetensors.Tensor(shape: [examples.rows], values: labels))
    }
  }

  /// Tells replicas of weights that were `set` or that training starts from. To be called on every rank.
  public func replicate() throws { try (learner as? ConcatNetwork)?.replicate() }

  /// Overwrites one parameter, for tests that start from given weights.
  package func set(_ tensor: String, of group: String, to values: [Float]) {
    for candidate in learner.groups where candidate.name == group {
      let parameter = candidate[tensor]
      precondition(parameter.value.count == values.count, "\(tensor) holds \(parameter.value.count) numbers")
      for (index, value) in values.enumerated() { parameter.value.data[index] = value }
    }
  }
}

extension Safetensors.Tensor {
  fileprivate init(_ matrix: Matrix) {
    self.init(shape: [matrix.rows, matrix.columns], values: Array(matrix.buffer))
  }
}

/// What a network knows of a patient never seen, from the patient's own unlabelled beats: as much as its form asks for.
public struct Acquaintance {
  let statistics: OwnStatistics?
  let outlook: Outlook?

  /// What the patient is looked at from, if it is one place: the statistics, and of the anchored form each tower's mean of the first trunk
  /// matrix's product, H numbers.
  public var standpoint: (statistics: OwnStatistics, anchors: [[Float]])? {
    if let statistics { return (statistics, []) }
    guard let standpoints = outlook?.standpoints, standpoints.count == 1 else { return nil }
    return (standpoints[0].standpoint.statistics, standpoints[0].standpoint.anchors)
  }
}
