import Cohort
import Layers
import MPI

/// Hard parameter sharing: private branches and heads, one trunk that reads each task's features apart. A control for the paper's form.
///
/// The trunk's gradients are computed by task and summed exactly by one allreduce a step.
final class HardNetwork: Learner {
  let shape: NetworkShape
  let trunkGroup: ParameterGroup
  let privateGroups: [ParameterGroup]
  let status: StepStatus? = StepStatus()
  let stacks: TaskStacks
  private let options: TrainingOptions
  private let sum: TaskSum

  init(
    _ shape: NetworkShape, _ set: TaskSet, _ options: TrainingOptions, _ communicator: Communicator
  ) {
    self.shape = shape
    self.options = options
    let trunkGroup = Start.wholeTrunk(shape, seed: options.seed)
    let privateGroups = set.ownership.own.map {
      Start.privateTask(shape, index: $0, name: set.names[$0], seed: options.seed)
    }
    let trunk = Trunk(shape, trunkGroup, batch: options.batch)
    stacks = TaskStacks(
      shape, set, options,
      privateGroups.map {
        Stack(shape, branch: $0, input: trunkGroup, trunk: trunk, head: $0, batch: options.batch)
      }, communicator)
    self.trunkGroup = trunkGroup
    self.privateGroups = privateGroups
    sum = TaskSum(
      options.sum, count: trunkGroup.count, fractionBits: TaskSum.weightBits, parts: set.names.count,
      status: status, communicator)
  }

  var taskGroups: [[ParameterGroup]] { privateGroups.map { [$0] } }
  var sharedGroups: [ParameterGroup] { [trunkGroup] }
  var parameterCount: Int { shape.hardParameterCount(tasks: stacks.names.count) }
  let collectives = 1

  func train(step: Int, _ optimizer: Optimizer) throws -> Double {
    let scale = 1 / Float(options.batch * stacks.names.count)
    sum.clear()
    stacks.pass(step: step, scale: scale) { task, loss in
      sum.add(gradients, task: task)
      sum.add(loss: loss * Double(scale), task: task)
    }
    guard try sum.allreduce(Message.gradients) else {
      try refuse(sum.offender, stacks.names, step, stacks.communicator)
    }
    sum.read(into: gradients)
    for group in groups { optimizer.update(group) }
    return sum.loss
  }

  private var gradients: Matrix { Matrix(trunkGroup.gradients, rows: 1, columns: trunkGroup.count) }

  var taskLosses: [Double] { stacks.losses }

  func prepareToPredict() throws {}
  func prepareAfterReading() throws {}

  func predictOwn(_ position: Int, _ examples: Examples) -> [Float] { stacks.predictOwn(position, examples) }

  /// What the tasks' branches and heads say together.
  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    try stacks.predict(examples)
  }
}
