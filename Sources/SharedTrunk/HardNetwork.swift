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
  private let communicator: Communicator

  init(
    _ shape: NetworkShape, names: [String], ownership: Ownership, tasks: [TaskData], options: TrainingOptions,
    _ communicator: Communicator
  ) {
    self.shape = shape
    self.names = names
    self.tasks = tasks
    self.options = options
    self.communicator = communicator
    owned = ownership.own
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
    samplers = tasks.map {
      ClassWeightedSampler(labels: $0.training.labels, indices: Array($0.training.labels.indices))
    }
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
      var stream = RandomStream(seed: streamKey(options.seed, .minibatch, task, step))
      stack.minibatch.load(tasks[position].training, count: options.batch) { _ in
        samplers[position]!.draw(using: &stream)
      }
      let loss = stack.train(key: streamKey(options.seed, .featureDropout, task, step), scale: scale)
      sum.add(gradients, task: task)
      sum.add(loss: loss * Double(scale), task: task)
    }
    guard try sum.allreduce(communicator, Message.gradients) else {
      try refuse(sum.offender, names, step, communicator)
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

  /// Mean over the tasks of what each one's branch and head say.
  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    try meanOverVoters(
      votes, names, owned, rows: examples.count, classes: shape.classes, communicator
    ) { stacks[$0].probabilities(examples) }
  }
}
