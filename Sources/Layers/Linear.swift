import CKernels

/// y = x W + b, W stored in x out, b 1 x out or none.
public final class Linear {
  private let weight: Parameter
  private let bias: Parameter?
  private let output: Matrix
  private let inputGradient: Matrix
  private let storage: (Storage, Storage)

  /// - Parameter batch: the largest number of rows of a call.
  public init(weight: Parameter, bias: Parameter?, batch: Int) {
    let (inputs, outputs) = (weight.value.rows, weight.value.columns)
    precondition(bias == nil || bias!.value.count == outputs, "a bias of another length than the output")
    self.weight = weight
    self.bias = bias
    self.storage = (Storage(count: batch * outputs), Storage(count: batch * inputs))
    self.output = storage.0.matrix(rows: batch, columns: outputs)
    self.inputGradient = storage.1.matrix(rows: batch, columns: inputs)
  }

  /// x is B x in; returns B x out.
  public func forward(_ x: Matrix) -> Matrix {
    let y = output.prefix(x.rows)
    multiply(x, weight.value, into: y)
    if let bias { y.addBias(bias.value) }
    return y
  }

  /// Sets the gradients of W and b from dy = dL/dy (B x out), x being forward's. Returns dL/dx (B x in) if wanted.
  @discardableResult
  public func backward(_ x: Matrix, _ dy: Matrix, wantInputGradient: Bool = true) -> Matrix? {
    multiply(x, dy, into: weight.gradient, transposeA: true)
    if let bias { dy.sumColumns(into: bias.gradient) }
    guard wantInputGradient else { return nil }
    let dx = inputGradient.prefix(x.rows)
    multiply(dy, weight.value, into: dx, transposeB: true)
    return dx
  }
}
