import Layers

/// The layers that all tasks share (paper, equation 2), from the sum `z = v W` on: bias, ReLU, then fully connected layers.
///
/// Every rank holds a replica, fed with the same `z` and the same `g`, so that the replicas stay equal without a word between them.
final class Trunk {
  let group: ParameterGroup
  private let firstBias: Parameter
  private let layers: [(linear: Linear, relu: ReLU)]
  private let dropouts: [Dropout]
  private var inputs: [Matrix] = []
  private var rectified: Matrix

  init(_ shape: NetworkShape, _ group: ParameterGroup, batch: Int) {
    self.group = group
    firstBias = group[Tensor.trunkBias(0)]
    layers = (1..<shape.trunk.count).map { layer in
      (
        Linear(
          weight: group[Tensor.trunkWeight(layer)], bias: group[Tensor.trunkBias(layer)], batch: batch),
        ReLU()
      )
    }
    dropouts = shape.trunk.map { Dropout(probability: Double(shape.dropout), columns: $0, batch: batch) }
    inputs.reserveCapacity(shape.trunk.count)
    rectified = firstBias.value
  }

  /// `z`: B x H, the sum over tasks; overwritten. Returns `h`: B x H', in training with dropout masks of `key` and the layer's number.
  func forward(_ z: Matrix, key: UInt64?) -> Matrix {
    inputs.removeAll(keepingCapacity: true)
    z.addBiasReLU(firstBias.value)
    rectified = z
    var h = dropped(z, 0, key)
    for (index, layer) in layers.enumerated() {
      inputs.append(h)
      h = dropped(layer.relu.forward(layer.linear.forward(h)), index + 1, key)
    }
    return h
  }

  /// `g`: B x H', dL/dh summed over all heads. Sets the group's gradients; returns dL/dz: B x H.
  func backward(_ g: Matrix) -> Matrix {
    var d = g
    for index in layers.indices.reversed() {
      dropouts[index + 1].backward(d)
      d = layers[index].linear.backward(inputs[index], layers[index].relu.backward(d))
    }
    dropouts[0].backward(d)
    d.maskWhereRectified(rectified)
    d.sumColumns(into: firstBias.gradient)
    return d
  }

  private func dropped(_ h: Matrix, _ layer: Int, _ key: UInt64?) -> Matrix {
    if let key { dropouts[layer].forward(h, key: streamKey(key, .trunkDropout, layer)) }
    return h
  }
}
