import Cohort
import Foundation
import Layers
import MPI

/// What a training run tells as it goes, on every rank alike but for its own tasks' losses.
public struct StepReport: Sendable {
  /// Counts from 1.
  public let step: Int
  /// Loss over all tasks, before this step's update.
  public let loss: Double
  /// Since the start of training.
  public let seconds: Double
  /// Balanced accuracy on the validation data, at the steps that look at it.
  public let validation: Double?
  /// That this step's update used.
  public let learningRate: Double
  /// Of this rank's tasks, in order, before this step's update; the mean over all ranks' is `loss`. Empty where a network has none apart.
  public let taskLosses: [Double]
}

/// How a training run ended.
public struct TrainingResult: Sendable {
  /// Loss over all tasks at the first step, before its update.
  public let firstLoss: Double
  /// Loss over all tasks at the last step, before its update.
  public let lastLoss: Double
  /// The step whose weights were kept, counted from 1.
  public let bestStep: Int
  /// Their balanced accuracy on the validation data; nil where there were none.
  public let bestValidation: Double?
  /// Of training, before this process too where it took up a checkpoint.
  public let seconds: Double
  /// Every step's of this process, in order.
  public let stepSeconds: [Double]
  /// What saving cost this process; nil where nothing was to be saved.
  public let checkpoints: CheckpointFigures?
}

/// The training loop: steps at a falling learning rate, a look at validation data now and then, the best weights kept.
struct Trainer {
  let learner: any Learner
  let tasks: TaskSet
  let classes: Int
  let options: TrainingOptions
  let communicator: Communicator
  var checkpoints: CheckpointsOfNetwork?

  /// Decisions rest on allreduced counts alone, so that all ranks decide alike.
  ///
  /// - Parameters:
  ///   - begins: hears how many steps are done already.
  ///   - report: hears of every step.
  func run(begins: (Int) throws -> Void = { _ in }, _ report: (StepReport) throws -> Void) throws
    -> TrainingResult
  {
    let schedule = CosineSchedule(
      base: Float(options.learningRate), steps: options.steps)
    var optimizer = Optimizer(
      adam: Adam(learningRate: 0, weightDecay: Float(options.weightDecay)), maximumNorm: options.clip,
      status: learner.status)
    let best = BestWeights(learner.groups)
    let saving = checkpoints.map {
      Checkpoints($0, learner, tasks: tasks.own.map(\.name), steps: options.steps, best, communicator)
    }
    var progress = try saving?.restore() ?? TrainingProgress(bestStep: options.steps)
    learner.goOn(from: progress.step)
    try begins(progress.step)
    let start = Environment.wallTime() - progress.seconds
    var durations: [Double] = []
    durations.reserveCapacity(options.steps - progress.step)

    for step in progress.step..<options.steps {
      Watchdog.feed(step: step + 1)
      optimizer.step = step + 1
      optimizer.learningRate = schedule.learningRate(at: step)
      prepareStatus(step, saving)
      let before = Environment.wallTime()
      progress.lastLoss = try train(step, optimizer, saving)
      durations.append(Environment.wallTime() - before)
      progress.step = step + 1
      if step == 0 { progress.firstLoss = progress.lastLoss }
      let wishes = try settleStatus(step, saving)
      var score: Double?
      if (step + 1) % options.validateEvery == 0 || step + 1 == options.steps {
        score = try validate()
        if let score, score >= progress.best {
          (progress.best, progress.bestStep) = (score, step + 1)
          best.take()
        }
      }
      progress.seconds = Environment.wallTime() - start
      try report(
        StepReport(
          step: step + 1, loss: progress.lastLoss, seconds: progress.seconds, validation: score,
          learningRate: Double(optimizer.learningRate), taskLosses: learner.taskLosses))
      try saving?.settle(progress, wishes) { try requireAlike(step + 1) }
    }
    try requireFiniteWeights()
    try requireAlike(options.steps)
    try saving?.finish(progress)
    if progress.best >= 0 { best.restore() }
    try learner.prepareToPredict()
    return TrainingResult(
      firstLoss: progress.firstLoss, lastLoss: progress.lastLoss, bestStep: progress.bestStep,
      bestValidation: progress.best < 0 ? nil : progress.best, seconds: progress.seconds,
      stepSeconds: durations, checkpoints: saving?.figures)
  }

  private func train(_ step: Int, _ optimizer: Optimizer, _ saving: Checkpoints?) throws -> Double {
    do {
      return try learner.train(step: step, optimizer)
    } catch var error as NumericError {
      error.kept = saving?.lastWhole
      throw error
    }
  }

  // MARK: What travels with a step

  /// Steps between looks at whether the weights that all ranks hold are still alike.
  private static let stepsBetweenChecksums = 50

  private func prepareStatus(_ step: Int, _ saving: Checkpoints?) {
    if let drift = DriftForTests.asked, drift == (communicator.rank, step) {
      learner.sharedGroups.first?.values[0] += 1
    }
    guard let status = learner.status else { return }
    status.step = step + 1
    let looks = step % Self.stepsBetweenChecksums == 0
    status.checksum = looks ? StepStatus.checksum(learner.sharedGroups + learner.replicas) : 0
    status.asks = status.hasTrouble || Watchdog.stopRequested || saving?.asks ?? false
    status.isWritten = saving?.isWritten ?? false
  }

