/// A picture of indexed colours as a PNG file (RFC 2083). Its bytes are stored, not deflated: for small pictures.
package enum PNG {
  /// - Parameters:
  ///   - pixels: row by row from the top, indices into the palette; as many as rows of `width` have.
  ///   - palette: at most 256 colours, red in bits 16 to 23, green in 8 to 15, blue in 0 to 7.
  package static func encode(_ pixels: [UInt8], width: Int, palette: [UInt32]) -> [UInt8] {
    let height = pixels.count / width
    let rows = (0..<height).flatMap { [0] + pixels[$0 * width..<($0 + 1) * width] }  // 0: no filter
    let header = bytes(of: UInt32(width)) + bytes(of: UInt32(height)) + [8, 3, 0, 0, 0]  // 8 bits, indexed
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
      + chunk("PLTE", palette.flatMap { bytes(of: $0).dropFirst() }) + chunk("IDAT", stored(rows))
      + chunk("IEND", [])
  }

  private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    return bytes(of: UInt32(data.count)) + body + bytes(of: CRC32.iso(body))
  }

  /// A zlib stream (RFC 1950) of stored blocks (RFC 1951), each of at most 65,535 bytes.
  private static func stored(_ data: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 0x01]
    for start in stride(from: 0, to: data.count, by: 65_535) {
      let block = data[start..<min(start + 65_535, data.count)]
      let length = UInt16(block.count)
      stream.append(start + block.count == data.count ? 1 : 0)
      stream += bytes(of: length.byteSwapped) + bytes(of: (~length).byteSwapped) + block
    }
    return stream + bytes(of: adler32(data))
  }

  private static func adler32(_ data: [UInt8]) -> UInt32 {
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in data {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return b << 16 | a
  }

  /// Big-endian.
  private static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian, Array.init)
  }
}
