import Cohort
import Foundation
import Layers

/// A trained concatenated network as one more patient, the newcomer, meets it: its own slot in training, behind it the trunk as it is,
/// and the slots of the others as one constant, what they add to the trunk's input. No recording of theirs is needed.
///
///     z = v W + offset;  h = trunk(relu(z + b));  loss = the newcomer's head's
///
/// It computes on one rank alone.
final class NewcomerNetwork: Learner {
  private let slot: TaskSlot
  private let trunk: Trunk
  private let shape: NetworkShape
  private let task: TaskData
  private let sampler: ClassWeightedSampler
  private let options: TrainingOptions
  private let offset: [Float]

  /// - Parameters:
  ///   - shape: with the dropout to train with.
  ///   - task: the newcomer's beats, at least one.
  ///   - index: the newcomer's number among `index + 1` tasks.
  ///   - offset: H numbers: the sum of the others' mean parts, or zeros after slot dropout.
  ///   - options: of its own training.
  init(
    _ shape: NetworkShape, _ task: TaskData, index: Int, offset: [Float], _ options: TrainingOptions
  ) {
    self.shape = shape
    self.task = task
    self.options = options
    self.offset = offset
    sampler = task.sampler(classes: shape.classes)!
    slot = TaskSlot(
      shape, index: index, name: task.name, tasks: index + 1, batch: options.batch, seed: options.seed)
    trunk = Trunk(shape, Start.trunk(shape, seed: options.seed), batch: options.batch)
  }

  /// The slot's alone: the trunk is not updated.
  var taskGroups: [[ParameterGroup]] { [[slot.group]] }
  let sharedGroups: [ParameterGroup] = []
  let status: StepStatus? = nil
  var parameterCount: Int { shape.parameterCount(tasks: slot.index + 1) }
  let collectives = 0

  // MARK: Training

  func train(step: Int, _ optimizer: Optimizer) throws -> Double {
    var stream = RandomStream(seed: streamKey(options.seed, .minibatch, slot.index, step))
    slot.minibatch.load(task.training, count: options.batch) { _ in sampler.draw(using: &stream) }
    slot.forward(step: step)
    let h = trunk.forward(trunkInput(), key: streamKey(options.seed, .trunkDropout, step))
    let scale = 1 / Float(options.batch)
    let loss = slot.headLoss(h) * Double(scale)
    guard loss.isFinite else { throw NumericError(.overflow, task: task.name, rank: nil, step: step) }
    let dz = trunk.backward(slot.headBackward(h, scale: scale))
    slot.backward(slot.projectBackward(dz), kept: nil)
    guard slot.group.gradientNorm().isFinite else {
      throw NumericError(.explodingGradient, task: task.name, rank: nil, step: step)
    }
    optimizer.update(slot.group)
    return loss
  }

  /// `z`: B x H of the minibatch.
  private func trunkInput() -> Matrix {
    let z = slot.project()
    for row in 0..<z.rows { for column in 0..<z.columns { z[row, column] += offset[column] } }
    return z
  }

  /// Mean over the classes that occur of the mean cross-entropy of their training examples.
  func trainingLoss() -> Double {
    let probabilities = predictOwn(0, task.training)
    let counts = task.training.classCounts(shape.classes)
    return zip(task.training.labels.indices, task.training.labels).reduce(0) { sum, example in
      let (index, label) = (example.0, Int(example.1))
      let probability = Double(probabilities[index * shape.classes + label])
      return sum - log(max(probability, 1e-6)) / Double(counts[label])
    } / Double(counts.count { $0 > 0 })
  }

  // MARK: Prediction

  func prepareToPredict() throws {}
  func prepareAfterReading() throws {}

  func predictOwn(_ position: Int, _ examples: Examples) -> [Float] {
    var result: [Float] = []
    for start in stride(from: 0, to: examples.count, by: options.batch) {
      slot.minibatch.load(examples, count: min(options.batch, examples.count - start)) { start + $0 }
      slot.forward(step: nil)
      result.append(contentsOf: slot.probabilities(trunk.forward(trunkInput(), key: nil)).buffer)
    }
    return result
  }

  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    predictOwn(0, examples)
  }

  // MARK: Files

  /// The slot's. Its mean part is zero and it is `apart`, so that for the others and for strangers the model answers as before.
  func taskTensors() -> [(name: String, tensors: Safetensors)] {
    var file = Safetensors(slot.group, metadata: ["task": task.name, "votes": Vote.apart.rawValue])
    let zeros = [Float](repeating: 0, count: shape.trunk[0])
    file.tensors[Tensor.inputMean] = .init(shape: [zeros.count], values: zeros)
    return [(task.name, file)]
  }

  func trunkTensors() -> Safetensors? { nil }

  /// The trunk's weights.
  func read(from folder: String) throws {
    try ModelFolder.tensors(ModelFolder.trunkFile, in: folder).load(
      into: trunk.group, file: "\(folder)/\(ModelFolder.trunkFile)")
  }

  /// Starts from another task's weights.
  func start(from task: String, in folder: String) throws {
    let name = ModelFolder.taskFile(task)
    try ModelFolder.tensors(name, in: folder).load(into: slot.group, file: "\(folder)/\(name)")
  }
}
