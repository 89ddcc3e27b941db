import Cohort
import Layers

/// What a patient has of his own in the trunk while it is trained: a low-rank change of the first matrix, a scale and a shift of its
/// product, and a change of the head. It takes up what only this patient's beats have, so that the shared weights need not.
///
/// Switched off for half of a minibatch's rows, and wholly for a patient never seen, so that the shared weights answer alone. With
/// z = v W the row's product, m its switch (0 or 1), and A, B, s, t, R, r private:
///
///     z  <-  z + m [ (v A) B + z * s + t ]
///     logits  <-  logits + m [ h R + r ]
final class PrivateResidual {
  let group: ParameterGroup
  private let first: Linear
  private let second: Linear
  private let scale: Parameter
  private let shift: Parameter
  private let head: Linear
  private let columns: Int
  private let kept: AlignedBuffer<Float>  // z before the residual, B x H
  private let gradient: AlignedBuffer<Float>  // m dz, B x H
  private let masked: AlignedBuffer<Float>  // m dLogits, B x classes
  private let on: AlignedBuffer<Float>  // m
  private var reduced: Matrix?
  private var inputGradient: Matrix?

  /// Task `index`'s. It starts from nothing: B, s, t, R and r are 0.
  init(_ shape: NetworkShape, rank: Int, name: String, index: Int, seed: UInt64, batch: Int) {
    columns = shape.trunk[0]
    let last = shape.trunk[shape.trunk.count - 1]
    group = ParameterGroup(
      name: name,
      tensors: [
        (Tensor.residualFirst, shape.features, rank), (Tensor.residualSecond, rank, columns),
        (Tensor.residualScale, 1, columns), (Tensor.residualShift, 1, columns),
        (Tensor.residualHead, last, shape.classes), (Tensor.residualHeadBias, 1, shape.classes),
      ])
    var stream = RandomStream(seed: streamKey(seed, .residualWeights, index))
    group[Tensor.residualFirst].fillUniform(fanIn: shape.features, using: &stream)
    first = Linear(weight: group[Tensor.residualFirst], bias: nil, batch: batch)
    second = Linear(weight: group[Tensor.residualSecond], bias: nil, batch: batch)
    scale = group[Tensor.residualScale]
    shift = group[Tensor.residualShift]
    head = Linear(weight: group[Tensor.residualHead], bias: group[Tensor.residualHeadBias], batch: batch)
    kept = AlignedBuffer(count: batch * columns)
    gradient = AlignedBuffer(count: batch * columns)
    masked = AlignedBuffer(count: batch * shape.classes)
    on = AlignedBuffer(count: batch)
  }

  /// Draws which rows it is on for, and changes z (B x H), the product of v (B x d).
  func forward(_ v: Matrix, _ z: Matrix, key: UInt64) {
    var stream = RandomStream(seed: streamKey(key, .residualSwitch))
    for row in 0..<z.rows { on.data[row] = stream.next() >> 63 == 1 ? 1 : 0 }
    kept.data.update(from: z.data, count: z.count)
    let reduced = first.forward(v)
    let change = second.forward(reduced)
    for row in 0..<z.rows where on.data[row] == 1 {
      for column in 0..<columns {
        z[row, column] +=
          change[row, column] + z[row, column] * scale.value.data[column] + shift.value.data[column]
      }
    }
    self.reduced = reduced
  }

  /// Changes the logits (B x classes) of h (B x H').
  func forwardHead(_ h: Matrix, _ logits: Matrix) {
    let change = head.forward(h)
    for row in 0..<h.rows where on.data[row] == 1 {
      logits.slice(row..<row + 1).add(change.slice(row..<row + 1))
    }
  }

  /// Sets the head's part of the gradients and adds to dL/dh.
  func backwardHead(_ h: Matrix, _ dLogits: Matrix, into dh: Matrix) {
    dh.add(head.backward(h, switched(dLogits, in: masked)))
  }

  /// Sets the other gradients; dL/dz of the changed z becomes that of the product.
  func backward(_ v: Matrix, _ dz: Matrix) {
    guard let reduced else { preconditionFailure("PrivateResidual.backward before forward") }
    let mine = switched(dz, in: gradient)
    inputGradient = first.backward(v, second.backward(reduced, mine))
    mine.sumColumns(into: shift.gradient)
    scale.gradient.fill(0)
    for row in 0..<dz.rows where on.data[row] == 1 {
      for column in 0..<columns {
        scale.gradient.data[column] += mine[row, column] * kept.data[row * columns + column]
        dz[row, column] += mine[row, column] * scale.value.data[column]
      }
    }
  }

  /// Adds what `backward` found of dL/dv: B x d.
  func addInputGradient(to dv: Matrix) {
    if let inputGradient { dv.add(inputGradient) }
  }

  /// The rows that it is on for, 0 elsewhere.
  private func switched(_ rows: Matrix, in buffer: AlignedBuffer<Float>) -> Matrix {
    let copy = Matrix(buffer.data, rows: rows.rows, columns: rows.columns)
    copy.data.update(from: rows.data, count: rows.count)
    for row in 0..<rows.rows { copy.slice(row..<row + 1).scale(by: on.data[row]) }
    return copy
  }
}
