import CKernels

/// One-dimensional convolution (cross-correlation, as PyTorch's Conv1d), stride 1, channels last.
///
/// A row of x is `length` positions of `inputChannels` values; a row of y is `positions` of `channels`. The window at a
/// position is then one run of kernel * inputChannels values, and the weight (kernel * inputChannels x channels) has its
/// row k * inputChannels + i for tap k of input channel i: PyTorch's weight[c][i][k].
public final class Conv1D {
  public enum Padding: Sendable {
    /// Windows that lie inside the row: length - kernel + 1 positions.
    case valid
    /// As many positions as the input, zeros around it: (kernel - 1) / 2 before, the rest after, as PyTorch's "same".
    case same
  }

  /// Positions of the output.
  public let positions: Int
  public let channels: Int
  private let inputChannels: Int
  private let rowLength: Int
  private let window: Int
  private let padding: Padding
  private let leftPad: Int
  private let paddedLength: Int
  private let weight: Parameter
  private let bias: Parameter
  private let padded: Storage
  private let output: Matrix
  private let outputStorage: Storage
  private let inputGradient: InputGradient?

  /// - Parameters:
  ///   - batch: the largest number of rows of a call.
  ///   - inputGradient: whether `backward` is to give dL/dx, which a network's first layer does not need.
  public init(
    length: Int, inputChannels: Int, outputChannels: Int, kernel: Int, padding: Padding, batch: Int,
    weight: Parameter, bias: Parameter, inputGradient: Bool = false
  ) {
    precondition(kernel >= 1 && (padding == .same || kernel <= length), "a kernel longer than the row")
    precondition(
      weight.value.rows == kernel * inputChannels && weight.value.columns == outputChannels
        && bias.value.count == outputChannels, "convolution weights of another shape than the layer's")
    let extra = padding == .same ? kernel - 1 : 0
    self.positions = length + extra - kernel + 1
    self.channels = outputChannels
    self.inputChannels = inputChannels
    self.rowLength = length * inputChannels
    self.window = kernel * inputChannels
    self.padding = padding
    self.leftPad = extra / 2 * inputChannels
    self.paddedLength = (length + extra) * inputChannels
    self.weight = weight
    self.bias = bias
    self.padded = Storage(count: padding == .same ? batch * paddedLength : 0)
    self.outputStorage = Storage(count: batch * positions * outputChannels)
    self.output = outputStorage.matrix(rows: batch, columns: positions * outputChannels)
    self.inputGradient =
      inputGradient
      ? InputGradient(
        batch: batch, rowLength: rowLength, paddedLength: paddedLength, positions: positions, window: window)
      : nil
  }

  /// x is B x (length * inputChannels); returns B x (positions * outputChannels).
  public func forward(_ x: Matrix) -> Matrix {
    precondition(x.columns == rowLength, "a convolution's input of another length than the layer's")
    let y = output.prefix(x.rows)
    if padding == .same { pad(x) }
    hw_conv1d(
      rows(x), paddedLength, inputChannels, window, weight.value.data, bias.value.data, y.data, x.rows,
      positions,
      channels)
    return y
  }

  /// Sets the gradients of weight and bias from dy = dL/dy, x being that of the last `forward`. Returns dL/dx if the
  /// layer was made with `inputGradient`.
  @discardableResult
  public func backward(_ x: Matrix, _ dy: Matrix) -> Matrix? {
    precondition(
      dy.rows == x.rows && dy.columns == positions * channels, "a gradient of another shape than the output")
    hw_conv1d_backward(
      rows(x), paddedLength, inputChannels, window, dy.data, weight.gradient.data, bias.gradient.data, x.rows,
      positions, channels)
    return inputGradient?.compute(dy, weight: weight.value, step: inputChannels, leftPad: leftPad)
  }

  /// The rows that windows slide over: x itself, or its padded copy.
  private func rows(_ x: Matrix) -> UnsafePointer<Float> {
    UnsafePointer(padding == .same ? padded.data : x.data)
  }

  private func pad(_ x: Matrix) {
    for r in 0..<x.rows {
      (padded.data + r * paddedLength + leftPad).update(from: x.data + r * rowLength, count: rowLength)
    }
  }

  /// dL/dx: each row's dy W^T gives every window's gradient, and overlapping windows add up.
  private final class InputGradient {
    private let windows: Storage
    private let paddedRow: Storage
    private let storage: Storage
    private let result: Matrix
    private let positions: Int
    private let window: Int

    init(batch: Int, rowLength: Int, paddedLength: Int, positions: Int, window: Int) {
      self.windows = Storage(count: positions * window)
      self.paddedRow = Storage(count: paddedLength)
      self.storage = Storage(count: batch * rowLength)
      self.result = storage.matrix(rows: batch, columns: rowLength)
      self.positions = positions
      self.window = window
    }

    func compute(_ dy: Matrix, weight: Matrix, step: Int, leftPad: Int) -> Matrix {
      let dx = result.prefix(dy.rows)
      let windows = self.windows.matrix(rows: positions, columns: window)
      let row = paddedRow.data
      for r in 0..<dy.rows {
        let dyRow = Matrix(dy.data + r * dy.columns, rows: positions, columns: weight.columns)
        multiply(dyRow, weight, into: windows, transposeB: true)
        row.update(repeating: 0, count: paddedRow.count)
        for p in 0..<positions { hw_axpy(1, windows.data + p * window, row + p * step, window) }
        (dx.data + r * dx.columns).update(from: row + leftPad, count: dx.columns)
      }
      return dx
    }
  }
}
