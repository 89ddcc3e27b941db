extension Parameter {
  /// Uniform in +-1/sqrt(fanIn), as PyTorch's Linear and Conv1d draw weights and biases. One draw an element, row after row.
  public func fillUniform(fanIn: Int, using generator: inout some RandomNumberGenerator) {
    let bound = 1 / Float(fanIn).squareRoot()
    for i in 0..<value.count {
      let unit = Float(generator.next() >> 40) * 0x1p-24
      value.data[i] = (2 * unit - 1) * bound
    }
  }

  /// Fills a H x (k * H) matrix with k orthogonal H x H blocks, drawn row after row, block after block. Products with an
  /// orthogonal matrix keep a vector's length, so that over many frames neither states nor gradients shrink or grow by the
  /// start alone (Saxe et al. 2014; Le et al. 2015). Gram-Schmidt in + - * / and square roots only: the same on every CPU.
  public func fillOrthogonal(using generator: inout some RandomNumberGenerator) {
    let size = value.rows
    precondition(value.columns % size == 0, "a matrix that does not consist of square blocks")
    for block in 0..<value.columns / size {
      let rows = orthonormalRows(size, using: &generator)
      for (r, row) in rows.enumerated() {
        for c in 0..<size { value[r, block * size + c] = Float(row[c]) }
      }
    }
  }
}

private func orthonormalRows(_ size: Int, using generator: inout some RandomNumberGenerator) -> [[Double]] {
  var rows: [[Double]] = []
  for _ in 0..<size {
    var row = (0..<size).map { _ in nearlyNormal(generator.next()) }
    // Twice: what rounding leaves of the rows before, after the first pass, the second removes.
    for _ in 0..<2 {
      for other in rows { add(other, times: -product(row, other), to: &row) }
      let length = product(row, row).squareRoot()
      for c in 0..<size { row[c] /= length }
    }
    rows.append(row)
  }
  return rows
}

/// The sum of a draw's four 16-bit parts, less its mean. The directions of vectors of normal numbers are uniform.
private func nearlyNormal(_ draw: UInt64) -> Double {
  let sum = (0..<4).reduce(0) { $0 + (draw >> (16 * $1)) & 0xffff }
  return Double(sum) - 2 * 0xffff
}

private func product(_ a: [Double], _ b: [Double]) -> Double {
  var sum = 0.0
  for i in a.indices { sum += a[i] * b[i] }
  return sum
}

private func add(_ x: [Double], times factor: Double, to y: inout [Double]) {
  for i in y.indices { y[i] += factor * x[i] }
}
