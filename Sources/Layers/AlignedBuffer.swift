/// Owns zeroed memory aligned to a cache line; freed with the object.
public final class AlignedBuffer<Element: BitwiseCopyable & ExpressibleByIntegerLiteral> {
  public let data: UnsafeMutablePointer<Element>
  public let count: Int

  public init(count: Int) {
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    data = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64).bindMemory(
      to: Element.self, capacity: max(count, 1))
    data.initialize(repeating: 0, count: max(count, 1))
    self.count = count
  }

  deinit { data.deallocate() }

  public var buffer: UnsafeMutableBufferPointer<Element> { UnsafeMutableBufferPointer(start: data, count: count) }
}
