/// A 64-bit hash that says which data a run saw: FNV-1a over little-endian bytes.
///
/// It tells records, versions and settings apart by accident, not by design: it is no cryptographic hash, and whoever
/// wants to can make two data sets with one fingerprint.
public struct Fingerprint: Sendable {
  /// The hash of what was added so far.
  public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  public init() {}

  private mutating func add(byte: UInt8) {
    value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
  }

  /// Bytes as they are.
  public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    for byte in bytes { add(byte: byte) }
  }

  public mutating func add(_ number: Int) {
    let bits = UInt64(bitPattern: Int64(number))
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      add(byte: UInt8(truncatingIfNeeded: bits >> shift))
    }
  }

  public mutating func add(_ number: Double) {
    add(Int(Int64(bitPattern: number.bitPattern)))
  }

  /// A text, its length in front.
  public mutating func add(_ text: String) {
    add(text.utf8.count)
    for byte in text.utf8 { add(byte: byte) }
  }

  /// Samples of four bytes each, their number in front.
  public mutating func add(_ samples: [Int32]) {
    add(samples.count)
    for sample in samples {
      let bits = UInt32(bitPattern: sample)
      add(byte: UInt8(truncatingIfNeeded: bits))
      add(byte: UInt8(truncatingIfNeeded: bits >> 8))
      add(byte: UInt8(truncatingIfNeeded: bits >> 16))
      add(byte: UInt8(truncatingIfNeeded: bits >> 24))
    }
  }
}
