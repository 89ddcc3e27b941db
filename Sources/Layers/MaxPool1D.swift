import CKernels

/// The largest of each `window` neighbouring positions, a channel at a time; windows do not overlap, a rest is dropped. The first of
/// equals wins, as in PyTorch.
///
/// `x`: B x (P C), channels last; returns B x ((P / window) C).
public final class MaxPool1D {
  private let positions: Int
  private let channels: Int
  private let window: Int
  private let output: AlignedBuffer<Float>
  private let inputGradients: AlignedBuffer<Float>
  private let winners: AlignedBuffer<UInt16>

  public init(positions: Int, channels: Int, window: Int, batch: Int) {
    precondition(window >= 1 && window <= positions && window <= 65_536, "pool \(window) of \(positions) positions")
    self.positions = positions
    self.channels = channels
    self.window = window
    output = AlignedBuffer(count: batch * (positions / window) * channels)
    winners = AlignedBuffer(count: output.count)
    inputGradients = AlignedBuffer(count: batch * positions * channels)
  }

  /// Returns a view that the next call overwrites.
  public func forward(_ x: Matrix) -> Matrix {
    let y = Matrix(data: output.data, rows: x.rows, columns: positions / window * channels)
    precondition(x.columns == positions * channels && y.count <= output.count, "\(x.rows) x \(x.columns) input")
    hw_maxpool(x.data, y.data, winners.data, x.rows, positions, channels, window)
    return y
  }

  /// Returns dL/dx: B x (P C), a view that the next call overwrites.
  public func backward(_ dy: Matrix) -> Matrix {
    let dx = Matrix(data: inputGradients.data, rows: dy.rows, columns: positions * channels)
    hw_maxpool_backward(winners.data, dy.data, dx.data, dy.rows, positions, channels, window)
    return dx
  }
}
