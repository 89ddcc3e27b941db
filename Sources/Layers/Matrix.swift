import CKernels

/// A row-major view of rows x columns floats. It does not own its memory: whoever made it keeps that alive.
public struct Matrix {
  public let data: UnsafeMutablePointer<Float>
  public let rows: Int
  public let columns: Int

  public init(data: UnsafeMutablePointer<Float>, rows: Int, columns: Int) {
    self.data = data
    self.rows = rows
    self.columns = columns
  }

  public var count: Int { rows * columns }

  public subscript(row: Int, column: Int) -> Float {
    get { data[row * columns + column] }
    nonmutating set { data[row * columns + column] = newValue }
  }

  public var buffer: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: data, count: count) }

  /// The first `rows` rows.
  public func prefix(_ rows: Int) -> Matrix {
    precondition(rows <= self.rows, "\(rows) of \(self.rows) rows")
    return Matrix(data: data, rows: rows, columns: columns)
  }

  /// Whether every number is.
  public var isFinite: Bool { hw_sum_squares(data, count).isFinite }

  public func fill(_ value: Float) { data.update(repeating: value, count: count) }

  /// Adds another matrix of the same shape, element by element.
  public func add(_ other: Matrix) {
    precondition(rows == other.rows && columns == other.columns, "\(rows) x \(columns) + \(other.rows) x \(other.columns)")
    hw_axpy(1, other.data, data, count)
  }
}

enum Transposition: Int32 { case asIs, transposed }

/// `C = op(A) op(B)`, one thread; `C` is overwritten.
func product(_ a: Matrix, _ ta: Transposition, _ b: Matrix, _ tb: Transposition, into c: Matrix) {
  let (m, k) = ta == .transposed ? (a.columns, a.rows) : (a.rows, a.columns)
  let (inner, n) = tb == .transposed ? (b.columns, b.rows) : (b.rows, b.columns)
  precondition(k == inner && c.rows == m && c.columns == n, "(\(m) x \(k)) (\(inner) x \(n)) -> \(c.rows) x \(c.columns)")
  let status = hw_sgemm(
    ta.rawValue, tb.rawValue, Int64(m), Int64(n), Int64(k), 1, a.data, Int64(a.columns), b.data, Int64(b.columns), 0,
    c.data, Int64(c.columns))
  precondition(status == 0, "oneDNN refused a product: status \(status)")
}
