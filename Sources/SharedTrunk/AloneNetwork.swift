import Cohort
import Layers
import MPI

/// A network of its own for each task, nothing shared: what sharing is measured against. Only the loss and its status cross the wire.
final class AloneNetwork: Learner {
  let shape: NetworkShape
  let groups: [ParameterGroup]
  var votes: [Bool]
  private let stacks: [Stack]
  private let tasks: [TaskData]
  private let samplers: [ClassWeightedSampler?]
  private let names: [String]
  private let owned: Range<Int>
  private let options: TrainingOptions
  private let sum: TaskSum
  private let panel: Panel

  init(
    _ shape: NetworkShape, _ set: TaskSet, _ options: TrainingOptions, _ communicator: Communicator
  ) {
    self.shape = shape
    self.options = options
    names = set.names
    owned = set.ownership.own
    tasks = set.own
    panel = Panel(
      heads: set.heads, names: names, owned: owned, classes: shape.classes, communicator: communicator)
    votes = tasks.map { $0.votes(classes: shape.classes) }
    samplers = tasks.map { $0.sampler(classes: shape.classes) }
    groups = set.ownership.own.map {
      Start.whole(shape, name: set.names[$0], index: $0, seed: options.seed)
    }
    stacks = groups.map { Stack(shape, group: $0, batch: options.batch) }
    sum = TaskSum(.exact, count: 0, fractionBits: TaskSum.gradientBits, parts: names.count)
  }

  var parameterCount: Int { names.count * shape.singleParameterCount }
  let collectives = 1

  /// B examples of each task, as many as the tasks of a shared network see.
  func train(step: Int, _ optimizer: Optimizer) throws -> Double {
    sum.clear()
    for (position, stack) in stacks.enumerated() {
      let task = owned.lowerBound + position
      var stream = RandomStream(seed: streamKey(options.seed, .minibatch, task, step))
      stack.minibatch.load(tasks[position].training, count: options.batch) { _ in
        samplers[position]!.draw(using: &stream)
      }
      let loss = stack.train(
        key: streamKey(options.seed, .featureDropout, task, step), scale: 1 / Float(options.batch))
      sum.add(loss: loss / Double(options.batch * names.count), task: task)
    }
    guard try sum.allreduce(panel.communicator, Message.gradients) else {
      try refuse(sum.offender, names, step, panel.communicator)
    }
    for group in groups { optimizer.update(group) }
    return sum.loss
  }

  /// Every network starts again from these weights, its moments at zero.
  func restart(from group: ParameterGroup) {
    for own in groups {
      own.values.update(from: group.values, count: group.count)
      own.firstMoment.update(repeating: 0, count: own.count)
      own.secondMoment.update(repeating: 0, count: own.count)
    }
  }

  func prepareToPredict() throws {}
  func prepareAfterReading() throws {}

  func predictOwn(_ position: Int, _ examples: Examples) -> [Float] {
    stacks[position].probabilities(examples)
  }

  /// What the tasks' networks say together.
  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    try panel.answer(votes, rows: examples.count) { stacks[$0].probabilities(examples) }
  }
}
