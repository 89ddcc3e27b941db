import Cohort
import Layers

/// A trained network's weights as PyTorch names and lays them out, for other programs to take: matrices are outputs x inputs, a
/// convolution's weight channels x inputs x taps, its features channel first, gates i, f, g, o.
public struct PortableNetwork: Sendable {
  public typealias Numbers = Safetensors.Tensor

  /// How the networks' parts lie to one another.
  public enum Form: String, Codable, Sendable {
    /// The trunk reads all branches side by side: `branches.I`, `trunk`, `heads.I`.
    case concat
    /// The trunk reads one branch at a time; the same names, of one task or several.
    case hard
    /// A network for each task: `networks.I`, each with the names of `hard`.
    case apart
    /// `towers.I` and `raw`, each with the names of `hard`, and `timing`.
    case anchored
  }

  /// What a task, or a tower, answers by: the prefixes of its tensors' names, and what no tensor says.
  public struct Path: Sendable {
    public let branch: String
    public let trunk: String
    public let head: String
    /// This path's part of the first trunk matrix: H x features.
    public let input: Numbers
    /// Whether its head answers for other patients: `yes`, `no` (only if no head does) or `apart` (never).
    public let vote: String
    /// What its slot adds on average to the trunk's input: H numbers (form `concat`).
    public let mean: [Float]
  }

  public let form: Form
  /// By task, or by tower.
  public let paths: [Path]
  /// Of the anchored form: the tower of the beat's shape alone.
  public let raw: Path?
  public private(set) var tensors: [String: Numbers] = [:]

  /// Of a network that is whole on this rank.
  ///
  /// - Parameters:
  ///   - form: how its parts lie to one another.
  ///   - shape: of all its paths, or towers, but `raw`.
  ///   - rawShape: of `raw`, which the anchored form alone has.
  ///   - trunk: what the trunk's file holds, nothing where there is none.
  ///   - tasks: what the tasks' files hold, in order.
  init(
    _ form: Form, _ shape: NetworkShape, rawShape: NetworkShape?, trunk: Safetensors?, tasks: [Safetensors]
  ) {
    self.form = form
    let shared = trunk?.tensors ?? [:]
    var tensors: [String: Numbers] = [:]
    /// Takes over one path's tensors, prefixes before their names.
    func path(
      _ held: [String: Numbers], _ shape: NetworkShape, _ network: String, _ index: Int, vote: String = "yes"
    ) -> Path {
      let (branch, trunk, head) = (
        "\(network)branches.\(index).", "\(network)trunk.", "\(network)heads.\(index)."
      )
      for (name, numbers) in Self.branch(held, shape.branch) { tensors[branch + name] = numbers }
      tensors[head + "weight"] = held[Tensor.headWeight]!.transposed
      tensors[head + "bias"] = held[Tensor.headBias]!.flat
      for layer in shape.trunk.indices {
        tensors["\(trunk)\(layer).bias"] = held[Tensor.trunkBias(layer)]!.flat
        if layer > 0 { tensors["\(trunk)\(layer).weight"] = held[Tensor.trunkWeight(layer)]!.transposed }
      }
      let input = held[Tensor.input]!.channelFirst(shape.branch).transposed
      if form != .concat { tensors[trunk + "0.weight"] = input }
      return Path(
        branch: branch, trunk: trunk, head: head, input: input, vote: vote,
        mean: held[Tensor.inputMean]?.values ?? [])
    }

    switch form {
    case .anchored:
      func tower(_ prefix: String) -> [String: Numbers] {
        Dictionary(
          uniqueKeysWithValues: shared.filter { $0.key.hasPrefix(prefix) }
            .map { (String($0.key.dropFirst(prefix.count)), $0.value) })
      }
      var number = 1
      var towers = [path(shared, shape, "towers.0.", 0)]
      while shared["trunk\(number + 1).\(Tensor.input)"] != nil {
        towers.append(path(tower("trunk\(number + 1)."), shape, "towers.\(number).", 0))
        number += 1
      }
      paths = towers
      raw = path(tower("raw."), rawShape!, "raw.", 0)
      let timing = tower("timing.")
      for layer in ["hidden", "head"] {
        tensors["timing.\(layer).weight"] = timing["\(layer).weight"]!.transposed
        tensors["timing.\(layer).bias"] = timing["\(layer).bias"]!.flat
      }
    case .concat, .hard, .apart:
      raw = nil
      paths = tasks.enumerated().map { index, task in
        let held = shared.merging(task.tensors) { $1 }
        let (network, index) = form == .apart ? ("networks.\(index).", 0) : ("", index)
        return path(held, shape, network, index, vote: task.metadata["votes"] ?? "yes")
      }
    }
    if form == .concat {
      tensors["trunk.0.weight"] = Numbers(sideBySide: paths.map(\.input))
      tensors["means"] = Numbers(shape: [paths.count, shape.trunk[0]], values: paths.flatMap(\.mean))
    }
    self.tensors = tensors
  }

