import Cohort
import Foundation
import Layers
import MPI

/// The anchored form: transfer from many source patients to patients never seen (`--fusion anchored`; ours, not the paper's).
///
/// With many sources the paper's form carries over worse than one pooled network: what a private branch learns is of no use to a stranger.
/// Here the branch and trunk are shared, and what is a patient's own comes from the patient's unlabelled beats, which a stranger has too:
///
/// - Inputs: every beat x beside the patient's median beat M, features r with the patient's own RR statistics and the beat's likeness to M
///   (`OwnStatistics`).
/// - Anchor: v = [Branch(x, M), r];  z = v W - m, m the patient's mean of v W, taken anew every ten steps and held constant in between.
///   What all beats of a patient have in common falls out.
/// - Private residual, for half of the rows and in training alone (`PrivateResidual`).
/// - A patient's most frequent beat may be abnormal; then M and m of all beats turn every answer round. So in training each patient flips a
///   coin a step: M, r and m of all its beats, or of those labelled normal. And for a stranger they are taken from beats that a first
///   guess calls normal, by two small towers without statistics: one of the beat's shape (branch and trunk on x and RR features), one of
///   its timing alone (`TimingTower`), which is right where all of a patient's beats look odd. With the log odds t and s of the two:
///
///       g = 3/4 t + 1/4 s;   S = beats with g <= 0;   o = trunk beside M, r, m of S;   answer (g + o) / 2      (`typical`)
///
/// - Branch and trunk come twice, from starts and coins of their own, and o is the mean of the two: what either makes of its random draws
///   half cancels.
///
/// What crosses the wire in a step is one sum of the shared towers' gradients and the loss: beats, labels, statistics, anchors and residuals
/// stay on their rank, and none of these is in the model folder. Tasks' losses weigh alike; a patient with fewer than ten beats of a
/// class is drawn from as it comes. S has at least 5 % of the beats, and four. The shares 3/4 and 1/2 are `Typicality`.
final class AnchoredNetwork: Learner {
  let shape: NetworkShape
  let rawShape: NetworkShape
  let towers: [Tower]
  let rawGroup: ParameterGroup
  let timing: TimingTower
  let status: StepStatus? = StepStatus()
  private let raw: Stack
  private let names: [String]
  private let owned: Range<Int>
  private let own: [Own?]  // nil where there is nothing to train on: after reading a model
  private(set) var taskLosses: [Double]
  private let options: TrainingOptions
  private let sum: TaskSum
  private let communicator: Communicator

  /// Steps that an anchor holds.
  private static let refreshEvery = 10
  /// Beats that it is the mean of: as good as 256, where 16 were a point worse (balanced accuracy, a prototype).
  private static let anchorBeats = 64
  private static let residualDecay: Float = 1e-3

  /// One of this rank's patients in training.
  private struct Own {
    let task: TaskData
    let sampler: ClassWeightedSampler
    let sides: [Side]

    /// The training beats beside the statistics of all beats, or of those labelled normal; anchors come from the same.
    struct Side {
      let statistics: OwnStatistics
      let inputs: Examples
      let beats: [Int]
    }

    init?(_ task: TaskData, classes: Int, bothSides: Bool) {
      self.task = task
      // Few beats of a class, drawn as often as the other's, would be learned by heart.
      let balanced = task.votes(classes: classes)
      let sampler =
        balanced
        ? task.sampler(classes: classes)
        : ClassWeightedSampler(
          labels: task.training.labels.map { _ in 0 }, indices: Array(0..<task.training.count), weights: [1])
      guard let sampler else { return nil }
      self.sampler = sampler
      let all = Array(0..<task.training.count)
      let normal = all.filter { task.training.labels[$0] == 0 }
      sides = (bothSides && !normal.isEmpty ? [all, normal] : [all]).map { beats in
        let statistics = OwnStatistics(of: task.training, at: beats)
        return Side(statistics: statistics, inputs: statistics.inputs(task.training), beats: beats)
      }
    }
  }

  /// Branch, trunk and head that all share, on beats beside their patients' statistics; with it what own patients have of their own.
  final class Tower {
    let seed: UInt64
    let group: ParameterGroup
    let residuals: [PrivateResidual]
    let stacks: [Stack]
    /// Of each own patient and side: m, H numbers.
    var anchors: [[[Float]]]

