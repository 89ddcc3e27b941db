/// A 32-bit cyclic redundancy check, bits reflected, by a table of bytes.
package struct CRC32: Sendable {
  /// CRC-32C, Castagnoli's polynomial: event files.
  package static let castagnoli = CRC32(polynomial: 0x82F6_3B78)
  /// That of ISO 3309: PNG.
  package static let iso = CRC32(polynomial: 0xEDB8_8320)

  private let table: [UInt32]

  private init(polynomial: UInt32) {
    table = (0..<256).map { byte in
      (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ polynomial : rest >> 1 }
    }
  }

  package func callAsFunction(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }
}
