import Layers
import MPI

/// Exchange `gather`: the plain form. Every rank holds the whole trunk, first matrix included.
///
///     forward    allgather v_i;  z = sum_j v_j W_j;  h = trunk(relu(z + b))
///     backward   each rank backpropagates its own heads' loss through its replica;
///                reduce-scatter dL/dv: rank i receives sum_j dL_j/dv_i;  allreduce all trunk gradients
///
/// Clipping, decay and Adam come after the sums, once; the norm of group (branch i, W_i, head i) needs the part that only the owner
/// knows, so the owners' squared norms travel with the gradients. Sums are floats: the last bits depend on the number of ranks.
final class GatherExchange: Exchange {
  private let trunk: Trunk
  private let communicator: Communicator
  private let names: [String]
  private let owned: Range<Int>
  private let inputs: [ParameterGroup]  // W_j of every task, replicated
  private let products: [Linear]
  private let batch: Int
  private let featureCount: Int
  private let featureCounts: [Int]
  private let width: Int

  private let gathered: AlignedBuffer<Float>  // n x B x d
  private let sent: AlignedBuffer<Float>
  private let featureGradients: AlignedBuffer<Float>  // n x B x d
  private let received: AlignedBuffer<Float>
  /// dW of all tasks | trunk gradients | squared norms | loss | whether a number is bad | `StepStatus`
  private let sums: AlignedBuffer<Float>
  private let buffers: (z: AlignedBuffer<Float>, g: AlignedBuffer<Float>)
  private let z: Matrix
  private let g: Matrix
  private let clock: StepClock?
  private let status: StepStatus
  private var offender: Int?

  init(
    _ shape: NetworkShape, trunk: Trunk, names: [String], ownership: Ownership, batch: Int,
    _ communicator: Communicator, status: StepStatus, clock: StepClock?
  ) {
    self.status = status
    self.trunk = trunk
    self.clock = clock
    self.names = names
    self.communicator = communicator
    self.batch = batch
    owned = ownership.own
    width = shape.trunk[0]
    featureCount = batch * shape.features
    featureCounts = ownership.ranges.map { $0.count * batch * shape.features }
    let count = names.count
    inputs = names.map { ParameterGroup(name: $0, tensors: [(Tensor.input, shape.features, shape.trunk[0])]) }
    products = inputs.map { Linear(weight: $0[Tensor.input], bias: nil, batch: batch) }
    gathered = AlignedBuffer(count: count * featureCount)
    featureGradients = AlignedBuffer(count: count * featureCount)
    sent = AlignedBuffer(count: ownership.own.count * featureCount)
    received = AlignedBuffer(count: ownership.own.count * featureCount)
    sums = AlignedBuffer(
      count: inputs.reduce(0) { $0 + $1.count } + trunk.group.count + count + 2 + StepStatus.floats)
    buffers = (
      AlignedBuffer(count: batch * width), AlignedBuffer(count: batch * shape.trunk[shape.trunk.count - 1])
    )
    z = Matrix(buffers.z.data, rows: batch, columns: width)
    g = Matrix(buffers.g.data, rows: batch, columns: shape.trunk[shape.trunk.count - 1])
  }

  let collectives = 3
  let ranksSharingMemory = 1
  var replicas: [ParameterGroup] { inputs }

  func replicate(_ slots: [TaskSlot]) throws {
    let values = slots.flatMap { Array($0.group[Tensor.input].value.buffer) }
    let all = try communicator.allgatherv(values, kind: Message.status).flatMap { $0 }
    for (task, group) in inputs.enumerated() {
      let value = group[Tensor.input].value
      for index in 0..<value.count { value.data[index] = all[task * value.count + index] }
    }
  }

  private var tail: UnsafeMutablePointer<Float> { sums.data + sums.count - StepStatus.floats }
  private var bad: UnsafeMutablePointer<Float> { tail - 1 }
  private var loss: UnsafeMutablePointer<Float> { tail - 2 }
  private var norms: UnsafeMutablePointer<Float> { tail - 2 - names.count }

