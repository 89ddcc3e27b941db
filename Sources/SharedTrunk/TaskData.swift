import Cohort

/// One task's examples, held by the rank that owns the task.
public struct TaskData: Sendable {
  /// The record's, or the task's, name: part of file names.
  public let name: String
  /// To train on; what is borrowed is apart.
  public let training: Examples
  /// For early stopping; never test data.
  public let validation: Examples
  /// What the task is judged on at the end.
  public let test: Examples
  /// Examples of a class that the patient lacks, from other patients' training parts; to train on, never to be judged.
  public var borrowed: Examples?
  /// Whether its head may answer for other patients.
  public let mayVote: Bool
  /// What minibatches are drawn by: first a stratum by its weight, then any of its examples. The classes, equally often, if nil.
  public var draw: Draws?

  /// A training example's stratum, and each stratum's weight in any unit.
  public struct Draws: Sendable {
    /// Of each training example, a number from 0 on.
    public let strata: [Int32]
    /// How often each stratum is drawn, in any unit.
    public let weights: [Double]
    /// Draws by strata of these weights.
    public init(strata: [Int32], weights: [Double]) {
      self.strata = strata
      self.weights = weights
    }
  }

  /// A task that borrows nothing.
  public init(
    name: String, training: Examples, validation: Examples, test: Examples, mayVote: Bool = true,
    draw: Draws? = nil
  ) {
    self.name = name
    self.training = training
    self.validation = validation
    self.test = test
    self.mayVote = mayVote
    self.draw = draw
  }

  /// The same task, its borrowed examples behind its own for training.
  public var withBorrowed: TaskData {
    guard let borrowed else { return self }
    var all = training
    all.append(contentsOf: borrowed)
    return TaskData(
      name: name, training: all, validation: validation, test: test, mayVote: mayVote, draw: draw)
  }

  /// Draws training examples with replacement.
  package func sampler(classes: Int) -> ClassWeightedSampler? {
    let draw = draw ?? Draws(strata: training.labels, weights: [Double](repeating: 1, count: classes))
    return ClassWeightedSampler(
      labels: draw.strata, indices: Array(draw.strata.indices), weights: draw.weights)
  }

  /// A head answers for other patients only if it has seen at least this many examples of each class.
  static let examplesToVote = 10

  func votes(classes: Int) -> Bool {
    training.classCounts(classes).allSatisfy { $0 >= Self.examplesToVote }
  }

  func vote(classes: Int) -> Vote { mayVote && votes(classes: classes) ? .yes : .no }
}

/// The tasks of a run and who owns them.
public struct TaskSet: Sendable {
  /// All tasks' names, in order.
  public let names: [String]
  /// Which rank owns which.
  public let ownership: Ownership
  /// The examples of this rank's tasks.
  public let own: [TaskData]
  /// Where all tasks draw from the beats of all patients: those beats, the same on every rank.
  public let pool: Pool?
  /// How the heads answer together.
  public let heads: Heads

  /// All patients' beats under the experiment's own labels, and how the tasks' heads together answer for one of them.
  public struct Pool: Sendable {
    /// Training, validation and test part.
    public let parts: Parts
    /// The labels' names, by number.
    public let classes: [String]
    /// How the heads judge a beat together.
    public let answer: PredictionProtocol
  }

  /// As many `own` as the ownership says of this rank.
  public init(names: [String], ownership: Ownership, own: [TaskData], pool: Pool? = nil, heads: Heads = .vote)
  {
    precondition(own.count == ownership.own.count, "\(own.count) tasks for \(ownership.own.count) owned")
    self.names = names
    self.ownership = ownership
    self.own = own
    self.pool = pool
    self.heads = heads
  }

  /// The same with the borrowed examples among the training examples.
  public var withBorrowed: TaskSet {
    TaskSet(names: names, ownership: ownership, own: own.map(\.withBorrowed), pool: pool, heads: heads)
  }

  /// The same, own tasks' beats read beside their patients' statistics, where there are any.
  func beside(_ statistics: [OwnStatistics?]) -> TaskSet {
    let own = zip(own, statistics).map { task, own in
      guard let own else { return task }
      return TaskData(
        name: task.name, training: own.inputs(task.training), validation: own.inputs(task.validation),
        test: own.inputs(task.test), mayVote: task.mayVote, draw: task.draw)
    }
    return TaskSet(names: names, ownership: ownership, own: own, pool: pool, heads: heads)
  }

  /// What single-task learning trains on: the tasks' own data, or the pool dealt out to the tasks' owners (by the examples' numbers, so
  /// that no example's place depends on the number of ranks).
  package var forSingleTask: TaskSet {
    guard let pool else { return self }
    let own = ownership.own.map { task in
      let indices = stride(from: task, to: pool.parts.training.count, by: names.count)
      return TaskData(
        name: names[task], training: pool.parts.training[Array(indices)], validation: pool.parts.validation,
        test: pool.parts.test)
    }
    return TaskSet(names: names, ownership: ownership, own: own, pool: pool)
  }
}
