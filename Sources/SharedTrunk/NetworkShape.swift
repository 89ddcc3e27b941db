import Cohort

/// Sizes of every part of a network: what two runs must agree on to share a model file.
public struct NetworkShape: Codable, Sendable, Equatable {
  /// How a branch turns a window into features.
  public var branch: BranchShape
  /// Numbers appended to the branch's features (4 RR features, 10 with the own statistics, or none).
  public var extraFeatures: Int
  /// Widths of the trunk's fully connected layers; the first is `H` of the exchange, the last `H'`.
  public var trunk: [Int]
  /// Outputs of each head.
  public var classes: Int
  /// Probability of dropping a feature before each trunk layer and before the heads.
  public var dropout: Float

  /// A network of these sizes.
  public init(
    branch: BranchShape, extraFeatures: Int = 0, trunk: [Int] = [64, 64], classes: Int = 2,
    dropout: Float = 0.2
  ) {
    self.branch = branch
    self.extraFeatures = extraFeatures
    self.trunk = trunk
    self.classes = classes
    self.dropout = dropout
  }

  /// Whether every beat is read beside its patient's `OwnStatistics`.
  public var readsOwnStatistics: Bool { branch.inputChannels == 2 }

  /// The same sizes, reading beats beside their patients' statistics.
  public var besideOwnStatistics: NetworkShape {
    var shape = self
    shape.branch.inputChannels = 2
    shape.extraFeatures = RRFeatures.count + OwnStatistics.featureCount
    return shape
  }

  /// `d`: features that one task gives to the trunk.
  public var features: Int { branch.features + extraFeatures }

  /// Weights and biases of one task: branch, its rows of the first trunk matrix, head.
  var taskTensors: [(name: String, rows: Int, columns: Int)] {
    branch.tensors + [(Tensor.input, features, trunk[0])] + headTensors
  }

  var headTensors: [(name: String, rows: Int, columns: Int)] {
    [(Tensor.headWeight, trunk[trunk.count - 1], classes), (Tensor.headBias, 1, classes)]
  }

  /// Weights and biases after the exchanged sum: the first bias and the later layers.
  var trunkTensors: [(name: String, rows: Int, columns: Int)] {
    [(Tensor.trunkBias(0), 1, trunk[0])]
      + (1..<max(trunk.count, 1)).flatMap { layer in
        [
          (Tensor.trunkWeight(layer), trunk[layer - 1], trunk[layer]),
          (Tensor.trunkBias(layer), 1, trunk[layer]),
        ]
      }
  }

  /// Weights and biases in a network of `tasks` branches whose features are concatenated.
  public func parameterCount(tasks: Int) -> Int {
    count(taskTensors) * tasks + count(trunkTensors)
  }

  /// Memory that one task's slot takes, about: weights with gradients and moments, and what the layers keep; in `training` also the best
  /// weights and the room for checkpoints.
  public func bytes(batch: Int, inTraining training: Bool = false) -> Double {
    let kept =
      Double(branch.inputs + extraFeatures) + Double(branch.kept) + 2 * Double(features) + 4
      * Double(trunk.reduce(0, +))
    return (training ? 36 : 16) * Double(count(taskTensors)) + 4 * Double(batch) * kept
  }

  /// Weights and biases in a network of one branch, one trunk and one head.
  public var singleParameterCount: Int { parameterCount(tasks: 1) }

  /// Weights and biases in a network of `tasks` branches and heads over one trunk that reads one branch at a time.
  public func hardParameterCount(tasks: Int) -> Int {
    count(branch.tensors + headTensors) * tasks + count([(Tensor.input, features, trunk[0])] + trunkTensors)
  }

  private func count(_ tensors: [(name: String, rows: Int, columns: Int)]) -> Int {
    tensors.reduce(0) { $0 + $1.rows * $1.columns }
  }
}

/// The kind of a branch and its sizes.
public struct BranchShape: Codable, Sendable, Equatable {
  /// Which layers a branch has.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// 1D convolution, ReLU, max-pooling, flattened.
    case cnn
    /// Elman network: its last hidden state.
    case rnn
    /// Long short-term memory: its last hidden state.
    case lstm
  }

  /// What kind it is; sizes of other kinds are ignored.
  public var kind: Kind
  /// Samples of a window.
  public var length: Int
  /// Numbers a sample: 1, or with the patient's median beat beside the beat 2. They follow one another.
  public var inputChannels: Int

  /// CNN: output channels of the convolution.
  public var channels: Int
  /// CNN: samples that one output of the convolution reads.
  public var kernel: Int
  /// CNN: neighbouring positions of which max-pooling keeps the largest.
  public var pool: Int
  /// CNN: zeros around the window, so that there are as many outputs as samples (`bench`, as PyTorch's `padding="same"`).
  public var padded: Bool

  /// RNN, LSTM: samples read at once, a whole number of times in the window.
  public var frame: Int
  /// RNN, LSTM: numbers of the hidden state.
  public var hidden: Int

  /// A branch of these sizes; those of other kinds keep their defaults.
  public init(
    kind: Kind = .cnn, length: Int, inputChannels: Int = 1, channels: Int = 8, kernel: Int = 7, pool: Int = 8,
    padded: Bool = false,
    frame: Int = 8, hidden: Int = 32
  ) {
    self.kind = kind
    self.length = length
    self.inputChannels = inputChannels
    self.channels = channels
    self.kernel = kernel
    self.pool = pool
    self.padded = padded
    self.frame = frame
    self.hidden = hidden
  }

  /// Numbers of a window.
  var inputs: Int { length * inputChannels }
  var positions: Int { padded ? length : length - kernel + 1 }
  var frames: Int { length / frame }
  /// Columns of a recurrent weight for each number of the hidden state.
  var gates: Int { kind == .lstm ? 4 : 1 }

  /// Numbers that the branch gives for one window.
  public var features: Int { kind == .cnn ? positions / pool * channels : hidden }

  /// Numbers that the branch keeps of one window for the way back, about.
  var kept: Int { kind == .cnn ? inputs : inputs + frames * hidden * (gates + 1) }

  var tensors: [(name: String, rows: Int, columns: Int)] {
    switch kind {
    case .cnn:
      [(Tensor.convolutionWeight, kernel * inputChannels, channels), (Tensor.convolutionBias, 1, channels)]
    case .rnn, .lstm:
      [
        (Tensor.inputWeight, frame * inputChannels, gates * hidden),
        (Tensor.recurrentWeight, hidden, gates * hidden),
        (Tensor.recurrentBias, 1, gates * hidden),
      ]
    }
  }
}

/// Names of tensors, in parameter groups and in model files.
enum Tensor {
  static let convolutionWeight = "branch.convolution.weight"
  static let convolutionBias = "branch.convolution.bias"
  static let inputWeight = "branch.input.weight"
  static let recurrentWeight = "branch.recurrent.weight"
  static let recurrentBias = "branch.recurrent.bias"
  static let input = "trunk.0.weight"
  static let inputMean = "trunk.0.mean"
  static let headWeight = "head.weight"
  static let headBias = "head.bias"
  static let hiddenWeight = "hidden.weight"
  static let hiddenBias = "hidden.bias"
  static let residualFirst = "residual.first.weight"
  static let residualSecond = "residual.second.weight"
  static let residualScale = "residual.scale"
  static let residualShift = "residual.shift"
  static let residualHead = "residual.head.weight"
  static let residualHeadBias = "residual.head.bias"
  static func trunkWeight(_ layer: Int) -> String { "trunk.\(layer).weight" }
  static func trunkBias(_ layer: Int) -> String { "trunk.\(layer).bias" }
}
