/// The framing of an event file, which is that of a TFRecord file: length, its check, the bytes, their check, all little-endian.
package enum Record {
  package static func append(_ payload: [UInt8], to file: inout [UInt8]) {
    let length = bytes(of: UInt64(payload.count))
    file += length + bytes(of: maskedCheck(length)) + payload + bytes(of: maskedCheck(payload))
  }

  /// CRC-32C, turned by 15 bits and moved by a constant, so that the check of bytes that hold checks stays a good one.
  package static func maskedCheck(_ bytes: [UInt8]) -> UInt32 {
    let check = CRC32.castagnoli(bytes)
    return (check >> 15 | check << 17) &+ 0xA282_EAD8
  }

  private static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
  }
}
