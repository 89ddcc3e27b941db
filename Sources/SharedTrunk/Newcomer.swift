import Cohort
import MPI

/// A patient who joins a trained model as one more task, by the first seconds of the recording, labelled.
public struct Newcomer: Sendable {
  /// The record's name, which becomes the task's.
  public let name: String
  /// The patient's own beats to train on.
  public let own: Examples
  /// Beats of classes of which there are too few among the own; see `StandIns`.
  public let standIns: Examples

  /// - Parameters:
  ///   - name: the record's.
  ///   - own: at least one beat.
  ///   - pools: makes the beats to take stand-ins from, where they are needed: for a class with fewer than 10 own beats up to 100, as
  ///     many of each pool, drawn by the seed. Without any beat of a class the head would learn to deny it.
  ///   - classes: how many there are.
  ///   - seed: of that draw.
  /// - Throws: what `pools` throws.
  public init(
    _ name: String, own: Examples, pools: () throws -> [Examples], classes: Int, seed: UInt64
  ) rethrows {
    self.name = name
    self.own = own
    var chosen = Examples(windowLength: own.windowLength)
    let lacking = own.classCounts(classes).enumerated().filter { $0.element < TaskSet.enough }.map(\.offset)
    let pools = lacking.isEmpty ? [] : try pools()
    for label in lacking {
      for (number, pool) in pools.enumerated() {
        var members = pool.labels.indices.filter { pool.labels[$0] == Int32(label) }
        var stream = RandomStream(seed: streamKey(seed, .loan, label, number))
        stream.shuffle(&members)
        chosen.append(contentsOf: pool[members.prefix(TaskSet.loan / pools.count).sorted()])
      }
    }
    standIns = chosen
  }

  /// As a rank knows the patient that has read none of the beats.
  public init(_ name: String, windowLength: Int) {
    self.name = name
    own = Examples(windowLength: windowLength)
    standIns = own
  }

  /// To train on: classes equally often, and within a class that has both, own beats as often as stand-ins, however few they are. The head
  /// has no vote for other patients: what it knows of a class may be stand-ins alone.
  public func task(classes: Int) -> TaskData {
    var all = own
    all.append(contentsOf: standIns)
    let none = Examples(windowLength: own.windowLength)
    let (mine, lent) = (own.classCounts(classes), standIns.classCounts(classes))
    func weight(_ count: Int, _ other: Int) -> Double { count == 0 ? 0 : other == 0 ? 1 : 0.5 }
    return TaskData(
      name: name, training: all, validation: none, test: none, mayVote: false,
      draw: .init(
        strata: own.labels + standIns.labels.map { $0 + Int32(classes) },
        weights: zip(mine, lent).map(weight) + zip(lent, mine).map(weight)))
  }
}

/// What a newcomer's training changes.
public enum TrunkTraining: String, Codable, Sendable, CaseIterable {
  /// The newcomer's branch, `W_i` and head alone. Nothing of the other patients is needed.
  case frozen
  /// All tasks and the trunk, on all patients' recordings.
  case joint
}

/// `model.json`, of a task that joined: what it was trained on.
public struct AdaptationNote: Codable, Sendable, Equatable {
  /// The task that joined.
  public let task: String
  /// From the start of the recording.
  public let seconds: Double
  /// What its training changed.
  public let trunk: TrunkTraining

  /// The note of one task; `seconds` from the start of its recording.
  public init(task: String, seconds: Double, trunk: TrunkTraining) {
    self.task = task
    self.seconds = seconds
    self.trunk = trunk
  }
}

/// The budget of a newcomer's training: our choice, made on other patients than those of the results. How, and by which figures,
/// `heartwood paper` tells among its choices.
public struct AdaptationRecipe: Sendable {
  /// Training steps.
  public var steps = 800
  /// Adam's at the start.
  public var learningRate = 3e-3
  /// Probability of dropping a feature.
  public var dropout: Float
  /// Whether the newcomer starts from the task whose slot and head have the least loss on the beats to train on, or at random.
  public var startsFromNearest: Bool

  /// The budget for this kind of training and branch.
  public init(_ trunk: TrunkTraining, _ kind: BranchShape.Kind) {
    dropout = trunk == .frozen ? 0.2 : 0
    startsFromNearest = trunk == .frozen && kind == .lstm
  }

  /// The model's own options with this budget. There is no validation part: the last step's weights are kept.
  public func options(_ trained: TrainingOptions, seed: UInt64) -> TrainingOptions {
    var options = trained
    options.seed = seed
    options.steps = steps
    options.learningRate = learningRate
    return options
  }
}

