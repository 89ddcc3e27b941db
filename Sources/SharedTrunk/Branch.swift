import Layers

/// A task's private feature extractor: `v_i = Branch_i(x_i)` (paper, equation 1).
protocol Branch: AnyObject {
  /// `x`: B x inputs; returns B x features, a view that the next call overwrites.
  func forward(_ x: Matrix) -> Matrix
  /// Sets the gradients of the branch's parameters from `dv`: B x features.
  func backward(_ x: Matrix, _ dv: Matrix)
}

extension BranchShape {
  /// The branch of this shape over the parameters of `group`, for at most `batch` windows a call.
  func makeBranch(_ group: ParameterGroup, batch: Int) -> any Branch {
    switch kind {
    case .cnn: ConvolutionBranch(self, group, batch: batch)
    case .rnn:
      RNN(
        frames: frames, inputs: frame * inputChannels, hidden: hidden, batch: batch,
        inputWeight: group[Tensor.inputWeight],
        recurrentWeight: group[Tensor.recurrentWeight], bias: group[Tensor.recurrentBias])
    case .lstm:
      LSTM(
        frames: frames, inputs: frame * inputChannels, hidden: hidden, batch: batch,
        inputWeight: group[Tensor.inputWeight],
        recurrentWeight: group[Tensor.recurrentWeight], bias: group[Tensor.recurrentBias])
    }
  }
}

/// 1D convolution, ReLU, max-pooling, flattened (paper, section III.B.1). Features are ordered position first.
///
/// Max and ReLU commute: pooling goes first, so that ReLU has fewer numbers to look at.
final class ConvolutionBranch: Branch {
  private let convolution: Conv1D
  private let relu: ReLU
  private let pool: MaxPool1D

  init(_ shape: BranchShape, _ group: ParameterGroup, batch: Int) {
    convolution = Conv1D(
      length: shape.length, inputChannels: shape.inputChannels, outputChannels: shape.channels,
      kernel: shape.kernel,
      padding: shape.padded ? .same : .valid, batch: batch, weight: group[Tensor.convolutionWeight],
      bias: group[Tensor.convolutionBias])
    relu = ReLU()
    pool = MaxPool1D(positions: shape.positions, channels: shape.channels, window: shape.pool, batch: batch)
  }

  func forward(_ x: Matrix) -> Matrix {
    relu.forward(pool.forward(convolution.forward(x)))
  }

  func backward(_ x: Matrix, _ dv: Matrix) {
    convolution.backward(x, pool.backward(relu.backward(dv)))
  }
}

/// Over the window's frames, the last hidden state (paper, section III.B.2).
extension RNN: Branch {}
extension LSTM: Branch {}
