import Cohort
import Layers
import MPI

/// A network of its own for each task, nothing shared: what sharing is measured against. Only the loss and its status cross the wire.
final class AloneNetwork: Learner {
  let shape: NetworkShape
  let privateGroups: [ParameterGroup]
  let status: StepStatus?
  let stacks: TaskStacks
  private let options: TrainingOptions
  private let sum: TaskSum

  init(
    _ shape: NetworkShape, _ set: TaskSet, _ options: TrainingOptions, _ communicator: Communicator,
    status: StepStatus = StepStatus()
  ) {
    self.status = status
    self.shape = shape
    self.options = options
    privateGroups = set.ownership.own.map {
      Start.whole(shape, name: set.names[$0], index: $0, seed: options.seed)
    }
    stacks = TaskStacks(
      shape, set, options, privateGroups.map { Stack(shape, group: $0, batch: options.batch) }, communicator)
    sum = TaskSum(
      .exact, count: 0, fractionBits: TaskSum.gradientBits, parts: set.names.count, status: status,
      communicator)
  }

  var parameterCount: Int { stacks.names.count * shape.singleParameterCount }
  let collectives = 1
  var taskGroups: [[ParameterGroup]] { privateGroups.map { [$0] } }
  let sharedGroups: [ParameterGroup] = []

  /// B examples of each task, as many as the tasks of a shared network see.
  func train(step: Int, _ optimizer: Optimizer) throws -> Double {
    sum.clear()
    stacks.pass(step: step, scale: 1 / Float(options.batch)) { task, loss in
      sum.add(loss: loss / Double(options.batch * stacks.names.count), task: task)
    }
    guard try sum.allreduce(Message.gradients) else {
      try refuse(sum.offender, stacks.names, step, stacks.communicator)
    }
    for group in privateGroups { optimizer.update(group) }
    return sum.loss
  }

  /// Every network starts again from these weights, its moments at zero.
  func restart(from group: ParameterGroup) {
    for own in privateGroups {
      own.values.update(from: group.values, count: group.count)
      own.clearMoments()
    }
  }

  var taskLosses: [Double] { stacks.losses }

  func prepareToPredict() throws {}
  func prepareAfterReading() throws {}

  func predictOwn(_ position: Int, _ examples: Examples) -> [Float] { stacks.predictOwn(position, examples) }

  /// What the tasks' networks say together.
  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    try stacks.predict(examples)
  }
}
