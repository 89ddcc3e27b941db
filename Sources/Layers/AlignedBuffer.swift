/// Owns zeroed memory, aligned to 64 bytes (a cache line and the widest vector); freed at deinit.
public final class AlignedBuffer<Element: BitwiseCopyable> {
  public let data: UnsafeMutablePointer<Element>
  public let count: Int

  public init(count: Int) {
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    self.data = raw.bindMemory(to: Element.self, capacity: max(count, 1))
    self.count = count
  }

  deinit { data.deallocate() }

  /// All elements.
  public var buffer: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: data, count: count)
  }
}

/// Memory for matrices.
public typealias Storage = AlignedBuffer<Float>

extension AlignedBuffer where Element == Float {
  /// The first `rows * columns` floats as a matrix; it lives no longer than this buffer.
  public func matrix(rows: Int, columns: Int) -> Matrix {
    precondition(rows * columns <= count, "\(rows) x \(columns) floats do not fit in \(count)")
    return Matrix(data, rows: rows, columns: columns)
  }
}
