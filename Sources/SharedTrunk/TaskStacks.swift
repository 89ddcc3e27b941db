import Cohort
import Layers
import MPI

/// A stack for each of this rank's tasks, trained on the task's own minibatches: what hard sharing and networks apart have in common.
final class TaskStacks {
  /// How own tasks' heads answer for beats that come without their task.
  var votes: [Vote]
  /// Mean loss of each own task's minibatch in the last pass.
  private(set) var losses: [Double]
  let names: [String]
  let communicator: Communicator
  private let stacks: [Stack]
  private let tasks: [TaskData]
  private let samplers: [ClassWeightedSampler?]
  private let owned: Range<Int>
  private let options: TrainingOptions
  private let panel: Panel

  init(
    _ shape: NetworkShape, _ set: TaskSet, _ options: TrainingOptions, _ stacks: [Stack],
    _ communicator: Communicator
  ) {
    self.stacks = stacks
    self.options = options
    self.communicator = communicator
    names = set.names
    owned = set.ownership.own
    tasks = set.own
    losses = tasks.map { _ in 0 }
    votes = tasks.map { $0.vote(classes: shape.classes) }
    samplers = tasks.map { $0.sampler(classes: shape.classes) }
    panel = Panel(
      heads: set.heads, names: names, owned: owned, classes: shape.classes, communicator: communicator)
  }

  /// Forward and backward of B examples of each own task: sets the gradients of the summed loss times `scale`, then calls `use` with
  /// the task and its summed loss.
  func pass(step: Int, scale: Float, _ use: (_ task: Int, _ loss: Double) -> Void) {
    for (position, stack) in stacks.enumerated() {
      let task = owned.lowerBound + position
      let draws = options.pairing == .same ? 0 : task
      var stream = RandomStream(seed: streamKey(options.seed, .minibatch, draws, step))
      stack.minibatch.load(tasks[position].training, count: options.batch) { _ in
        samplers[position]!.draw(using: &stream)
      }
      let loss = stack.train(key: streamKey(options.seed, .featureDropout, task, step), scale: scale)
      losses[position] = loss / Double(options.batch)
      use(task, loss)
    }
  }

  func predictOwn(_ position: Int, _ examples: Examples) -> [Float] {
    stacks[position].probabilities(examples)
  }

  /// What the tasks' stacks say together.
  func predict(_ examples: Examples) throws -> [Float] {
    try panel.answer(votes, rows: examples.count) { stacks[$0].probabilities(examples) }
  }
}
