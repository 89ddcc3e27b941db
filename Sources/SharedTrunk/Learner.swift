import Cohort
import Layers

/// How a network of several branches and heads answers for one beat (SCIENCE.md, section 4). The paper leaves it undefined.
public enum PredictionProtocol: String, Codable, Sendable, CaseIterable {
  /// The beat through all branches, one pass of the trunk, mean of the heads.
  case broadcast
  /// The beat in slot i, zeros elsewhere, head i; mean over i. Needs slot dropout in training.
  case slot
  /// As `slot`, but the other slots hold the mean training part of their task.
  case mean
  /// The patient's own slot and head (the patient is known); other slots as in `mean`, or zero after slot dropout.
  case own
  /// The anchored form: the mean, by `Typicality`, of a first guess from timing and shape alone and of the answer beside the beats that it
  /// calls normal.
  case typical
  /// The anchored form: beside all of the patient's beats.
  case all
  /// The anchored form: beside the beats that an earlier study's rule keeps.
  case trimmed
  /// `trimmed`, or `all` where that agrees better with the beats' shape alone.
  case gated

  /// Whether it is a way to ask the anchored form, not one with slots.
  public var isOfAnchors: Bool { [.typical, .all, .trimmed, .gated].contains(self) }
}

/// A network in training, as the trainer sees it. Every rank calls the same methods in the same order.
protocol Learner: AnyObject {
  /// Parameter groups that only this rank updates, by own task: what a checkpoint holds of them.
  var taskGroups: [[ParameterGroup]] { get }
  /// Those that every rank holds and updates alike.
  var sharedGroups: [ParameterGroup] { get }
  /// What else all ranks hold alike to train on: replicas of what others own.
  var replicas: [ParameterGroup] { get }
  /// What travels with a step's last sum; nil for a network of one rank alone.
  var status: StepStatus? { get }
  /// Steps from one state that weights and moments say all of to the next; a checkpoint is taken there.
  var stepsBetweenStates: Int { get }
  /// To be called after weights and moments were set to those after `step` steps.
  func goOn(from step: Int)
  /// One step of training on all tasks; returns the loss over all tasks, the same on every rank.
  func train(step: Int, _ optimizer: Optimizer) throws -> Double
  /// Mean loss of the last step's minibatch of each own task; empty where tasks have no minibatches of their own.
  var taskLosses: [Double] { get }
  /// To be called on every rank before predictions, after the weights changed.
  func prepareToPredict() throws
  /// Class probabilities (count x classes, row by row) for beats of own task `position`, whose identity is known. No communication.
  func predictOwn(_ position: Int, _ examples: Examples) -> [Float]
  /// Class probabilities for beats that come without their task; every rank passes the same examples and gets the same answer.
  func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float]
  /// How an unseen patient is to be answered for, by `beats` of the patient; nil if this network asks nothing of the kind.
  func outlook(on beats: Examples, _ answer: PredictionProtocol, _ typicality: Typicality) -> Outlook?
  /// As `predict`, by an outlook of this network.
  func predict(_ examples: Examples, by outlook: Outlook) -> [Float]
  /// What the files of this rank's tasks hold, and the trunk's file where there is a shared one.
  func taskTensors() -> [(name: String, tensors: Safetensors)]
  func trunkTensors() -> Safetensors?
  /// Takes over this rank's weights from a model folder. Throws `ModelError`.
  func read(from folder: String) throws
  /// In place of `prepareToPredict`, which needs training data, after `read` on every rank.
  func prepareAfterReading() throws
  /// Weights in the whole network.
  var parameterCount: Int { get }
  /// Collectives in a step.
  var collectives: Int { get }
  /// Ranks of this host, this one among them, that exchange through memory.
  var ranksSharingMemory: Int { get }
}

extension Learner {
  /// Parameter groups that this rank updates.
  var groups: [ParameterGroup] { taskGroups.flatMap { $0 } + sharedGroups }
  var replicas: [ParameterGroup] { [] }
  var stepsBetweenStates: Int { 1 }
  var ranksSharingMemory: Int { 1 }
  var taskLosses: [Double] { [] }
  func goOn(from step: Int) {}

  func outlook(on beats: Examples, _ answer: PredictionProtocol, _ typicality: Typicality) -> Outlook? { nil }
  func predict(_ examples: Examples, by outlook: Outlook) -> [Float] {
    preconditionFailure("a network without outlooks")
  }
}
