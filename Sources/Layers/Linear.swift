import CKernels

/// y = x W + b, W stored in x out, b 1 x out or none.
public final class Linear {
  private let weight: Parameter
  private let bias: Parameter?
  /// Columns of the result.
  public var outputs: Int { weight.value.columns }
  private let output: Matrix
  private let inputGradient: Matrix
  private let storage: (Storage, Storage)
  private let spread: Storage?
  private let spreadColumns: Int

  /// - Parameter batch: the largest number of rows of a call.
  public init(weight: Parameter, bias: Parameter?, batch: Int) {
    let (inputs, outputs) = (weight.value.rows, weight.value.columns)
    precondition(bias == nil || bias!.value.count == outputs, "a bias of another length than the output")
    self.weight = weight
    self.bias = bias
    self.storage = (Storage(count: batch * outputs), Storage(count: batch * inputs))
    self.output = storage.0.matrix(rows: batch, columns: outputs)
    self.inputGradient = storage.1.matrix(rows: batch, columns: inputs)
    self.spreadColumns = inputs + 16
    self.spread = inputs % 512 == 0 && batch > 8 ? Storage(count: batch * spreadColumns) : nil
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
    precondition(
      x.rows == dy.rows && x.columns == weight.value.rows, "an input of another shape than forward's")
    setWeightGradient(x, dy)
    if let bias { dy.sumColumns(into: bias.gradient) }
    guard wantInputGradient else { return nil }
    let dx = inputGradient.prefix(x.rows)
    multiply(dy, weight.value, into: dx, transposeB: true)
    return dx
  }

  /// dW = x^T dy. Rows of x that lie a multiple of 2 KB apart fall into the same few cache sets, and reading x by columns
  /// then takes 1.6 times as long (32 x 4096: 650 against 400 us), so such rows are first copied a cache line further apart.
  private func setWeightGradient(_ x: Matrix, _ dy: Matrix) {
    guard let spread else { return multiply(x, dy, into: weight.gradient, transposeA: true) }
    for r in 0..<x.rows {
      (spread.data + r * spreadColumns).update(from: x.data + r * x.columns, count: x.columns)
    }
    let status = hw_sgemm(
      1, 0, Int64(x.columns), Int64(dy.columns), Int64(x.rows), 1, spread.data, Int64(spreadColumns), dy.data,
      Int64(dy.columns), 0, weight.gradient.data, Int64(dy.columns))
    precondition(status == 0, "oneDNN refused a matrix product (status \(status))")
  }
}