  /// A branch's own tensors, as `Conv1d`, `RNN` or `LSTM` name them. One bias a gate is enough: the second is zero.
  private static func branch(_ held: [String: Numbers], _ shape: BranchShape) -> [String: Numbers] {
    guard shape.kind == .cnn else {
      let (layer, bias) = (shape.kind.rawValue, held[Tensor.recurrentBias]!.flat)
      return [
        "\(layer).weight_ih_l0": held[Tensor.inputWeight]!.transposed,
        "\(layer).weight_hh_l0": held[Tensor.recurrentWeight]!.transposed,
        "\(layer).bias_ih_l0": bias,
        "\(layer).bias_hh_l0": Numbers(shape: bias.shape, values: bias.values.map { _ in 0 }),
      ]
    }
    let weight = held[Tensor.convolutionWeight]!
    var values: [Float] = []
    for channel in 0..<shape.channels {
      for input in 0..<shape.inputChannels {
        for tap in 0..<shape.kernel {
          values.append(weight.values[(tap * shape.inputChannels + input) * shape.channels + channel])
        }
      }
    }
    return [
      "conv.weight": Numbers(shape: [shape.channels, shape.inputChannels, shape.kernel], values: values),
      "conv.bias": held[Tensor.convolutionBias]!.flat,
    ]
  }
}

extension Network {
  /// The weights for other programs. Of a network that was read on one rank.
  public var portable: PortableNetwork {
    precondition(tasks.names.count == tasks.own.count, "a part of a network")
    let form: PortableNetwork.Form =
      switch self.form {
      case .concat: .concat
      case .hard, .pooled: .hard
      case .alone, .finetuned: .apart
      case .anchored: .anchored
      }
    return PortableNetwork(
      form, shape, rawShape: (learner as? AnchoredNetwork)?.rawShape, trunk: learner.trunkTensors(),
      tasks: learner.taskTensors().map(\.tensors))
  }
}

extension Safetensors.Tensor {
  /// Of a matrix: columns x rows.
  fileprivate var transposed: Self {
    let (rows, columns) = (shape[0], shape[1])
    var turned = [Float](repeating: 0, count: values.count)
    for row in 0..<rows {
      for column in 0..<columns { turned[column * rows + row] = values[row * columns + column] }
    }
    return Self(shape: [columns, rows], values: turned)
  }

  /// The same numbers in one row.
  fileprivate var flat: Self { Self(shape: [values.count], values: values) }

  /// The first trunk matrix, features x H, of which a convolution's rows come position first.
  fileprivate func channelFirst(_ branch: BranchShape) -> Self {
    guard branch.kind == .cnn else { return self }
    let (width, positions) = (shape[1], branch.features / branch.channels)
    var turned: [Float] = []
    turned.reserveCapacity(values.count)
    for channel in 0..<branch.channels {
      for position in 0..<positions {
        let row = position * branch.channels + channel
        turned += values[row * width..<(row + 1) * width]
      }
    }
    return Self(shape: shape, values: turned + values[turned.count...])
  }

  /// Matrices of as many rows, one behind the other in every row.
  fileprivate init(sideBySide parts: [Self]) {
    let rows = parts[0].shape[0]
    var values: [Float] = []
    for row in 0..<rows {
      for part in parts { values += part.values[row * part.shape[1]..<(row + 1) * part.shape[1]] }
    }
    self.init(shape: [rows, parts.reduce(0) { $0 + $1.shape[1] }], values: values)
  }
}