    /// The `number`-th of a network; the first's streams are keyed by the run's seed itself.
    init(_ number: Int, _ shape: NetworkShape, _ set: TaskSet, _ options: TrainingOptions) {
      seed = number == 0 ? options.seed : streamKey(options.seed, .member, number)
      let suffix = number == 0 ? "" : "\(number + 1)"
      // A network that was read has no patient of its own.
      let trains = set.own.contains { $0.training.count > 0 }
      group = Start.whole(shape, name: "trunk" + suffix, seed: seed)
      residuals = set.ownership.own.compactMap { [seed] task in
        options.anchoring.residualRank == 0 || !trains
          ? nil
          : PrivateResidual(
            shape, rank: options.anchoring.residualRank, name: set.names[task], index: task, seed: seed,
            batch: options.batch)
      }
      let trunk = Trunk(shape, group, batch: options.batch)
      stacks = set.own.indices.map { [group, residuals] in
        Stack(
          shape, branch: group, input: group, trunk: trunk, head: group,
          residual: residuals.isEmpty ? nil : residuals[$0], batch: options.batch)
      }
      anchors = set.own.map { _ in [] }
    }
  }

  init(
    _ shape: NetworkShape, _ set: TaskSet, _ options: TrainingOptions, _ communicator: Communicator
  ) {
    self.shape = shape
    self.options = options
    self.communicator = communicator
    names = set.names
    owned = set.ownership.own
    var rawShape = shape
    rawShape.branch.inputChannels = 1
    rawShape.extraFeatures = RRFeatures.count
    self.rawShape = rawShape
    towers = (0..<options.anchoring.towers).map { Tower($0, shape, set, options) }
    rawGroup = Start.whole(rawShape, name: "raw", index: 1, seed: options.seed)
    raw = Stack(rawShape, group: rawGroup, batch: options.batch)
    timing = TimingTower(classes: shape.classes, batch: options.batch, seed: options.seed)
    taskLosses = set.own.map { _ in 0 }
    own = set.own.map { Own($0, classes: shape.classes, bothSides: options.anchoring.bothSides) }
    sum = TaskSum(
      options.sum,
      count: towers.reduce(0) { $0 + $1.group.count } + rawGroup.count + timing.group.count,
      fractionBits: TaskSum.weightBits, parts: set.names.count, status: status, communicator)
  }

  var taskGroups: [[ParameterGroup]] {
    own.indices.map { position in
      towers.filter { !$0.residuals.isEmpty }.map { $0.residuals[position].group }
    }
  }
  var sharedGroups: [ParameterGroup] { shared.map(\.0) }
  /// Anchors are taken anew then.
  var stepsBetweenStates: Int { Self.refreshEvery }
  var parameterCount: Int {
    towers.count * shape.singleParameterCount + rawShape.singleParameterCount
      + TimingTower.parameterCount(shape.classes)
  }
  let collectives = 1

  func train(step: Int, _ optimizer: Optimizer) throws -> Double {
    sum.clear()
    for position in own.indices { pass(position, step) }
    guard try sum.allreduce(Message.gradients) else {
      try refuse(sum.offender, names, step, communicator)
    }
    for (group, offset) in shared {
      sum.read(into: gradients(group), at: offset)
      optimizer.update(group)
    }
    var privately = optimizer
    privately.adam.weightDecay = Self.residualDecay
    for residual in towers.flatMap(\.residuals) { privately.update(residual.group) }
    return sum.loss
  }

  /// Forward and backward of B beats of an own patient through all towers; adds the shared gradients to the sum.
  private func pass(_ position: Int, _ step: Int) {
    let (patient, task) = (own[position]!, owned.lowerBound + position)
    let key = streamKey(options.seed, .featureDropout, task, step)
    let scale = 1 / Float(options.batch * names.count)
    var stream = RandomStream(seed: streamKey(options.seed, .minibatch, task, step))
    let drawn = (0..<options.batch).map { _ in patient.sampler.draw(using: &stream) }

    raw.minibatch.load(patient.task.training, count: options.batch) { drawn[$0] }
    _ = raw.train(key: key, scale: scale)
    timing.train(raw.minibatch.extra, labels: raw.minibatch.labels.data, scale: scale)

    taskLosses[position] = 0
    for tower in towers {
      if step % Self.refreshEvery == 0 { refresh(tower, position, patient, step) }
      var coin = RandomStream(seed: streamKey(tower.seed, .anchorChoice, task, step))
      let side = coin.index(below: patient.sides.count)
      let stack = tower.stacks[position]
      stack.minibatch.load(patient.sides[side].inputs, count: options.batch) { drawn[$0] }
      stack.anchor = options.anchoring.anchored ? tower.anchors[position][side] : []
      let loss = stack.train(key: streamKey(tower.seed, .featureDropout, task, step), scale: scale)
      taskLosses[position] += loss / Double(options.batch * towers.count)
      sum.add(loss: loss * Double(scale) / Double(towers.count), task: task)
    }
    for (group, offset) in shared { sum.add(gradients(group), at: offset, task: task) }
  }

  /// The groups that all ranks hold alike, and where their gradients lie in the sum.
  private var shared: [(ParameterGroup, offset: Int)] {
    var offset = 0
    return (towers.map(\.group) + [rawGroup, timing.group]).map { group in
      defer { offset += group.count }
      return (group, offset)
    }
  }