extension ModelDescription {
  /// Whether a patient can join: concatenated private branches, a task a patient, abnormal beats told from normal ones. Nil if so.
  public var reasonAgainstNewcomers: String? {
    if learning == .stl || fusion != .concat {
      return "only multi-task networks of fusion concat have slots that a patient can join by"
    }
    if shape.readsOwnStatistics { return "it reads beats beside their patients' statistics" }
    if problem != Problem.detection.rawValue { return "it tells rhythms apart, which a minute rarely holds" }
    if tasks != records { return "its tasks are no patients (\(tasks.joined(separator: ", ")))" }
    return nil
  }

  /// The model with one more task.
  public func joined(by name: String, seconds: Double, _ trunk: TrunkTraining) -> ModelDescription {
    var description = self
    description.records.append(name)
    description.tasks.append(name)
    description.adaptations =
      (adaptations ?? []) + [AdaptationNote(task: name, seconds: seconds, trunk: trunk)]
    return description
  }
}

extension Newcomer {
  /// Trains the newcomer's own parts on the trunk of the model in `folder`, on this rank alone, and writes the model with its task to
  /// `output`: a file more, the others as they are.
  ///
  /// - Parameters:
  ///   - description: the model's.
  ///   - folder: the model's.
  ///   - recipe: the budget.
  ///   - seed: of weights, minibatches and dropout.
  ///   - seconds: of the recording's start that the beats are from, for the new model's description.
  ///   - output: the new model's folder.
  ///   - alone: a communicator of this rank alone.
  ///   - report: hears of every step.
  /// - Throws: `ModelError` naming a file, `NumericError`, and what `report` throws.
  public func join(
    _ description: ModelDescription, in folder: String, _ recipe: AdaptationRecipe, seed: UInt64,
    seconds: Double, to output: String, _ alone: Communicator, _ report: (StepReport) throws -> Void
  ) throws -> TrainingResult {
    let options = recipe.options(description.options, seed: seed)
    var shape = description.shape
    shape.dropout = recipe.dropout
    let task = task(classes: shape.classes)
    let offset = try ModelFolder.offset(description, in: folder)
    let network = NewcomerNetwork(shape, task, index: description.tasks.count, offset: offset, options)
    try network.read(from: folder)
    if recipe.startsFromNearest {
      let losses = try description.tasks.map { other in
        try network.start(from: other, in: folder)
        return network.trainingLoss()
      }
      let nearest = losses.indices.min { losses[$0] < losses[$1] }!
      try network.start(from: description.tasks[nearest], in: folder)
    }
    let set = TaskSet(
      names: [name], ownership: Ownership(tasks: 1, ranks: 1, rank: 0), own: [task])
    let training = try Trainer(
      learner: network, tasks: set, classes: shape.classes, options: options, communicator: alone
    ).run(report)
    try ModelFolder.copy(description.files, from: folder, to: output)
    try ModelFolder.write(
      network, description.joined(by: name, seconds: seconds, .frozen), leads: true, to: output)
    return training
  }

  /// Trains all tasks and the trunk on, from the weights of the model in `folder`, with the newcomer's task behind the others. Every rank
  /// calls it.
  ///
  /// - Parameters:
  ///   - description: the model's.
  ///   - folder: the model's.
  ///   - recipe: the budget.
  ///   - seed: of weights, minibatches and dropout.
  ///   - sources: the training examples of this rank's tasks but the newcomer's, which the last rank owns.
  ///   - ownership: of all tasks, the newcomer's behind the others.
  ///   - communicator: the ranks that own them.
  ///   - together: makes all ranks throw what one of them throws.
  ///   - report: hears of every step.
  /// - Returns: the network of all tasks, ready to answer.
  /// - Throws: as `Network.train`, `ModelError` naming a file.
  public func joinAll(
    _ description: ModelDescription, in folder: String, _ recipe: AdaptationRecipe, seed: UInt64,
    sources: [Examples], _ ownership: Ownership, _ communicator: Communicator,
    together: (() throws -> Void) throws -> Void, report: (StepReport) throws -> Void
  ) throws -> (network: Network, training: TrainingResult) {
    let none = Examples(windowLength: own.windowLength)
    let tasks = sources.enumerated().map { position, training in
      TaskData(
        name: description.tasks[ownership.own.lowerBound + position], training: training, validation: none,
        test: none)
    }
    let owns = ownership.own.contains(description.tasks.count)
    let set = TaskSet(
      names: description.tasks + [name], ownership: ownership,
      own: tasks + (owns ? [task(classes: description.shape.classes)] : []))
    var shape = description.shape
    shape.dropout = recipe.dropout
    let network = try Network(
      .concat, shape, set, recipe.options(description.options, seed: seed), communicator)
    try together { try network.start(from: folder, but: name) }
    try network.replicate()
    return (network, try network.train(report))
  }
}
