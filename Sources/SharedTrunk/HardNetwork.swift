import Cohort
import Layers
import MPI

/// Hard parameter sharing: private branches and heads, one trunk that reads each task's features apart. A control for the paper's form.
///
/// The trunk's gradients are computed by task and summed exactly by one allreduce a step.
final class HardNetwork: Learner {
  let shape: NetworkShape
  let trunkGroup: ParameterGroup
  let taskGroups: [ParameterGroup]
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
    let (names, ownership) = (set.names, set.ownership)
    self.shape = shape
    self.names = names
    tasks = set.own
    self.options = options
    owned = ownership.own
    panel = Panel(
      heads: set.heads, names: names, owned: owned, classes: shape.classes, communicator: communicator)
    votes = tasks.map { $0.votes(classes: shape.classes) }
    let trunkGroup = Start.wholeTrunk(shape, seed: options.seed)
    let taskGroups = ownership.own.map {
      Start.privateTask(shape, index: $0, name: names[$0], seed: options.seed)
    }
    let trunk = Trunk(shape, trunkGroup, batch: options.batch)
    stacks = taskGroups.map {
      Stack(shape, branch: $0, input: trunkGroup, trunk: trunk, head: $0, batch: options.batch)
    }
    self.trunkGroup = trunkGroup
    self.taskGroups = taskGroups
    samplers = tasks.map { $0.sampler(classes: shape.classes) }
    sum = TaskSum(
      options.sum, count: trunkGroup.count, fractionBits: TaskSum.gradientBits, parts: names.count)
  }

  var groups: [ParameterGroup] { taskGroups + [trunkGroup] }
  var parameterCount: Int { shape.hardParameterCount(tasks: names.count) }
  let collectives = 1

  func train(step: Int, _ optimizer: Optimizer) throws -> Double {
    let scale = 1 / Float(options.batch * names.count)
    sum.clear()
    for (position, stack) in stacks.enumerated() {
      let task = owned.lowerBound + position
      let draws = options.pairing == .same ? 0 : task
      var stream = RandomStream(seed: streamKey(options.seed, .minibatch, draws, step))
      stack.minibatch.load(tasks[position].training, count: options.batch) { _ in
        samplers[position]!.draw(using: &stream)
      }
      let loss = stack.train(key: streamKey(options.seed, .featureDropout, task, step), scale: scale)
      sum.add(gradients, task: task)
      sum.add(loss: loss * Double(scale), task: task)
    }
    guard try sum.allreduce(panel.communicator, Message.gradients) else {
      try refuse(sum.offender, names, step, panel.communicator)
    }
    sum.read(into: gradients)
    for group in groups { optimizer.update(group) }
    return sum.loss
  }

  private var gradients: Matrix { Matrix(trunkGroup.gradients, rows: 1, columns: trunkGroup.count) }

  func prepareToPredict() throws {}
  func prepareAfterReading() throws {}

  func predictOwn(_ position: Int, _ examples: Examples) -> [Float] {
    stacks[position].probabilities(examples)
  }

  /// What the tasks' branches and heads say together.
  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    try panel.answer(votes, rows: examples.count) { stacks[$0].probabilities(examples) }
  }
}