  private func gradients(_ group: ParameterGroup) -> Matrix {
    Matrix(group.gradients, rows: 1, columns: group.count)
  }

  /// An own patient's anchors under the weights of now, from some of the beats that they stand for.
  private func refresh(_ tower: Tower, _ position: Int, _ patient: Own, _ step: Int) {
    tower.anchors[position] = patient.sides.map { side in
      var stream = RandomStream(
        seed: streamKey(tower.seed, .anchorBeats, owned.lowerBound + position, step))
      let beats = (0..<Self.anchorBeats).map { _ in side.beats[stream.index(below: side.beats.count)] }
      return tower.stacks[position].meanInput(side.inputs, at: beats)
    }
  }

  /// Anchors by the weights of now, for own patients' validation; the next step takes its own anew.
  func prepareToPredict() throws {
    for (position, patient) in own.enumerated() {
      guard let patient else { continue }
      for tower in towers { refresh(tower, position, patient, options.steps) }
    }
  }

  func prepareAfterReading() throws {}

  // MARK: Prediction

  func predictOwn(_ position: Int, _ examples: Examples) -> [Float] {
    guard examples.count > 0 else { return [] }
    let patient = own[position]!
    let standpoint = Standpoint(
      statistics: patient.sides[0].statistics, anchors: towers.map { $0.anchors[position][0] })
    return predict(examples, by: Outlook(standpoints: [(standpoint, 1)]))
  }

  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    guard examples.count > 0 else { return [] }
    return predict(examples, by: outlook(on: examples, answer, options.typicality)!)
  }

  func predict(_ examples: Examples, by outlook: Outlook) -> [Float] {
    var logits = [Float](repeating: 0, count: examples.count)
    func add(_ others: [Float], _ weight: Float) {
      for (index, logit) in others.enumerated() { logits[index] += weight * logit }
    }
    for (standpoint, weight) in outlook.standpoints { add(self.logits(examples, standpoint), weight) }
    if outlook.firstGuess > 0 { add(firstGuess(examples, outlook.timing), outlook.firstGuess) }
    return logits.flatMap { [Float(logistic(-Double($0))), Float(logistic(Double($0)))] }
  }

  func outlook(on beats: Examples, _ answer: PredictionProtocol, _ typicality: Typicality) -> Outlook? {
    switch answer {
    case .typical:
      guard typicality.guess < 1 else {
        return Outlook(standpoints: [], firstGuess: 1, timing: typicality.timing)
      }
      let typical = standpoint(beats, Typical.normal(firstGuess(beats, typicality.timing)))
      return Outlook(
        standpoints: [(typical, 1 - typicality.guess)], firstGuess: typicality.guess,
        timing: typicality.timing)
    case .trimmed:
      return Outlook(standpoints: [(trimmed(beats, raw.logits(beats)), 1)])
    case .gated:
      let (shape, all) = (raw.logits(beats), standpoint(beats, Array(0..<beats.count)))
      let trimmed = trimmed(beats, shape)
      let advantage =
        Typical.agreement(logits(beats, trimmed), with: shape)
        - Typical.agreement(logits(beats, all), with: shape)
      let weight = Float(logistic((advantage - 0.06) / 0.02))
      return Outlook(standpoints: [(trimmed, weight), (all, 1 - weight)])
    default:
      return Outlook(standpoints: [(standpoint(beats, Array(0..<beats.count)), 1)])
    }
  }

  /// By timing and shape alone: where all of a patient's beats look odd, their timing still tells them apart.
  private func firstGuess(_ beats: Examples, _ share: Float) -> [Float] {
    zip(timing.logits(beats), raw.logits(beats)).map { share * $0 + (1 - share) * $1 }
  }

  private func trimmed(_ beats: Examples, _ shape: [Float]) -> Standpoint {
    let first = standpoint(beats, Typical.trimmed(shape))
    return standpoint(
      beats, Typical.trimmed(zip(shape, logits(beats, first)).map { ($0 + $1) / 2 }))
  }

  private func standpoint(_ beats: Examples, _ chosen: [Int]) -> Standpoint {
    let statistics = OwnStatistics(of: beats, at: chosen)
    let inputs = statistics.inputs(beats[chosen])
    return Standpoint(
      statistics: statistics,
      anchors: towers.map { $0.stacks[0].meanInput(inputs, at: Array(0..<inputs.count)) })
  }

  /// The mean over the towers.
  private func logits(_ examples: Examples, _ standpoint: Standpoint) -> [Float] {
    let inputs = standpoint.statistics.inputs(examples)
    var mean = [Float](repeating: 0, count: examples.count)
    for (tower, anchor) in zip(towers, standpoint.anchors) {
      let stack = tower.stacks[0]
      stack.anchor = options.anchoring.anchored ? anchor : []
      for (index, logit) in stack.logits(inputs).enumerated() { mean[index] += logit / Float(towers.count) }
    }
    return mean
  }
}
