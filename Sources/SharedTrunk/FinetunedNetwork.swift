import Cohort
import Layers
import MPI

/// Pooled learning, patients equally often, for the first half of the steps, then a copy for each task, trained on that task's own examples: fine-tuning within
/// the budget of examples that the other networks have. The learning rate goes on falling over both halves.
final class FinetunedNetwork: Learner {
  private let pooled: PooledNetwork
  private let copies: AloneNetwork
  private let half: Int
  private var isPooled = true

  init(_ shape: NetworkShape, _ set: TaskSet, _ options: TrainingOptions, _ communicator: Communicator)
    throws
  {
    pooled = try PooledNetwork(shape, set, options, .balanced, communicator)
    copies = AloneNetwork(shape, set, options, communicator, status: pooled.status!)
    half = options.steps / 2
  }

  /// The copies are kept up with the pooled network whenever they are looked at, so that the best weights are theirs in either half.
  var taskGroups: [[ParameterGroup]] { copies.taskGroups }
  var sharedGroups: [ParameterGroup] { pooled.sharedGroups }
  var status: StepStatus? { pooled.status }
  func goOn(from step: Int) { isPooled = step <= half }
  var parameterCount: Int { copies.parameterCount }
  let collectives = 1

  func train(step: Int, _ optimizer: Optimizer) throws -> Double {
    guard step >= half else { return try pooled.train(step: step, optimizer) }
    if isPooled {
      copies.restart(from: pooled.group)
      isPooled = false
    }
    var optimizer = optimizer
    optimizer.step = step - half + 1  // the copies' moments start here
    return try copies.train(step: step, optimizer)
  }

  var taskLosses: [Double] { isPooled ? [] : copies.taskLosses }

  func prepareToPredict() throws {
    if isPooled { copies.restart(from: pooled.group) }
  }

  func prepareAfterReading() throws {}
  func predictOwn(_ position: Int, _ examples: Examples) -> [Float] {
    copies.predictOwn(position, examples)
  }
  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    try copies.predict(examples, answer)
  }
  func taskTensors() -> [(name: String, tensors: Safetensors)] { copies.taskTensors() }
  func trunkTensors() -> Safetensors? { copies.trunkTensors() }
  func read(from folder: String) throws { try copies.read(from: folder) }
}
