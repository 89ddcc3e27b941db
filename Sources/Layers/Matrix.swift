/// A row-major, contiguous view of `rows` x `columns` floats. Does not own its memory.
@frozen
public struct Matrix {
  public let data: UnsafeMutablePointer<Float>
  public let rows: Int
  public let columns: Int

  @inlinable
  public init(_ data: UnsafeMutablePointer<Float>, rows: Int, columns: Int) {
    self.data = data
    self.rows = rows
    self.columns = columns
  }

  /// Number of elements.
  @inlinable public var count: Int { rows * columns }

  /// All elements, row after row.
  @inlinable public var buffer: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: data, count: count)
  }

  @inlinable
  public subscript(row: Int, column: Int) -> Float {
    get { data[row * columns + column] }
    nonmutating set { data[row * columns + column] = newValue }
  }

  /// The rows in `range`, of the same memory.
  @inlinable
  public func slice(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows outside the matrix")
    return Matrix(data + range.lowerBound * columns, rows: range.count, columns: columns)
  }

  /// The first `rows` rows, of the same memory.
  @inlinable public func prefix(_ rows: Int) -> Matrix { slice(0..<rows) }

  /// Takes over the elements of `other`, of the same shape.
  public func copy(_ other: Matrix) {
    precondition(other.rows == rows && other.columns == columns, "matrices of different shapes")
    data.update(from: other.data, count: count)
  }

  /// Sets every element.
  public func fill(_ value: Float) { buffer.update(repeating: value) }
}
