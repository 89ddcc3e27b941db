import CKernels

/// Maximum over windows of `window` positions, stride = window, channels last. Positions left over at the end are dropped,
/// the first maximum of a window takes the gradient and NaN wins over numbers, as in PyTorch's max_pool1d.
public final class MaxPool1D {
  /// Positions of the output.
  public let positions: Int
  private let inputPositions: Int
  private let channels: Int
  private let window: Int
  private let index: AlignedBuffer<UInt16>
  private let outputStorage: Storage
  private let gradientStorage: Storage
  private let output: Matrix
  private let inputGradient: Matrix

  /// - Parameters:
  ///   - positions: of the input; at least `window`.
  ///   - batch: the largest number of rows of a call.
  public init(positions: Int, channels: Int, window: Int, batch: Int) {
    precondition(window >= 1 && window <= positions, "a pooling window longer than the row")
    precondition(window <= Int(UInt16.max), "a pooling window of more than 65535 positions")
    self.positions = positions / window
    self.inputPositions = positions
    self.channels = channels
    self.window = window
    self.index = AlignedBuffer(count: batch * (positions / window) * channels)
    self.outputStorage = Storage(count: batch * (positions / window) * channels)
    self.gradientStorage = Storage(count: batch * positions * channels)
    self.output = outputStorage.matrix(rows: batch, columns: positions / window * channels)
    self.inputGradient = gradientStorage.matrix(rows: batch, columns: positions * channels)
  }

  /// x is B x (positions * channels); returns B x (positions / window * channels).
  public func forward(_ x: Matrix) -> Matrix {
    precondition(x.columns == inputPositions * channels, "a pooling input of another length than the layer's")
    let y = output.prefix(x.rows)
    hw_maxpool(x.data, y.data, index.data, x.rows, inputPositions, channels, window)
    return y
  }

  /// dL/dx from dy = dL/dy, for the x of the last `forward`.
  public func backward(_ dy: Matrix) -> Matrix {
    precondition(dy.columns == positions * channels, "a gradient of another shape than the output")
    let dx = inputGradient.prefix(dy.rows)
    hw_maxpool_backward(index.data, dy.data, dx.data, dy.rows, inputPositions, channels, window)
    return dx
  }
}
