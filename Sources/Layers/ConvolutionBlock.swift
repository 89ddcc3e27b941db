import CKernels

/// Conv1D, MaxPool1D and ReLU in one pass over each row, which stays in the first-level cache: the same bits as the three in turn,
/// without a convolved batch in memory (32 rows of 256 x 32: 1 MB each way).
public final class ConvolutionBlock {
  private let windows: ConvolutionWindows
  private let channels: Int
  private let pool: Int
  private let weight: Parameter
  private let bias: Parameter
  private let row: Storage
  private let index: AlignedBuffer<UInt16>
  private let outputStorage: Storage
  private let output: Matrix

  /// - Parameters:
  ///   - pool: positions of which the largest is kept; those left over at the end are dropped.
  ///   - batch: the largest number of rows of a call.
  ///   - scratch: memory shared with the same layer of other tasks.
  public init(
    length: Int, inputChannels: Int, outputChannels: Int, kernel: Int, padding: Conv1D.Padding, pool: Int,
    batch: Int, weight: Parameter, bias: Parameter, scratch: Scratch = Scratch()
  ) {
    precondition(
      weight.value.rows == kernel * inputChannels && weight.value.columns == outputChannels
        && bias.value.count == outputChannels, "convolution weights of another shape than the layer's")
    windows = ConvolutionWindows(
      length: length, inputChannels: inputChannels, kernel: kernel, padding: padding, batch: batch)
    precondition(
      pool >= 1 && pool <= windows.positions && pool <= Int(UInt16.max), "a pooling window of no use")
    channels = outputChannels
    self.pool = pool
    self.weight = weight
    self.bias = bias
    let columns = windows.positions / pool * outputChannels
    row = scratch.storage(.convolvedRow, count: windows.positions * outputChannels)
    index = AlignedBuffer(count: batch * columns)
    outputStorage = Storage(count: batch * columns)
    output = outputStorage.matrix(rows: batch, columns: columns)
  }

  /// x is B x (length * inputChannels); returns B x (positions / pool * outputChannels).
  public func forward(_ x: Matrix) -> Matrix {
    let y = output.prefix(x.rows)
    hw_conv1d_pool(
      windows.load(x), windows.paddedLength, windows.step, windows.window, weight.value.data, bias.value.data,
      row.data, y.data, index.data, x.rows, windows.positions, channels, pool)
    return y
  }

  /// Sets the gradients of weight and bias from dy = dL/dy, x being that of the last `forward`; dy is masked where y is 0.
  public func backward(_ x: Matrix, _ dy: Matrix) {
    precondition(
      dy.rows == x.rows && dy.columns == output.columns, "a gradient of another shape than the output")
    hw_conv1d_pool_backward(
      windows.loaded(x), windows.paddedLength, windows.step, windows.window, output.data, index.data, dy.data,
      row.data, weight.gradient.data, bias.gradient.data, x.rows, windows.positions, channels, pool)
  }
}