  /// After a step: what the ranks ask for, if any does, and a trouble of one becomes all ranks'.
  private func settleStatus(_ step: Int, _ saving: Checkpoints?) throws -> Wishes {
    guard let status = learner.status else { return Wishes() }
    // Not every rank need see that one differs: who sees it says so with the next step.
    let hasDrifted = status.hasDrifted || !status.isAlike(ranks: communicator.size)
    defer { status.hasDrifted = hasDrifted }
    guard status.asking > 0 else { return Wishes() }
    let wishes = try Wishes(
      stop: Watchdog.stopRequested, save: saving?.isDue ?? false, hasFailed: saving?.hasFailed ?? false,
      trouble: status.hasTrouble
    ).ofAll(communicator)
    if wishes.trouble {
      let fault = try communicator.agree(
        on: status.fault.map { (code: Int32(clamping: $0.step), message: $0.group) }, kind: Message.status)
      if let fault {
        var error = NumericError(
          .explodingGradient, task: fault.message, rank: fault.rank, step: Int(fault.code) - 1)
        error.kept = saving?.lastWhole
        throw error
      }
      try requireAlike(step + 1)
    }
    if wishes.stop && saving == nil { throw Stopped(step: step + 1, network: "", isSaved: false) }
    return wishes
  }

  /// Throws `DriftError` on every rank if the weights that all hold are not alike.
  private func requireAlike(_ step: Int) throws {
    let groups = learner.sharedGroups + learner.replicas
    guard communicator.size > 1, !groups.isEmpty else { return }
    let sums = try communicator.allgather(Int64(StepStatus.checksum(groups)), kind: Message.status)
    let counts = Dictionary(grouping: sums.indices, by: { sums[$0] })
    guard counts.count > 1 else { return }
    let most = counts.values.max { $0.count < $1.count }!
    let odd = most.count * 2 > sums.count ? sums.indices.filter { !most.contains($0) } : []
    throw DriftError(ranks: odd, step: step)
  }

  /// The last update is not followed by a sum that would find it out. Throws `NumericError` on every rank.
  private func requireFiniteWeights() throws {
    let bad = learner.groups.first { group in
      !UnsafeBufferPointer(start: group.values, count: group.count).allSatisfy(\.isFinite)
    }
    let name = bad?.name ?? learner.status?.fault?.group
    let agreed = try communicator.agree(on: name.map { (code: 0, message: $0) }, kind: Message.status)
    if let agreed {
      throw NumericError(.weights, task: agreed.message, rank: agreed.rank, step: options.steps - 1)
    }
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

/// What a rank asks of all after a step.
struct Wishes {
  var stop = false
  /// A checkpoint, by the clock.
  var save = false
  /// A checkpoint could not be written.
  var hasFailed = false
  /// Gradients that blew up, or weights that have drifted apart.
  var trouble = false

  /// What any rank asks.
  func ofAll(_ communicator: Communicator) throws -> Wishes {
    var flags: [Int64] = [stop, save, hasFailed, trouble].map { $0 ? 1 : 0 }
    try flags.withUnsafeMutableBufferPointer { try communicator.allreduce($0, .max, kind: Message.status) }
    return Wishes(stop: flags[0] > 0, save: flags[1] > 0, hasFailed: flags[2] > 0, trouble: flags[3] > 0)
  }
}

/// A copy of the best weights so far. While a checkpoint's writer reads it, the next one goes to another place, so that nobody need wait.
final class BestWeights {
  private let groups: [ParameterGroup]
  private var copies: [AlignedBuffer<Float>]
  /// As many, once the copies are lent.
  private var spare: [AlignedBuffer<Float>] = []
  private var isLent = false

  init(_ groups: [ParameterGroup]) {
    self.groups = groups
    copies = groups.map { AlignedBuffer(count: $0.count) }
  }

  func take() {
    if isLent { swap(&copies, &spare) }
    isLent = false
    for (group, copy) in zip(groups, copies) { copy.data.update(from: group.values, count: group.count) }
  }

  func restore() {
    for (group, copy) in zip(groups, copies) { group.values.update(from: copy.data, count: group.count) }
  }

  /// Finds the room that lending takes.
  func prepareToLend() {
    spare = groups.map { AlignedBuffer(count: $0.count) }
  }

  /// Where a group's copy lies, and stays as it is until the next call; nil if it is not among those kept.
  func lend(_ group: ParameterGroup) -> UnsafeMutableBufferPointer<Float>? {
    guard let place = groups.firstIndex(where: { $0 === group }) else { return nil }
    isLent = true
    return copies[place].buffer
  }
}

/// A rank whose shared weights go wrong at a step, so that a test can see it found: `HEARTWOOD_TEST_DRIFT=RANK:STEP`.
private enum DriftForTests {
  static let asked: (rank: Int, step: Int)? = {
    let words = ProcessInfo.processInfo.environment["HEARTWOOD_TEST_DRIFT"]?.split(separator: ":") ?? []
    let numbers = words.compactMap { Int($0) }
    return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
  }()
}
