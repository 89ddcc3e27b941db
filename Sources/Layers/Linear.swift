import CKernels

/// Fully connected: `y = x W + b`.
///
/// `x`: B x in, `W`: in x out, `b`: 1 x out (or none); returns B x out. At most `batch` rows a call.
public final class Linear {
  private let weight: Parameter
  private let bias: Parameter?
  private let output: AlignedBuffer<Float>
  private let inputGradients: AlignedBuffer<Float>

  public init(weight: Parameter, bias: Parameter?, batch: Int) {
    self.weight = weight
    self.bias = bias
    output = AlignedBuffer(count: batch * weight.value.columns)
    inputGradients = AlignedBuffer(count: batch * weight.value.rows)
  }

  /// Returns a view that the next call overwrites.
  public func forward(_ x: Matrix) -> Matrix {
    let y = Matrix(data: output.data, rows: x.rows, columns: weight.value.columns)
    precondition(y.count <= output.count, "\(x.rows) rows are more than this layer's batch")
    product(x, .asIs, weight.value, .asIs, into: y)
    if let bias { hw_add_bias(y.data, bias.value.data, y.rows, y.columns) }
    return y
  }

  /// Sets `dW = x^T dy` and `db`; returns `dx = dy W^T`: B x in, a view that the next call overwrites.
  public func backward(_ x: Matrix, _ dy: Matrix) -> Matrix {
    product(x, .transposed, dy, .asIs, into: weight.gradient)
    if let bias { hw_column_sums(dy.data, bias.gradient.data, dy.rows, dy.columns) }
    let dx = Matrix(data: inputGradients.data, rows: dy.rows, columns: weight.value.rows)
    product(dy, .asIs, weight.value, .transposed, into: dx)
    return dx
  }
}
