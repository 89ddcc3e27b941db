import Cohort
import Layers
import MPI

/// One branch, one trunk and one head on one minibatch: forward and backward through all three.
final class Stack {
  let minibatch: Minibatch
  /// What is taken off every row of the first trunk matrix's product: the patient's own mean of it, H numbers, or none. A constant in
  /// training.
  var anchor: [Float] = []
  /// What is the patient's own in the trunk, where there is such.
  let residual: PrivateResidual?
  private let branch: any Branch
  private let features: Features
  private let dropout: Dropout
  private let input: Linear
  private let trunk: Trunk
  private let head: Linear
  private let loss: SoftmaxCrossEntropy

  /// `input` holds the first trunk matrix, `trunk` the layers after it; all may lie in one group.
  init(
    _ shape: NetworkShape, branch branchGroup: ParameterGroup, input inputGroup: ParameterGroup, trunk: Trunk,
    head headGroup: ParameterGroup, residual: PrivateResidual? = nil, batch: Int
  ) {
    self.residual = residual
    minibatch = Minibatch(shape, batch: batch)
    branch = shape.branch.makeBranch(branchGroup, batch: batch)
    features = Features(shape, batch: batch)
    dropout = Dropout(probability: Double(shape.dropout), columns: shape.features, batch: batch)
    input = Linear(weight: inputGroup[Tensor.input], bias: nil, batch: batch)
    self.trunk = trunk
    head = Linear(weight: headGroup[Tensor.headWeight], bias: headGroup[Tensor.headBias], batch: batch)
    loss = SoftmaxCrossEntropy(classes: shape.classes, batch: batch)
  }

  /// Everything in one group.
  convenience init(_ shape: NetworkShape, group: ParameterGroup, batch: Int) {
    self.init(
      shape, branch: group, input: group, trunk: Trunk(shape, group, batch: batch), head: group, batch: batch)
  }

  /// Sets the gradients of the summed loss times `scale`; returns the summed loss.
  func train(key: UInt64, scale: Float) -> Double {
    let v = features.forward(branch.forward(minibatch.x), minibatch.extra)
    dropout.forward(v, key: key)
    let z = anchored(input.forward(v))
    residual?.forward(v, z, key: key)
    let h = trunk.forward(z, key: key)
    let logits = head.forward(h)
    residual?.forwardHead(h, logits)
    let total = loss.forward(
      logits, labels: minibatch.labels.data, rowWeights: minibatch.weights.data)
    let dLogits = loss.backward(scale: scale)
    let dh = head.backward(h, dLogits)
    residual?.backwardHead(h, dLogits, into: dh)
    let dz = trunk.backward(dh)
    residual?.backward(v, dz)
    let dv = input.backward(v, dz)
    residual?.addInputGradient(to: dv)
    dropout.backward(dv)
    branch.backward(minibatch.x, features.backward(dv))
    return total
  }

  private func anchored(_ z: Matrix) -> Matrix {
    for row in 0..<z.rows {
      for (column, mean) in anchor.enumerated() { z[row, column] -= mean }
    }
    return z
  }

  /// The first trunk matrix's product, its mean over the examples at `indices`: H numbers.
  func meanInput(_ examples: Examples, at indices: [Int]) -> [Float] {
    var sums = [Double](repeating: 0, count: input.outputs)
    forEachBatch(indices.count) { start, count in
      minibatch.load(examples, count: count) { indices[start + $0] }
      let z = input.forward(features.forward(branch.forward(minibatch.x), minibatch.extra))
      for row in 0..<z.rows { for column in sums.indices { sums[column] += Double(z[row, column]) } }
    }
    return sums.map { Float($0 / Double(indices.count)) }
  }

  /// Class probabilities, count x classes; without the residual.
  func probabilities(_ examples: Examples) -> [Float] {
    var result: [Float] = []
    forEachLogits(examples) { result.append(contentsOf: loss.softmax($0).buffer) }
    return result
  }

  /// Of two classes, how much likelier the second is: the logarithm of the ratio, a number an example. As `probabilities`.
  func logits(_ examples: Examples) -> [Float] {
    var result: [Float] = []
    forEachLogits(examples) { logits in
      for row in 0..<logits.rows { result.append(logits[row, 1] - logits[row, 0]) }
    }
    return result
  }

  private func forEachLogits(_ examples: Examples, _ use: (Matrix) -> Void) {
    forEachBatch(examples.count) { start, count in
      minibatch.load(examples, count: count) { start + $0 }
      let v = features.forward(branch.forward(minibatch.x), minibatch.extra)
      use(head.forward(trunk.forward(anchored(input.forward(v)), key: nil)))
    }
  }

  private func forEachBatch(_ count: Int, _ body: (_ start: Int, _ count: Int) -> Void) {
    for start in stride(from: 0, to: count, by: minibatch.capacity) {
      Watchdog.feed()
      body(start, min(minibatch.capacity, count - start))
    }
  }
}
