import CKernels

/// `y = max(x, 0)`, in place: B x columns.
public final class ReLU {
  private var output: Matrix?

  public init() {}

  public func forward(_ x: Matrix) -> Matrix {
    hw_relu(x.data, x.count)
    output = x
    return x
  }

  /// `dx = dy` where `y > 0`, else 0; in place of `dy`. Between, `y` may have been multiplied by a mask.
  public func backward(_ dy: Matrix) -> Matrix {
    guard let output, output.count == dy.count else { preconditionFailure("backward before forward") }
    hw_relu_backward(output.data, dy.data, dy.count)
    return dy
  }
}

/// `y = max(x + b, 0)`, in place: B x columns, `b`: 1 x columns.
public final class BiasReLU {
  private let bias: Parameter
  private var output: Matrix?

  public init(bias: Parameter) { self.bias = bias }

  public func forward(_ x: Matrix) -> Matrix {
    hw_add_bias_relu(x.data, bias.value.data, x.rows, x.columns)
    output = x
    return x
  }

  /// Sets `db`; returns `dx` in place of `dy`.
  public func backward(_ dy: Matrix) -> Matrix {
    guard let output, output.count == dy.count else { preconditionFailure("backward before forward") }
    hw_relu_backward(output.data, dy.data, dy.count)
    hw_column_sums(dy.data, bias.gradient.data, dy.rows, dy.columns)
    return dy
  }
}
