import Cohort
import Layers
import MPI

/// The paper's network (Figures 2 to 4): private branches, their features concatenated into the shared trunk, a head a task.
final class ConcatNetwork: Learner {
  let shape: NetworkShape
  let slots: [TaskSlot]
  let trunk: Trunk
  private let tasks: [TaskData]
  private let samplers: [ClassWeightedSampler?]
  private let names: [String]
  private let owned: Range<Int>
  private let options: TrainingOptions
  private let panel: Panel
  private let exchange: any Exchange
  private let kept: SlotChoice?
  private let clock: StepClock?
  let status: StepStatus? = StepStatus()
  private let lossScale: Double
  private(set) var taskLosses: [Double]
  /// The mean training part `m_i` of each own task: H numbers.
  private(set) var meanParts: [[Float]]
  /// How own tasks' heads answer for unseen patients.
  private(set) var votes: [Vote]
  private var meanSum: [Float]

  init(
    _ shape: NetworkShape, _ set: TaskSet, _ options: TrainingOptions, _ communicator: Communicator,
    clock: StepClock? = nil
  ) throws {
    let (names, ownership) = (set.names, set.ownership)
    self.clock = clock
    self.shape = shape
    self.names = names
    owned = ownership.own
    tasks = set.own
    self.options = options
    panel = Panel(
      heads: set.heads, names: names, owned: owned, classes: shape.classes, communicator: communicator)
    let batch = options.batch
    let scratch = Scratch()
    slots = ownership.own.map {
      TaskSlot(
        shape, index: $0, name: names[$0], tasks: names.count, batch: batch, seed: options.seed,
        scratch: scratch, sharesGradients: options.exchange == .reduce)
    }
    votes = tasks.map { $0.vote(classes: shape.classes) }
    samplers = tasks.map { $0.sampler(classes: shape.classes) }
    trunk = Trunk(shape, Start.trunk(shape, seed: options.seed), batch: batch)
    switch options.exchange {
    case .reduce:
      exchange = try ReduceExchange(
        shape, trunk: trunk, names: names, batch: batch, sum: options.sum, communicator, status: status!,
        clock: clock)
    case .gather:
      exchange = GatherExchange(
        shape, trunk: trunk, names: names, ownership: ownership, batch: batch, communicator,
        status: status!, clock: clock)
    }
    kept = options.slotDropout ? SlotChoice(tasks: names.count, batch: batch) : nil
    lossScale = options.lossIsSum ? 1 / Double(batch) : 1 / Double(batch * names.count)
    taskLosses = slots.map { _ in 0 }
    meanParts = slots.map { _ in [Float](repeating: 0, count: shape.trunk[0]) }
    meanSum = [Float](repeating: 0, count: shape.trunk[0])
    try replicate()
  }

  /// To be called on every rank when weights were set from outside.
  func replicate() throws { try exchange.replicate(slots) }

  var taskGroups: [[ParameterGroup]] { slots.map { [$0.group] } }
  var sharedGroups: [ParameterGroup] { [trunk.group] }
  var replicas: [ParameterGroup] { exchange.replicas }
  var parameterCount: Int { shape.parameterCount(tasks: names.count) }
  var collectives: Int { exchange.collectives }
  var ranksSharingMemory: Int { exchange.ranksSharingMemory }

  // MARK: Training

  func train(step: Int, _ optimizer: Optimizer) throws -> Double {
    clock?.begin()
    kept?.draw(seed: options.seed, step: step)
    for (position, slot) in slots.enumerated() {
      draw(position, step)
      clock?.lap(.minibatch)
      slot.forward(step: step, kept: kept)
      clock?.lap(.branchForward)
    }
    let h = try exchange.activations(
      slots, step: step, trunkKey: streamKey(options.seed, .trunkDropout, step))
    for (position, slot) in slots.enumerated() {
      let loss = slot.headLoss(h)
      taskLosses[position] = loss / Double(options.batch)
      exchange.add(
        loss: loss * lossScale, gradient: slot.headBackward(h, scale: Float(lossScale)), task: slot.index)
    }
    clock?.lap(.trunkAndHeads)
    let loss = try exchange.backward(slots, kept: kept, step: step, optimizer)
    clock?.end()
    return loss
  }

