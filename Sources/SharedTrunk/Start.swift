import Cohort
import Layers

/// The weights that training starts from: uniform in +-1 / sqrt(fan-in), as PyTorch's Linear, Conv1d, RNN and LSTM; recurrent weights
/// orthogonal, the LSTM's forget bias 1.
enum Start {
  /// Branch, `W_i` and head of task `index`, from stream (seed, task). `W_i` has the fan-in of the whole concatenation, n d.
  static func task(
    _ shape: NetworkShape, index: Int, name: String, tasks: Int, seed: UInt64,
    sharingGradients: Scratch? = nil
  ) -> ParameterGroup {
    let group = ParameterGroup(name: name, tensors: shape.taskTensors, sharingGradients: sharingGradients)
    fill(
      group, shape, concatenated: tasks * shape.features,
      RandomStream(seed: streamKey(seed, .taskWeights, index)))
    return group
  }

  /// The trunk's layers after the sum, from a stream of their own; the first bias with the fan-in of one task's features.
  static func trunk(_ shape: NetworkShape, seed: UInt64) -> ParameterGroup {
    let group = ParameterGroup(name: "trunk", tensors: shape.trunkTensors)
    fill(group, shape, concatenated: shape.features, RandomStream(seed: streamKey(seed, .trunkWeights)))
    return group
  }

  /// A network of one branch, one trunk, one head, in a group of its own: single-task learning, of the pool or of task `index`.
  static func whole(_ shape: NetworkShape, name: String = "stl", index: Int = 0, seed: UInt64)
    -> ParameterGroup
  {
    let group = ParameterGroup(name: name, tensors: shape.taskTensors + shape.trunkTensors)
    fill(group, shape, concatenated: shape.features, RandomStream(seed: streamKey(seed, .taskWeights, index)))
    return group
  }

  /// Hard sharing: a branch and head of its own for task `index`.
  static func privateTask(_ shape: NetworkShape, index: Int, name: String, seed: UInt64) -> ParameterGroup {
    let group = ParameterGroup(name: name, tensors: shape.branch.tensors + shape.headTensors)
    fill(group, shape, concatenated: shape.features, RandomStream(seed: streamKey(seed, .taskWeights, index)))
    return group
  }

  /// Hard sharing: the whole trunk, first matrix included, shared.
  static func wholeTrunk(_ shape: NetworkShape, seed: UInt64) -> ParameterGroup {
    let input = (name: Tensor.input, rows: shape.features, columns: shape.trunk[0])
    let group = ParameterGroup(name: "trunk", tensors: [input] + shape.trunkTensors)
    fill(group, shape, concatenated: shape.features, RandomStream(seed: streamKey(seed, .trunkWeights)))
    return group
  }

  private static func fill(
    _ group: ParameterGroup, _ shape: NetworkShape, concatenated: Int, _ stream: RandomStream
  ) {
    var stream = stream
    for parameter in group.parameters {
      if parameter.name == Tensor.recurrentWeight {
        parameter.fillOrthogonal(using: &stream)
      } else {
        parameter.fillUniform(fanIn: fanIn(parameter, shape, concatenated), using: &stream)
      }
      // A cell that forgets little at first carries gradients over all frames (Jozefowicz et al. 2015). Order i, f, g, o.
      if parameter.name == Tensor.recurrentBias, shape.branch.kind == .lstm {
        (parameter.value.data + shape.branch.hidden).update(repeating: 1, count: shape.branch.hidden)
      }
    }
  }

  /// Inputs of one output: a matrix's rows; a bias has those of the matrix that it belongs to. Of a recurrent branch the hidden state's
  /// numbers throughout, as in PyTorch.
  private static func fanIn(_ parameter: Parameter, _ shape: NetworkShape, _ concatenated: Int) -> Int {
    switch parameter.name {
    case Tensor.input, Tensor.trunkBias(0): concatenated
    case Tensor.convolutionBias: shape.branch.kernel * shape.branch.inputChannels
    case Tensor.inputWeight, Tensor.recurrentBias: shape.branch.hidden
    case Tensor.headBias: shape.trunk[shape.trunk.count - 1]
    default:
      (1..<shape.trunk.count).first { parameter.name == Tensor.trunkBias($0) }
        .map { shape.trunk[$0 - 1] } ?? parameter.value.rows
    }
  }
}
