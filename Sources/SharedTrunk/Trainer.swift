import Cohort
import Layers
import MPI

/// What a training run tells as it goes, on every rank alike.
public struct StepReport: Sendable {
  /// Counts from 1.
  public let step: Int
  /// Loss over all tasks, before this step's update.
  public let loss: Double
  /// Since the start of training.
  public let seconds: Double
  /// Balanced accuracy on the validation data, at the steps that look at it.
  public let validation: Double?
}

/// How a training run ended.
public struct TrainingResult: Sendable {
  public let firstLoss: Double
  public let lastLoss: Double
  /// The step whose weights were kept, and their balanced accuracy on the validation data.
  public let bestStep: Int
  public let bestValidation: Double?
  public let seconds: Double
  /// Every step's, in order.
  public let stepSeconds: [Double]
}

/// The training loop: steps at a falling learning rate, a look at validation data now and then, the best weights kept.
struct Trainer {
  let learner: any Learner
  let tasks: TaskSet
  let classes: Int
  let options: TrainingOptions
  let communicator: Communicator

  /// Decisions rest on allreduced counts alone, so that all ranks decide alike.
  func run(_ report: (StepReport) throws -> Void) throws -> TrainingResult {
    let schedule = CosineSchedule(
      base: Float(options.learningRate), steps: options.steps)
    var optimizer = Optimizer(
      adam: Adam(learningRate: 0, weightDecay: Float(options.weightDecay)), maximumNorm: options.clip)
    let snapshot = Snapshot(learner.groups)
    let start = Environment.wallTime()
    var durations: [Double] = []
    durations.reserveCapacity(options.steps)
    var (first, last, best, bestStep) = (0.0, 0.0, -1.0, options.steps)

    for step in 0..<options.steps {
      optimizer.step = step + 1
      optimizer.learningRate = schedule.learningRate(at: step)
      let before = Environment.wallTime()
      last = try learner.train(step: step, optimizer)
      durations.append(Environment.wallTime() - before)
      if step == 0 { first = last }
      var score: Double?
      if (step + 1) % options.validateEvery == 0 || step + 1 == options.steps {
        score = try validate()
        if let score, score >= best {
          (best, bestStep) = (score, step + 1)
          snapshot.take()
        }
      }
      try report(
        StepReport(step: step + 1, loss: last, seconds: Environment.wallTime() - start, validation: score))
    }
    if best >= 0 { snapshot.restore() }
    try requireFiniteWeights()
    try learner.prepareToPredict()
    return TrainingResult(
      firstLoss: first, lastLoss: last, bestStep: bestStep, bestValidation: best < 0 ? nil : best,
      seconds: Environment.wallTime() - start, stepSeconds: durations)
  }

  /// The last update is not followed by a sum that would find it out. Throws `NumericError` on every rank.
  private func requireFiniteWeights() throws {
    let bad = learner.groups.first { group in
      !UnsafeBufferPointer(start: group.values, count: group.count).allSatisfy(\.isFinite)
    }
    let agreed = try communicator.agree(on: bad.map { (code: 0, message: $0.name) }, kind: Message.status)
    if let agreed { throw NumericError(task: agreed.message, step: options.steps - 1) }
  }

  /// Balanced accuracy of all tasks' validation examples together: each judged by its own patient's slot, or where all tasks draw from
  /// all patients as the pool is to be judged. Nil if there are none.
  private func validate() throws -> Double? {
    try learner.prepareToPredict()
    if let pool = tasks.pool {
      let examples = pool.parts.validation
      let probabilities = try learner.predict(examples, pool.answer)
      return balancedAccuracy(count([(examples.labels, probabilities)], classes: pool.classes.count))
    }
    var counts = count(
      tasks.own.enumerated().map {
        ($0.element.validation.labels, learner.predictOwn($0.offset, $0.element.validation))
      }, classes: classes)
    try counts.withUnsafeMutableBufferPointer { try communicator.allreduce($0, .sum, kind: Message.metrics) }
    return balancedAccuracy(counts)
  }

  /// The confusion matrix, row after row.
  private func count(_ judged: [(labels: [Int32], probabilities: [Float])], classes: Int) -> [Int64] {
    var counts = [Int64](repeating: 0, count: classes * classes)
    for (labels, probabilities) in judged {
      for (label, verdict) in zip(labels, Metrics.verdicts(probabilities, classes: classes)) {
        counts[Int(label) * classes + verdict] += 1
      }
    }
    return counts
  }

  private func balancedAccuracy(_ counts: [Int64]) -> Double? {
    guard counts.contains(where: { $0 > 0 }) else { return nil }
    let classes = Int(Double(counts.count).squareRoot())
    return Metrics.balancedAccuracy(
      stride(from: 0, to: counts.count, by: classes).map { counts[$0..<$0 + classes].map { Int($0) } })
  }
}

/// A copy of the best weights so far.
private final class Snapshot {
  private let groups: [ParameterGroup]
  private let copies: [AlignedBuffer<Float>]

  init(_ groups: [ParameterGroup]) {
    self.groups = groups
    copies = groups.map { AlignedBuffer(count: $0.count) }
  }

  func take() {
    for (group, copy) in zip(groups, copies) { copy.data.update(from: group.values, count: group.count) }
  }

  func restore() {
    for (group, copy) in zip(groups, copies) { group.values.update(from: copy.data, count: group.count) }
  }
}
