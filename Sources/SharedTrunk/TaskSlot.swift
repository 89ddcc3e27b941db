import Cohort
import Layers

/// One task of the concatenated network: private branch, its rows `W_i` of the first trunk matrix, and head.
///
/// All that a slot computes for its task is computed apart from other tasks and in shapes that depend on the task alone,
/// so that it has the same bits on whichever rank.
final class TaskSlot {
  let index: Int
  let group: ParameterGroup
  let minibatch: Minibatch
  private let branch: any Branch
  private let features: Features
  private let projection: Linear
  private let head: Linear
  private let loss: SoftmaxCrossEntropy
  private let dropout: Dropout
  private let seed: UInt64
  private(set) var v: Matrix
  private var h: Matrix
  private var logitGradients: Matrix

  /// Task `index` of `tasks`, started from stream (seed, task) with the fan-in of the whole concatenation.
  /// - Parameters:
  ///   - shape: of the whole network.
  ///   - index: the task's number.
  ///   - name: the task's, which its parameters bear.
  ///   - tasks: how many there are in all.
  ///   - batch: the most examples of a pass.
  ///   - seed: of weights and dropout.
  ///   - scratch: what the rank's slots share of memory that each writes anew.
  ///   - sharesGradients: whether the slot's weights are updated before the next slot goes backward.
  init(
    _ shape: NetworkShape, index: Int, name: String, tasks: Int, batch: Int, seed: UInt64,
    scratch: Scratch = Scratch(), sharesGradients: Bool = false
  ) {
    self.index = index
    self.seed = seed
    group = Start.task(
      shape, index: index, name: name, tasks: tasks, seed: seed,
      sharingGradients: sharesGradients ? scratch : nil)
    branch = shape.branch.makeBranch(group, batch: batch, scratch: scratch)
    features = Features(shape, batch: batch)
    projection = Linear(weight: group[Tensor.input], bias: nil, batch: batch, scratch: scratch)
    head = Linear(weight: group[Tensor.headWeight], bias: group[Tensor.headBias], batch: batch)
    loss = SoftmaxCrossEntropy(classes: shape.classes, batch: batch)
    dropout = Dropout(probability: Double(shape.dropout), columns: shape.features, batch: batch)
    minibatch = Minibatch(shape, batch: batch)
    v = features.matrix
    h = features.matrix
    logitGradients = features.matrix
  }

  /// The branch: sets and returns `v_i`, B x d, of the minibatch. With a training step: dropout, and rows kept by other slots zeroed.
  @discardableResult
  func forward(step: Int?, kept: SlotChoice? = nil) -> Matrix {
    v = features.forward(branch.forward(minibatch.x), minibatch.extra)
    if let step {
      dropout.forward(v, key: streamKey(seed, .featureDropout, index, step))
      kept?.zeroOthers(index, v)
    }
    return v
  }

  /// `p_i = v_i W_i`: B x H.
  func project() -> Matrix { projection.forward(v) }

  /// Sets dW_i; returns `dv_i = dz W_i^T`: B x d.
  func projectBackward(_ dz: Matrix) -> Matrix { projection.backward(v, dz) }

  /// Back through dropout and branch: sets the branch's gradients from dv_i: B x d, and the head's from the last `headBackward`.
  func backward(_ dv: Matrix, kept: SlotChoice?) {
    head.setGradients(h, logitGradients)
    dropout.backward(dv)
    kept?.zeroOthers(index, dv)
    branch.backward(minibatch.x, features.backward(dv))
  }

  /// Sum over the minibatch of the head's weighted cross-entropy on `h`: B x H'.
  func headLoss(_ h: Matrix) -> Double {
    loss.forward(head.forward(h), labels: minibatch.labels.data, rowWeights: minibatch.weights.data)
  }

  /// This head's part of dL/dh: B x H'. `scale`: from summed loss to L. The head's gradients follow in `backward`, on the same h.
  func headBackward(_ h: Matrix, scale: Float) -> Matrix {
    self.h = h
    logitGradients = loss.backward(scale: scale)
    return head.inputGradient(logitGradients)
  }

  /// The head's class probabilities on `h`: B x classes.
  func probabilities(_ h: Matrix) -> Matrix {
    loss.softmax(head.forward(h))
  }
}

/// Which rows of a step's paired examples keep one slot alone (slot dropout: half of them, so that slots learn to answer alone).
final class SlotChoice {
  /// A row's only slot, or -1 where all slots are kept.
  let slots: AlignedBuffer<Int32>
  private let tasks: Int

  init(tasks: Int, batch: Int) {
    self.tasks = tasks
    slots = AlignedBuffer(count: batch)
  }

  /// The same on every rank: keyed by (seed, step) alone.
  func draw(seed: UInt64, step: Int) {
    var stream = RandomStream(seed: streamKey(seed, .slot, step))
    for row in 0..<slots.count {
      let alone = stream.next() >> 63 == 1
      let slot = Int32(stream.index(below: tasks))
      slots.data[row] = alone ? slot : -1
    }
  }

  func zeroOthers(_ task: Int, _ matrix: Matrix) {
    for row in 0..<matrix.rows where slots.data[row] >= 0 && slots.data[row] != Int32(task) {
      (matrix.data + row * matrix.columns).update(repeating: 0, count: matrix.columns)
    }
  }

  /// The loss of a row that keeps one slot is that slot's head's alone, with weight n.
  func weigh(_ task: Int, _ weights: AlignedBuffer<Float>) {
    for row in 0..<slots.count {
      let slot = slots.data[row]
      weights.data[row] = slot < 0 ? 1 : slot == Int32(task) ? Float(tasks) : 0
    }
  }
}

/// The branch's output with the extra features (RR) appended.
final class Features {
  let matrix: Matrix
  private let storage: AlignedBuffer<Float>
  private let gradient: AlignedBuffer<Float>
  private let branchColumns: Int
  private let extra: Int

  init(_ shape: NetworkShape, batch: Int) {
    branchColumns = shape.branch.features
    extra = shape.extraFeatures
    let appended = extra > 0 ? 1 : 0
    storage = AlignedBuffer(count: appended * batch * shape.features)
    gradient = AlignedBuffer(count: appended * batch * branchColumns)
    matrix = Matrix(storage.data, rows: batch * appended, columns: shape.features)
  }

  func forward(_ v: Matrix, _ appended: Matrix) -> Matrix {
    guard extra > 0 else { return v }
    for row in 0..<v.rows {
      let target = matrix.data + row * matrix.columns
      target.update(from: v.data + row * branchColumns, count: branchColumns)
      (target + branchColumns).update(from: appended.data + row * extra, count: extra)
    }
    return matrix.prefix(v.rows)
  }

  func backward(_ dv: Matrix) -> Matrix {
    guard extra > 0 else { return dv }
    let result = Matrix(gradient.data, rows: dv.rows, columns: branchColumns)
    for row in 0..<dv.rows {
      (result.data + row * branchColumns).update(from: dv.data + row * dv.columns, count: branchColumns)
    }
    return result
  }
}
