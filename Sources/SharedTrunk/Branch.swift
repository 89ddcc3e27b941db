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
  func makeBranch(_ group: ParameterGroup, batch: Int, scratch: Scratch = Scratch()) -> any Branch {
    switch kind {
    case .cnn:
      ConvolutionBlock(
        length: length, inputChannels: inputChannels, outputChannels: channels, kernel: kernel,
        padding: padded ? .same : .valid, pool: pool, batch: batch, weight: group[Tensor.convolutionWeight],
        bias: group[Tensor.convolutionBias], scratch: scratch)
    case .rnn:
      RNN(
        frames: frames, inputs: frame * inputChannels, hidden: hidden, batch: batch,
        inputWeight: group[Tensor.inputWeight],
        recurrentWeight: group[Tensor.recurrentWeight], bias: group[Tensor.recurrentBias], scratch: scratch)
    case .lstm:
      LSTM(
        frames: frames, inputs: frame * inputChannels, hidden: hidden, batch: batch,
        inputWeight: group[Tensor.inputWeight],
        recurrentWeight: group[Tensor.recurrentWeight], bias: group[Tensor.recurrentBias], scratch: scratch)
    }
  }
}

/// 1D convolution, ReLU, max-pooling, flattened (paper, section III.B.1). Features are ordered position first.
extension ConvolutionBlock: Branch {}

/// Over the window's frames, the last hidden state (paper, section III.B.2).
extension RNN: Branch {}
extension LSTM: Branch {}
