import Layers
import MPI

/// Exchange `reduce`: the first trunk matrix is cut by task, `v W = sum_i v_i W_i`, and each rank holds its own `W_i`.
///
///     forward    p_i = v_i W_i;  z = allreduce_sum(p_i);  h = trunk(relu(z + b)), the same on every rank
///     backward   g = allreduce_sum(dloss_i / dh);  every rank backpropagates g through the trunk: identical updates
///                dW_i = v_i^T dz;  dv_i = dz W_i^T
///
/// Two collectives of B H + 2 and B H' + 4 numbers, whatever the number of patients. All that is used after z (b, the later
/// layers) takes its gradient from the summed g, never from one rank's loss.
final class ReduceExchange: Exchange {
  private let trunk: Trunk
  private let activationSum: TaskSum
  private let gradientSum: TaskSum
  private let z: Matrix
  private let g: Matrix
  private let buffers: (z: AlignedBuffer<Float>, g: AlignedBuffer<Float>)
  private let communicator: Communicator
  private let names: [String]
  private let clock: StepClock?

  init(
    _ shape: NetworkShape, trunk: Trunk, names: [String], batch: Int, sum: SumKind,
    _ communicator: Communicator, status: StepStatus,
    clock: StepClock?
  ) throws {
    let (width, outputs) = (shape.trunk[0], shape.trunk[shape.trunk.count - 1])
    self.trunk = trunk
    self.names = names
    self.communicator = communicator
    self.clock = clock
    activationSum = TaskSum(
      sum, count: batch * width, fractionBits: TaskSum.activationBits, parts: names.count, communicator)
    gradientSum = TaskSum(
      sum, count: batch * outputs, fractionBits: TaskSum.gradientBits, parts: names.count, status: status,
      communicator)
    for sum in [activationSum, gradientSum] { try sum.shareMemory() }
    buffers = (AlignedBuffer(count: batch * width), AlignedBuffer(count: batch * outputs))
    z = Matrix(buffers.z.data, rows: batch, columns: width)
    g = Matrix(buffers.g.data, rows: batch, columns: outputs)
    activationSum.clear()
    gradientSum.clear()
  }

  let collectives = 2
  var ranksSharingMemory: Int { min(activationSum.ranksSharingMemory, gradientSum.ranksSharingMemory) }
  let replicas: [ParameterGroup] = []

  /// Every matrix lies on one rank alone, or is the same on all.
  func replicate(_ slots: [TaskSlot]) {}

  func activations(_ slots: [TaskSlot], step: Int, trunkKey: UInt64) throws -> Matrix {
    activationSum.clear()
    for slot in slots { activationSum.add(slot.project(), task: slot.index) }
    clock?.lap(.projectionForward)
    try sum(activationSum, Message.activations, step: step)
    activationSum.read(into: z)
    gradientSum.clear()
    return trunk.forward(z, key: trunkKey)
  }

  func add(loss: Double, gradient: Matrix, task: Int) {
    gradientSum.add(loss: loss, task: task)
    gradientSum.add(gradient, task: task)
  }

  /// A slot's weights move as soon as their gradients are there, which are still in the cache then and lie where the next slot's will.
  func backward(_ slots: [TaskSlot], kept: SlotChoice?, step: Int, _ optimizer: Optimizer) throws -> Double {
    try sum(gradientSum, Message.gradients, step: step)
    gradientSum.read(into: g)
    let dz = trunk.backward(g)
    clock?.lap(.trunkAndHeads)
    for slot in slots {
      let dv = slot.projectBackward(dz)
      clock?.lap(.projectionBackward)
      slot.backward(dv, kept: kept)
      clock?.lap(.branchBackward)
      optimizer.update(slot.group)
      clock?.lap(.adam)
    }
    optimizer.update(trunk.group)
    clock?.lap(.adam)
    return gradientSum.loss
  }

  private func sum(_ sum: TaskSum, _ label: Kind, step: Int) throws {
    let good = try sum.allreduce(label)
    clock?.lapCollective()
    if !good { try refuse(sum.offender, names, step, communicator) }
  }
}

/// A part could not be added: all ranks know it from the status, and learn here which task's it was.
func refuse(_ offender: Int?, _ names: [String], _ step: Int?, _ communicator: Communicator) throws -> Never {
  let first = Int(try communicator.allreduce(Int64(offender ?? names.count), .min, kind: Message.status))
  let rank = Int(
    try communicator.allreduce(
      Int64(offender == first ? communicator.rank : communicator.size), .min, kind: Message.status))
  throw NumericError(
    .overflow, task: first < names.count ? names[first] : "unknown", rank: rank, step: step)
}