  private func features(_ task: Int, of buffer: AlignedBuffer<Float>) -> Matrix {
    Matrix(buffer.data + task * featureCount, rows: batch, columns: featureCount / batch)
  }

  func activations(_ slots: [TaskSlot], step: Int, trunkKey: UInt64) throws -> Matrix {
    for (position, slot) in slots.enumerated() {
      (sent.data + position * featureCount).update(from: slot.v.data, count: featureCount)
    }
    clock?.lap(.projectionForward)
    try communicator.allgatherv(
      UnsafeBufferPointer(sent.buffer), into: gathered.buffer, counts: featureCounts,
      kind: Message.activations)
    clock?.lapCollective()
    z.fill(0)
    for task in names.indices { z.add(products[task].forward(features(task, of: gathered))) }
    clock?.lap(.projectionForward)
    g.fill(0)
    sums.data.update(repeating: 0, count: sums.count)
    offender = nil
    return trunk.forward(z, key: trunkKey)
  }

  func add(loss part: Double, gradient: Matrix, task: Int) {
    if !part.isFinite && offender == nil { offender = task }
    loss.pointee += Float(part)
    g.add(gradient)
  }

  func backward(_ slots: [TaskSlot], kept: SlotChoice?, step: Int, _ optimizer: Optimizer) throws -> Double {
    let dz = trunk.backward(g)
    clock?.lap(.trunkAndHeads)
    var next = sums.data
    for task in names.indices {
      let dv = products[task].backward(features(task, of: gathered), dz)
      features(task, of: featureGradients).data.update(from: dv.data, count: featureCount)
      next = append(inputs[task], at: next)
    }
    next = append(trunk.group, at: next)
    clock?.lap(.projectionBackward)
    try communicator.reduceScatter(
      UnsafeBufferPointer(featureGradients.buffer), into: received.buffer, counts: featureCounts, .sum,
      kind: Message.gradients)
    clock?.lapCollective()
    for (position, slot) in slots.enumerated() {
      slot.backward(features(position, of: received), kept: kept)
      let norm = slot.group.gradientNorm()
      norms[slot.index] = Float(norm * norm)
    }
    if offender != nil || !loss.pointee.isFinite { bad.pointee = 1 }
    clock?.lap(.branchBackward)
    status.put(tail)
    try communicator.allreduce(sums.buffer, .sum, kind: Message.gradients)
    status.take(tail)
    clock?.lapCollective()
    if bad.pointee != 0 { try refuse(offender, names, step, communicator) }
    next = sums.data
    for task in names.indices { next = take(inputs[task], from: next) }
    next = take(trunk.group, from: next)
    clock?.lap(.projectionBackward)
    update(slots, with: optimizer)
    clock?.lap(.adam)
    return Double(loss.pointee)
  }

  private func update(_ slots: [TaskSlot], with optimizer: Optimizer) {
    for task in names.indices {
      let norm = inputs[task].gradientNorm()
      let whole = (Double(norms[task]) + norm * norm).squareRoot()
      optimizer.update(inputs[task], norm: whole)
      guard owned.contains(task) else { continue }
      let slot = slots[task - owned.lowerBound]
      optimizer.update(slot.group, norm: whole)
      let replica = inputs[task][Tensor.input].value
      slot.group[Tensor.input].value.data.update(from: replica.data, count: replica.count)
    }
    optimizer.update(trunk.group)
  }

  private func append(_ group: ParameterGroup, at target: UnsafeMutablePointer<Float>)
    -> UnsafeMutablePointer<Float>
  {
    target.update(from: group.gradients, count: group.count)
    return target + group.count
  }

  private func take(_ group: ParameterGroup, from source: UnsafeMutablePointer<Float>)
    -> UnsafeMutablePointer<Float>
  {
    group.gradients.update(from: source, count: group.count)
    return source + group.count
  }
}
