import CKernels

/// 1D convolution, stride 1, channels last: `y[p][c] = b[c] + sum_j sum_i x[p + j][i] W[j in + i][c]`.
///
/// `x`: B x (L in), `W`: (kernel in) x C, `b`: 1 x C; returns B x (P C), P = L - kernel + 1, or L where padded by zeros
/// ("same": (kernel - 1) / 2 before, the rest after, as PyTorch). The first layer of a branch: no gradient of the input.
public final class Conv1D {
  public enum Padding { case valid, same }

  private let weight: Parameter
  private let bias: Parameter
  private let inputChannels: Int
  private let length: Int
  private let paddedLength: Int
  private let before: Int
  private let output: AlignedBuffer<Float>
  private let padded: AlignedBuffer<Float>?
  public let positions: Int

  public init(
    length: Int, inputChannels: Int, kernel: Int, padding: Padding, batch: Int, weight: Parameter, bias: Parameter
  ) {
    precondition(
      weight.value.rows == kernel * inputChannels && kernel >= 1 && kernel <= length,
      "kernel \(kernel) over \(inputChannels) channels of \(length) with a weight of \(weight.value.rows) rows")
    self.weight = weight
    self.bias = bias
    self.inputChannels = inputChannels
    self.length = length
    before = padding == .same ? (kernel - 1) / 2 : 0
    paddedLength = padding == .same ? length + kernel - 1 : length
    positions = paddedLength - kernel + 1
    output = AlignedBuffer(count: batch * positions * weight.value.columns)
    padded = padding == .same ? AlignedBuffer(count: batch * paddedLength * inputChannels) : nil
  }

  /// Returns a view that the next call overwrites.
  public func forward(_ x: Matrix) -> Matrix {
    let y = Matrix(data: output.data, rows: x.rows, columns: positions * weight.value.columns)
    precondition(x.columns == length * inputChannels && y.count <= output.count, "\(x.rows) x \(x.columns) input")
    if let padded {
      for row in 0..<x.rows {
        (padded.data + (row * paddedLength + before) * inputChannels).update(
          from: x.data + row * x.columns, count: x.columns)
      }
    }
    hw_conv1d(
      padded?.data ?? x.data, paddedLength * inputChannels, inputChannels, weight.value.rows, weight.value.data,
      bias.value.data, y.data, x.rows, positions, weight.value.columns)
    return y
  }

  /// Sets dW and db from `dy`: B x (P C). `x` must be that of the last `forward`.
  public func backward(_ x: Matrix, _ dy: Matrix) {
    hw_conv1d_backward(
      padded?.data ?? x.data, paddedLength * inputChannels, inputChannels, weight.value.rows, dy.data,
      weight.gradient.data, bias.gradient.data, dy.rows, positions, weight.value.columns)
  }
}
