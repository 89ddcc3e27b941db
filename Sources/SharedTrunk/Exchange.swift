import Layers
import MPI

/// The messages of Heartwood, as `wire.bytesByKind` names them.
public enum Message {
  /// The tasks' parts of the trunk's input, `p_i` (gather: the features `v_i`).
  public static let activations = Kind("activations")
  /// The heads' parts of dL/dh (gather: dL/dv and the trunk's gradients).
  public static let gradients = Kind("gradients")
  /// Agreement on errors, counts of examples, start-up handshake; the replicas' first weights, where an exchange has replicas.
  public static let status = Kind("status")
  /// Counts of right and wrong verdicts, votes of heads, results of the run.
  public static let metrics = Kind("metrics")
  /// Beats of a target, sent to the owners of the branches.
  public static let targetBeats = Kind("targetBeats")
  /// Beats of a class that other tasks lack (`--borrow`, off by default).
  public static let borrowedBeats = Kind("borrowedBeats")
  /// Beats of all patients, where every task draws from all (consistent scenario, the paper's tasks).
  public static let pooledBeats = Kind("pooledBeats")

  /// All of them.
  public static let all = [
    activations, gradients, status, metrics, targetBeats, borrowedBeats, pooledBeats,
  ]
}

/// How the ranks build the concatenated network's step out of their own tasks: the paper's equation 2, and back.
///
/// Both conformers compute the same function; each is the other's test.
protocol Exchange: AnyObject {
  /// To be called on every rank when weights were set from outside: replicas take them over.
  func replicate(_ slots: [TaskSlot]) throws
  /// After every slot's `forward`: returns `h`, B x H', the same on every rank.
  func activations(_ slots: [TaskSlot], step: Int, trunkKey: UInt64) throws -> Matrix
  /// One head's part of the loss and of dL/dh.
  func add(loss: Double, gradient: Matrix, task: Int)
  /// Carries dL/dh back through trunk and branches, then clips, decays and moves the weights of the slots and of the trunk. Returns the loss
  /// over all tasks.
  func backward(_ slots: [TaskSlot], kept: SlotChoice?, step: Int, _ optimizer: Optimizer) throws -> Double
  /// Collectives of one step.
  var collectives: Int { get }
  /// Ranks of this host, this one among them, that exchange through memory.
  var ranksSharingMemory: Int { get }
  /// What every rank keeps of other ranks' weights, moments included, to train on.
  var replicas: [ParameterGroup] { get }
}

/// Clipping by group, coupled decay and Adam (SCIENCE.md, section 3), at one learning rate a step.
struct Optimizer {
  var adam: Adam
  let maximumNorm: Double
  /// Hears of gradients that have blown up.
  var status: StepStatus?
  /// Counts from 1.
  var step = 1
  var learningRate: Float = 0

  func update(_ group: ParameterGroup) {
    update(group, norm: maximumNorm.isFinite ? group.gradientNorm() : 0)
  }

  /// Gradients whose norm is not finite leave the group as it is: clipped they would still be no numbers.
  func update(_ group: ParameterGroup, norm: Double) {
    guard norm.isFinite else {
      status?.fault = status?.fault ?? (group.name, status?.step ?? step)
      return
    }
    let scale = maximumNorm.isFinite ? Adam.clipFactor(norm: norm, max: maximumNorm) : 1
    adam.update(group, step: step, learningRate: learningRate, gradientScale: scale)
  }
}