  /// The k-th examples of every task's minibatch meet in row k: drawn independently, n different heartbeats.
  /// With pairing `same` every task draws from one stream, and all own the same examples in the same order.
  private func draw(_ position: Int, _ step: Int) {
    let slot = slots[position]
    var stream = RandomStream(
      seed: streamKey(options.seed, .minibatch, options.pairing == .same ? 0 : slot.index, step))
    slot.minibatch.load(tasks[position].training, count: options.batch) { _ in
      samplers[position]!.draw(using: &stream)
    }
    kept?.weigh(slot.index, slot.minibatch.weights)
  }

  // MARK: Prediction

  /// Mean of `p_i` over 256 training examples of each task, drawn as in training, and their sum over all tasks.
  func prepareToPredict() throws {
    let count = 256
    for (position, slot) in slots.enumerated() {
      var stream = RandomStream(seed: streamKey(options.seed, .meanPart, slot.index))
      var sum = [Double](repeating: 0, count: shape.trunk[0])
      for start in stride(from: 0, to: count, by: options.batch) {
        slot.minibatch.load(tasks[position].training, count: min(options.batch, count - start)) { _ in
          samplers[position]!.draw(using: &stream)
        }
        slot.forward(step: nil)
        let p = slot.project()
        for row in 0..<p.rows { for column in 0..<p.columns { sum[column] += Double(p[row, column]) } }
      }
      meanParts[position] = sum.map { Float($0 / Double(count)) }
    }
    try sumMeanParts()
  }

  /// Takes over what a model file says of the own tasks, in place of training data.
  func restore(meanParts: [[Float]], votes: [Vote]) {
    self.meanParts = meanParts
    self.votes = votes
  }

  func prepareAfterReading() throws { try sumMeanParts() }

  private func sumMeanParts() throws {
    meanSum = try sumOverTasks(names, owned, rows: 1, columns: shape.trunk[0], panel.communicator) {
      meanParts[$0]
    }
  }

  func predictOwn(_ position: Int, _ examples: Examples) -> [Float] {
    answers(position, examples, offset: offset(position, options.slotDropout ? .slot : .mean))
  }

  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    switch answer {
    case .broadcast: try predictTogether(examples)
    case .slot, .mean, .own, .typical, .all, .trimmed, .gated:
      try panel.answer(votes, rows: examples.count) { answers($0, examples, offset: offset($0, answer)) }
    }
  }

  /// What the other slots add to `z` while slot `position` answers.
  private func offset(_ position: Int, _ answer: PredictionProtocol) -> [Float] {
    answer == .slot
      ? [Float](repeating: 0, count: meanSum.count)
      : zip(meanSum, meanParts[position]).map { $0 - $1 }
  }

  /// Head `position`'s probabilities with the examples in its slot and `offset` for all others.
  private func answers(_ position: Int, _ examples: Examples, offset: [Float]) -> [Float] {
    let slot = slots[position]
    var result: [Float] = []
    result.reserveCapacity(examples.count * shape.classes)
    eachBatch(position, examples) {
      let z = slot.project()
      for row in 0..<z.rows { for column in 0..<z.columns { z[row, column] += offset[column] } }
      result.append(contentsOf: slot.probabilities(trunk.forward(z, key: nil)).buffer)
    }
    return result
  }

  /// Protocol `broadcast`: every branch that the trunk was trained with sees the example, so that `z` is whole.
  private func predictTogether(_ examples: Examples) throws -> [Float] {
    let width = shape.trunk[0]
    let z = try sumOverTasks(names, owned, rows: examples.count, columns: width, panel.communicator) {
      position in
      guard votes[position] != .apart else { return nil }
      var part: [Float] = []
      eachBatch(position, examples) { part.append(contentsOf: slots[position].project().buffer) }
      return part
    }
    // The trunk overwrites its input, and every head needs z.
    let scratch = Storage(count: options.batch * width)
    return try panel.answer(votes, rows: examples.count) { position in
      var result: [Float] = []
      for start in stride(from: 0, to: examples.count, by: options.batch) {
        let part = scratch.matrix(rows: min(options.batch, examples.count - start), columns: width)
        for index in 0..<part.count { part.data[index] = z[start * width + index] }
        result.append(contentsOf: slots[position].probabilities(trunk.forward(part, key: nil)).buffer)
      }
      return result
    }
  }

  /// Own task `position`'s features of the examples, a minibatch at a time.
  private func eachBatch(_ position: Int, _ examples: Examples, _ body: () -> Void) {
    for start in stride(from: 0, to: examples.count, by: options.batch) {
      Watchdog.feed()
      slots[position].minibatch.load(examples, count: min(options.batch, examples.count - start)) {
        start + $0
      }
      slots[position].forward(step: nil)
      body()
    }
  }
}
