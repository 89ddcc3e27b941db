import Cohort
import Layers

/// A network of one hidden layer on a beat's RR features alone: how abnormal its place in time is, whatever its shape.
///
///     logits = relu(r W + b) U + c,   r: B x 4
final class TimingTower {
  static let hidden = 16
  let group: ParameterGroup
  private let first: Linear
  private let relu = ReLU()
  private let second: Linear
  private let loss: SoftmaxCrossEntropy
  private let batch: Int

  init(classes: Int, batch: Int, seed: UInt64) {
    self.batch = batch
    group = ParameterGroup(
      name: "timing",
      tensors: [
        (Tensor.hiddenWeight, RRFeatures.count, Self.hidden), (Tensor.hiddenBias, 1, Self.hidden),
        (Tensor.headWeight, Self.hidden, classes), (Tensor.headBias, 1, classes),
      ])
    var stream = RandomStream(seed: streamKey(seed, .timingWeights))
    for parameter in group.parameters {
      let isFirst = [Tensor.hiddenWeight, Tensor.hiddenBias].contains(parameter.name)
      parameter.fillUniform(fanIn: isFirst ? RRFeatures.count : Self.hidden, using: &stream)
    }
    first = Linear(weight: group[Tensor.hiddenWeight], bias: group[Tensor.hiddenBias], batch: batch)
    second = Linear(weight: group[Tensor.headWeight], bias: group[Tensor.headBias], batch: batch)
    loss = SoftmaxCrossEntropy(classes: classes, batch: batch)
  }

  static func parameterCount(_ classes: Int) -> Int {
    (RRFeatures.count + 1) * hidden + (hidden + 1) * classes
  }

  /// Sets the gradients of the summed loss times `scale`. `rr`: B x 4.
  func train(_ rr: Matrix, labels: UnsafePointer<Int32>, scale: Float) {
    let h = relu.forward(first.forward(rr))
    _ = loss.forward(second.forward(h), labels: labels)
    first.setGradients(
      rr, relu.backward(second.backward(h, loss.backward(scale: scale))))
  }

  /// How much likelier the second of two classes is, a number an example: the logarithm of the ratio.
  func logits(_ examples: Examples) -> [Float] {
    var result: [Float] = []
    let storage = Storage(count: batch * RRFeatures.count)
    for start in stride(from: 0, to: examples.count, by: batch) {
      let rr = storage.matrix(rows: min(batch, examples.count - start), columns: RRFeatures.count)
      for row in 0..<rr.rows {
        for column in 0..<rr.columns {
          rr[row, column] = examples.rr[(start + row) * examples.featureCount + column]
        }
      }
      let logits = second.forward(relu.forward(first.forward(rr)))
      for row in 0..<logits.rows { result.append(logits[row, 1] - logits[row, 0]) }
    }
    return result
  }
}
