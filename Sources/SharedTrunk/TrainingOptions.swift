/// One network over all tasks, or one network for the pool of all data.
public enum Learning: String, Codable, Sendable, CaseIterable {
  /// Multi-task: private branches and heads.
  case mtl
  /// Single-task: one branch, one trunk, one head, trained on all patients' data pooled.
  case stl
}

/// How tasks meet in the trunk.
public enum Fusion: String, Codable, Sendable, CaseIterable {
  /// The paper's: the trunk reads the features of all tasks side by side.
  case concat
  /// Hard parameter sharing: the trunk reads each task's features apart.
  case hard
  /// For many sources and patients never seen: one network reads every beat beside what the patient's own unlabelled beats say.
  case anchored
}

/// Parts of the anchored form, each to be had without for comparison.
public struct Anchoring: Codable, Sendable, Equatable {
  /// Whether the patient's mean is taken off the first trunk matrix's product.
  public var anchored = true
  /// Rank of the private residual; none if 0.
  public var residualRank = 2
  /// Whether in training a patient's statistics and anchor are those of all beats or those of beats labelled normal, by a coin.
  public var bothSides = true

  /// Branches and trunks that are trained side by side, their answers averaged.
  public var towers = 2

  /// All parts, as `--fusion anchored` trains them.
  public init(anchored: Bool = true, residualRank: Int = 2, bothSides: Bool = true, towers: Int = 2) {
    self.towers = towers
    self.anchored = anchored
    self.residualRank = residualRank
    self.bothSides = bothSides
  }
}

/// How the concatenated network is built across ranks (DESIGN: the exchange).
public enum ExchangeKind: String, Codable, Sendable, CaseIterable {
  /// `v W` is summed over the tasks: two allreduces a step. See `ReduceExchange`.
  case reduce
  /// The features are gathered, every rank holds the whole trunk. See `GatherExchange`.
  case gather
}

/// From which data pooled single-task learning draws. Classes are balanced in both.
public enum Pooling: Sendable {
  /// Every example of a class as likely as any other, whichever patient's.
  case pooled
  /// Every patient as often as any other.
  case balanced
}

/// Single-task learning in the forms that multi-task learning is measured against: on the same budget of examples, the same
/// features, normalisation and thresholds.
public enum Baseline: String, Codable, Sendable, CaseIterable {
  /// One network on all patients' examples, classes balanced.
  case pooled
  /// The same, every patient equally often.
  case balanced
  /// `pooled`, its trunk so wide that it has at least as many weights as the multi-task network.
  case wide
  /// `balanced`, with the examples that the multi-task network's tasks borrow.
  case borrowed
  /// A network a patient, nothing shared; with what its task borrows.
  case alone
  /// `borrowed` for half of the steps, then trained on for each patient apart.
  case finetuned
  /// The mean of as many networks as the multi-task network has heads, each on the whole budget, from seeds of their own: `borrowed`,
  /// or where tasks are no patients `pooled`.
  case average
}

/// How the anchored form, asked for `typical`, answers.
public struct Typicality: Codable, Sendable, Equatable {
  /// Of the first guess: the share of timing, the rest being shape.
  public var timing: Float = 0.75
  /// Of the answer: the share of the first guess, the rest being the anchored tower beside the beats that the guess calls normal.
  public var guess: Float = 0.5

  /// Shares from 0 to 1.
  public init(timing: Float = 0.75, guess: Float = 0.5) {
    self.timing = timing
    self.guess = guess
  }
}

/// Which examples of different tasks meet in a row of the trunk's input.
public enum Pairing: String, Codable, Sendable, CaseIterable {
  /// Each task draws its own: n different heartbeats.
  case independent
  /// The same beat in every slot; for tasks that own the same data.
  case same
}

/// Everything but the data and the network's shape that the weights at the end depend on.
public struct TrainingOptions: Codable, Sendable, Equatable {
  /// Of all random streams: weights, minibatches, dropout.
  public var seed: UInt64 = 1
  /// Examples a task and step.
  public var batch = 16
  /// Training steps.
  public var steps = 400
  /// Adam's at the start; it falls to a twentieth along a cosine.
  public var learningRate = 3e-3
  /// Coupled: added to the gradient times the weight.
  public var weightDecay = 1e-4
  /// Largest gradient norm of a group.
  public var clip = 1.0
  /// Steps between looks at the validation data.
  public var validateEvery = 50
  /// Whether half of the paired examples keep one slot alone.
  public var slotDropout = false
  /// Which examples of different tasks meet in a row.
  public var pairing = Pairing.independent
  /// How the concatenated form's step is built across ranks.
  public var exchange = ExchangeKind.reduce
  /// How its parts are added up over the ranks.
  public var sum = SumKind.exact
  /// Of the anchored form.
  public var anchoring = Anchoring()
  /// How the anchored form, asked for `typical`, answers.
  public var typicality = Typicality()
  /// The sum of the tasks' losses instead of their mean (`bench`, as its peers).
  public var lossIsSum = false

  /// The defaults.
  public init() {}
}
