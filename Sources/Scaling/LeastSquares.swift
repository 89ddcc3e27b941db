/// Small fits of quantities that cannot be negative, such as seconds and bytes a second.
enum LeastSquares {
  struct Fit {
    /// One a column, none below zero.
    let coefficients: [Double]
    /// Sum over the rows of what each one's relative error costs.
    let loss: Double
  }

  /// Beyond this relative error a row's cost grows no longer with its square, but in proportion: one point that something disturbed
  /// does not bend all others' fit (Huber 1964).
  private static let tolerance = 0.1

  /// Coefficients x >= 0 for which `columns x + offset` comes nearest to `values`, by relative error. At most eight columns; those that
  /// are zero everywhere get 0.
  static func fit(_ columns: [[Double]], _ values: [Double], offset: [Double]? = nil) -> Fit {
    precondition(columns.count <= 8 && columns.allSatisfy { $0.count == values.count })
    let scaled = columns.map { column in zip(column, values).map { $0 / $1 } }
    let targets = values.indices.map { 1 - (offset?[$0] ?? 0) / values[$0] }
    var weights = [Double](repeating: 1, count: values.count)
    var coefficients: [Double] = []
    var errors: [Double] = []
    for _ in 0..<6 {
      coefficients = nearest(scaled, targets, weights)
      var residuals = targets
      for (column, coefficient) in zip(scaled, coefficients) {
        for row in residuals.indices { residuals[row] -= coefficient * column[row] }
      }
      errors = residuals.map(abs)
      weights = errors.map { min(1, tolerance / max($0, 1e-12)) }
    }
    return Fit(coefficients: coefficients, loss: errors.reduce(0) { $0 + cost($1) })
  }

  static func cost(_ error: Double) -> Double {
    error < tolerance ? error * error : tolerance * (2 * error - tolerance)
  }

  /// The exact solution: over all columns, or if that has a negative the best one without among those over every choice of columns.
  private static func nearest(_ columns: [[Double]], _ targets: [Double], _ weights: [Double]) -> [Double] {
    let count = columns.count
    let weighted = columns.map { column in weights.indices.map { weights[$0] * column[$0] } }
    func product(_ a: [Double], _ b: [Double]) -> Double {
      var sum = 0.0
      for row in a.indices { sum += a[row] * b[row] }
      return sum
    }
    let gram = weighted.map { a in columns.map { product(a, $0) } }
    let right = weighted.map { product($0, targets) }
    if let all = solve(gram, right), all.allSatisfy({ $0 >= 0 }) { return all }
    var best = (loss: 0.0, x: [Double](repeating: 0, count: count))
    for choice in 1..<(1 << count) {
      let chosen = (0..<count).filter { choice >> $0 & 1 == 1 }
      guard let x = solve(chosen.map { i in chosen.map { gram[i][$0] } }, chosen.map { right[$0] }),
        x.allSatisfy({ $0 >= 0 })
      else { continue }
      // Of the least squares over these columns, without the constant part.
      let loss = -zip(chosen, x).reduce(0) { $0 + right[$1.0] * $1.1 }
      guard loss < best.loss else { continue }
      best = (loss, [Double](repeating: 0, count: count))
      for (column, value) in zip(chosen, x) { best.x[column] = value }
    }
    return best.x
  }

  /// By Cholesky's decomposition; nil for columns that depend on one another.
  private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double]? {
    let count = right.count
    var lower = matrix
    for i in 0..<count {
      for j in 0...i {
        var sum = matrix[i][j]
        for k in 0..<j { sum -= lower[i][k] * lower[j][k] }
        if i > j {
          lower[i][j] = sum / lower[j][j]
        } else {
          guard sum > 1e-9 * matrix[i][i] else { return nil }
          lower[i][i] = sum.squareRoot()
        }
      }
    }
    var x = right
    for i in 0..<count {
      for k in 0..<i { x[i] -= lower[i][k] * x[k] }
      x[i] /= lower[i][i]
    }
    for i in (0..<count).reversed() {
      for k in i + 1..<count { x[i] -= lower[k][i] * x[k] }
      x[i] /= lower[i][i]
    }
    return x
  }
}
