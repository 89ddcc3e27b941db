import CKernels

/// Where the windows of a convolution lie: `length` positions of `inputChannels` values a row, with zeros around them or without.
struct ConvolutionWindows {
  /// Positions of the output.
  let positions: Int
  /// Values between one window and the next.
  let step: Int
  /// Values of a window.
  let window: Int
  /// Values before a row's own.
  let leftPad: Int
  /// Values of a padded row.
  let paddedLength: Int
  private let rowLength: Int
  private let padded: Storage?

  init(length: Int, inputChannels: Int, kernel: Int, padding: Conv1D.Padding, batch: Int) {
    precondition(kernel >= 1 && (padding == .same || kernel <= length), "a kernel longer than the row")
    let extra = padding == .same ? kernel - 1 : 0
    positions = length + extra - kernel + 1
    step = inputChannels
    window = kernel * inputChannels
    leftPad = extra / 2 * inputChannels
    paddedLength = (length + extra) * inputChannels
    rowLength = length * inputChannels
    padded = padding == .same ? Storage(count: batch * paddedLength) : nil
  }

  /// The rows that windows slide over, `paddedLength` apart: x itself, or a copy of it between zeros.
  func load(_ x: Matrix) -> UnsafePointer<Float> {
    precondition(x.columns == rowLength, "a convolution's input of another length than the layer's")
    guard let padded else { return UnsafePointer(x.data) }
    for r in 0..<x.rows {
      (padded.data + r * paddedLength + leftPad).update(from: x.data + r * rowLength, count: rowLength)
    }
    return UnsafePointer(padded.data)
  }

  /// What the last `load` of x returned.
  func loaded(_ x: Matrix) -> UnsafePointer<Float> { UnsafePointer(padded?.data ?? x.data) }
}

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
  public var positions: Int { windows.positions }
  public let channels: Int
  private let windows: ConvolutionWindows
  private let weight: Parameter
  private let bias: Parameter
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
    precondition(
      weight.value.rows == kernel * inputChannels && weight.value.columns == outputChannels
        && bias.value.count == outputChannels, "convolution weights of another shape than the layer's")
    windows = ConvolutionWindows(
      length: length, inputChannels: inputChannels, kernel: kernel, padding: padding, batch: batch)
    channels = outputChannels
    self.weight = weight
    self.bias = bias
    let columns = windows.positions * outputChannels
    outputStorage = Storage(count: batch * columns)
    output = outputStorage.matrix(rows: batch, columns: columns)
    self.inputGradient =
      inputGradient ? InputGradient(windows, rowLength: length * inputChannels, batch: batch) : nil
  }

  /// x is B x (length * inputChannels); returns B x (positions * outputChannels).
  public func forward(_ x: Matrix) -> Matrix {
    let y = output.prefix(x.rows)
    hw_conv1d(
      windows.load(x), windows.paddedLength, windows.step, windows.window, weight.value.data, bias.value.data,
      y.data, x.rows, positions, channels)
    return y
  }

  /// Sets the gradients of weight and bias from dy = dL/dy, x being that of the last `forward`. Returns dL/dx if the
  /// layer was made with `inputGradient`.
  @discardableResult
  public func backward(_ x: Matrix, _ dy: Matrix) -> Matrix? {
    precondition(
      dy.rows == x.rows && dy.columns == positions * channels, "a gradient of another shape than the output")
    hw_conv1d_backward(
      windows.loaded(x), windows.paddedLength, windows.step, windows.window, dy.data, weight.gradient.data,
      bias.gradient.data, x.rows, positions, channels)
    return inputGradient?.compute(dy, weight: weight.value)
  }

  /// dL/dx: each row's dy W^T gives every window's gradient, and overlapping windows add up.
  private final class InputGradient {
    private let windows: ConvolutionWindows
    private let products: Storage
    private let paddedRow: Storage
    private let storage: Storage
    private let result: Matrix

    init(_ windows: ConvolutionWindows, rowLength: Int, batch: Int) {
      self.windows = windows
      products = Storage(count: windows.positions * windows.window)
      paddedRow = Storage(count: windows.paddedLength)
      storage = Storage(count: batch * rowLength)
      result = storage.matrix(rows: batch, columns: rowLength)
    }

    func compute(_ dy: Matrix, weight: Matrix) -> Matrix {
      let dx = result.prefix(dy.rows)
      let (positions, window) = (windows.positions, windows.window)
      let products = self.products.matrix(rows: positions, columns: window)
      let row = paddedRow.data
      for r in 0..<dy.rows {
        let dyRow = Matrix(dy.data + r * dy.columns, rows: positions, columns: weight.columns)
        multiply(dyRow, weight, into: products, transposeB: true)
        row.update(repeating: 0, count: paddedRow.count)
        for p in 0..<positions { hw_axpy(1, products.data + p * window, row + p * windows.step, window) }
        (dx.data + r * dx.columns).update(from: row + windows.leftPad, count: dx.columns)
      }
      return dx
    }
  }
}
