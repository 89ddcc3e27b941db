import CKernels

/// c = op(a) op(b) + keep c on one thread, op(x) being x or its transpose. The shapes must fit. `ahead` is what will be read soon: where
/// that helps it is asked for from memory meanwhile.
public func multiply(
  _ a: Matrix, _ b: Matrix, into c: Matrix, transposeA: Bool = false, transposeB: Bool = false,
  keep: Float = 0, ahead: Matrix? = nil
) {
  let inner = transposeA ? a.rows : a.columns
  precondition(
    (transposeA ? a.columns : a.rows) == c.rows && (transposeB ? b.rows : b.columns) == c.columns
      && (transposeB ? b.columns : b.rows) == inner, "matrices of shapes that do not multiply")
  hw_product(
    transposeA ? 1 : 0, transposeB ? 1 : 0, a.data, b.data, c.data, c.rows, c.columns, inner, keep,
    ahead?.data, ahead?.count ?? 0)
}

extension Matrix {
  /// Adds the row `bias` (1 x columns) to every row.
  public func addBias(_ bias: Matrix) {
    precondition(bias.count == columns, "a bias of another length than the row")
    hw_add_bias(data, bias.data, rows, columns)
  }

  /// Adds the row `bias` (1 x columns) to every row, then takes max(., 0); NaN stays NaN.
  public func addBiasReLU(_ bias: Matrix) {
    precondition(bias.count == columns, "a bias of another length than the row")
    hw_add_bias_relu(data, bias.data, rows, columns)
  }

  /// max(., 0) in place; NaN stays NaN.
  public func rectify() { hw_relu(data, count) }

  /// Taking this as dL/dy, sets it to 0 wherever the rectified output `y` is 0.
  public func maskWhereRectified(_ y: Matrix) {
    precondition(y.count == count, "a gradient of another shape than the output")
    hw_relu_backward(y.data, data, count)
  }

  /// Writes each column's sum, rows added in order, into `sums` (1 x columns).
  public func sumColumns(into sums: Matrix) {
    precondition(sums.count == columns, "sums of another length than the row")
    hw_column_sums(data, sums.data, rows, columns)
  }

  /// Adds a x.
  public func add(_ x: Matrix, times a: Float = 1) {
    precondition(x.count == count, "matrices of different shapes")
    hw_axpy(a, x.data, data, count)
  }

  /// Multiplies by a.
  public func scale(by a: Float) { hw_scale(a, data, count) }
}
