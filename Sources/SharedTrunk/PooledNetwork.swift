import Cohort
import Layers
import MPI

/// Pooled single-task learning: the baseline. One network; each rank computes the gradients of the examples that it owns.
///
/// Every rank draws the same list of B n (task, example) pairs from (seed, step). Gradients are computed by task, summed exactly by
/// one allreduce and divided by B n, so that the weights have the same bits on every number of ranks.
final class PooledNetwork: Learner {
  let shape: NetworkShape
  let group: ParameterGroup
  let status: StepStatus? = StepStatus()
  private let stack: Stack
  private let tasks: [TaskData]
  private let names: [String]
  let owned: Range<Int>
  private let options: TrainingOptions
  private let pool: PoolSampler
  private let sum: TaskSum
  private let communicator: Communicator
  private var drawn: [[Int]]  // this step's examples of each own task

  init(
    _ shape: NetworkShape, _ set: TaskSet, _ options: TrainingOptions, _ pooling: Pooling,
    _ communicator: Communicator
  ) throws {
    let (names, ownership) = (set.names, set.ownership)
    self.shape = shape
    self.names = names
    tasks = set.own
    self.options = options
    self.communicator = communicator
    owned = ownership.own
    group = Start.whole(shape, seed: options.seed)
    stack = Stack(shape, group: group, batch: options.batch)
    pool = try PoolSampler(tasks, classes: shape.classes, ownership, pooling, communicator)
    // A task gives at most n parts a step: B n examples in passes of B.
    sum = TaskSum(
      options.sum, count: group.count, fractionBits: TaskSum.weightBits, parts: 2 * names.count,
      status: status, communicator)
    drawn = tasks.map { _ in [] }
    for index in drawn.indices { drawn[index].reserveCapacity(options.batch * names.count) }
  }

  let taskGroups: [[ParameterGroup]] = []
  var sharedGroups: [ParameterGroup] { [group] }
  var parameterCount: Int { shape.singleParameterCount }
  let collectives = 1

  func train(step: Int, _ optimizer: Optimizer) throws -> Double {
    let total = options.batch * names.count
    for index in drawn.indices { drawn[index].removeAll(keepingCapacity: true) }
    pool.draw(total, RandomStream(seed: streamKey(options.seed, .minibatch, 0, step))) { task, example in
      if owned.contains(task) { drawn[task - owned.lowerBound].append(example) }
    }
    sum.clear()
    for position in tasks.indices { pass(position, step, scale: 1 / Float(total)) }
    guard try sum.allreduce(Message.gradients) else {
      try refuse(sum.offender, names, step, communicator)
    }
    sum.read(into: gradients)
    optimizer.update(group)
    return sum.loss
  }

  /// The gradients of a task's examples of this step, in passes of at most B.
  private func pass(_ position: Int, _ step: Int, scale: Float) {
    let (examples, task) = (drawn[position], owned.lowerBound + position)
    for start in stride(from: 0, to: examples.count, by: options.batch) {
      stack.minibatch.load(tasks[position].training, count: min(options.batch, examples.count - start)) {
        examples[start + $0]
      }
      let key = streamKey(options.seed, .featureDropout, task, step * names.count + start / options.batch)
      let loss = stack.train(key: key, scale: scale)
      sum.add(gradients, task: task)
      sum.add(loss: loss * Double(scale), task: task)
    }
  }

  private var gradients: Matrix { Matrix(group.gradients, rows: 1, columns: group.count) }

  func prepareToPredict() throws {}
  func prepareAfterReading() throws {}

  func predictOwn(_ position: Int, _ examples: Examples) -> [Float] { stack.probabilities(examples) }

  /// Every rank has the whole network: no communication, whatever the protocol.
  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    stack.probabilities(examples)
  }
}

/// Draws (task, example) pairs from the pool of all ranks' training data, the same on every rank.
struct PoolSampler {
  private let classes: Int
  private let pooling: Pooling
  private let counts: [[Int]]  // of every task's classes
  private let totals: [Int]
  private let members: [[[Int]]]  // of own tasks' classes: example numbers
  let owned: Range<Int>

  /// The ranks tell one another how many examples of each class their tasks have.
  init(
    _ tasks: [TaskData], classes: Int, _ ownership: Ownership, _ pooling: Pooling,
    _ communicator: Communicator
  ) throws {
    self.classes = classes
    self.pooling = pooling
    owned = ownership.own
    members = tasks.map { task in
      var byClass = [[Int]](repeating: [], count: classes)
      for (index, label) in task.training.labels.enumerated() { byClass[Int(label)].append(index) }
      return byClass
    }
    let mine = members.flatMap { $0.map { Int64($0.count) } }
    let flat = try communicator.allgatherv(mine, kind: Message.status).flatMap { $0 }.map { Int($0) }
    let counts = stride(from: 0, to: flat.count, by: classes).map { Array(flat[$0..<$0 + classes]) }
    self.counts = counts
    totals = (0..<classes).map { label in counts.reduce(0) { $0 + $1[label] } }
  }

  func draw(_ count: Int, _ stream: RandomStream, _ take: (_ task: Int, _ example: Int) -> Void) {
    var stream = stream
    for k in 0..<count {
      switch pooling {
      case .pooled: pooled(&stream, take)
      case .balanced: balanced(k % counts.count, &stream, take)
      }
    }
  }

  private func pooled(_ stream: inout RandomStream, _ take: (Int, Int) -> Void) {
    let label = present(totals, &stream)
    var rest = stream.index(below: totals[label])
    for task in counts.indices {
      guard rest >= counts[task][label] else { return give(task, label, rest, take) }
      rest -= counts[task][label]
    }
  }

  private func balanced(_ task: Int, _ stream: inout RandomStream, _ take: (Int, Int) -> Void) {
    precondition(counts[task].contains { $0 > 0 }, "task \(task) has no training example")
    let label = present(counts[task], &stream)
    give(task, label, stream.index(below: counts[task][label]), take)
  }

  /// A class drawn from those that occur.
  private func present(_ counts: [Int], _ stream: inout RandomStream) -> Int {
    var label = stream.index(below: classes)
    while counts[label] == 0 { label = stream.index(below: classes) }
    return label
  }

  private func give(_ task: Int, _ label: Int, _ rank: Int, _ take: (Int, Int) -> Void) {
    take(task, owned.contains(task) ? members[task - owned.lowerBound][label][rank] : rank)
  }
}
