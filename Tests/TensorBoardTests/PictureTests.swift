import TensorBoard
import XCTest

final class PictureTests: XCTestCase {
  /// A PNG file's chunks. Fails the test where a check is wrong.
  private func chunks(_ png: [UInt8], line: UInt = #line) -> [(type: String, data: [UInt8])] {
    XCTAssertEqual(Array(png.prefix(8)), [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], line: line)
    var (chunks, rest) = ([(type: String, data: [UInt8])](), png.dropFirst(8))
    while rest.count >= 12 {
      let count = number(rest.prefix(4))
      let body = rest.dropFirst(4).prefix(4 + count)
      rest = rest.dropFirst(8 + count)
      XCTAssertEqual(number(rest.prefix(4)), Int(CRC32.iso(body)), line: line)
      rest = rest.dropFirst(4)
      chunks.append((String(decoding: body.prefix(4), as: UTF8.self), Array(body.dropFirst(4))))
    }
    XCTAssertEqual(rest.count, 0, line: line)
    return chunks
  }

  /// Big-endian.
  private func number(_ bytes: some Sequence<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

  /// Two stored blocks, the last of one byte.
  func testPNG() {
    let (width, height) = (255, 256)
    let pixels = (0..<width * height).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let chunks = chunks(PNG.encode(pixels, width: width, palette: [0x010203, 0xFFFEFD]))
    XCTAssertEqual(chunks.map(\.type), ["IHDR", "PLTE", "IDAT", "IEND"])
    XCTAssertEqual(chunks[0].data, [0, 0, 0, 255, 0, 0, 1, 0, 8, 3, 0, 0, 0])
    XCTAssertEqual(chunks[1].data, [1, 2, 3, 0xFF, 0xFE, 0xFD])
    let stream = chunks[2].data
    XCTAssertEqual(number(stream.prefix(2)) % 31, 0)
    XCTAssertEqual(Array(stream[2..<7]), [0, 0xFF, 0xFF, 0, 0])
    XCTAssertEqual(Array(stream[7 + 65_535..<12 + 65_535]), [1, 1, 0, 0xFE, 0xFF])
    let rows = Array(stream[7..<7 + 65_535] + stream[12 + 65_535..<13 + 65_535])
    XCTAssertEqual(rows.count, (width + 1) * height)
    XCTAssertEqual((0..<height).flatMap { rows[$0 * (width + 1) + 1..<($0 + 1) * (width + 1)] }, pixels)
    let (a, b) = rows.reduce((1, 0)) { ($0.0 + Int($1), $0.1 + $0.0 + Int($1)) }
    XCTAssertEqual(number(stream.suffix(4)), (b % 65_521) << 16 | a % 65_521)
  }

  func testConfusion() {
    let picture = ConfusionPicture([[30, 10], [0, 1_234_567]])
    XCTAssertEqual(picture.pixels.count, picture.width * picture.height)
    // Near each cell's corner: shares of 3/4, 1/4, 0 and 1.
    let (right, below) = (picture.width / 2 + 4, picture.height / 2 + 4)
    XCTAssertEqual(
      [(4, 4), (right, 4), (4, below), (right, below)].map { picture.pixels[$0.1 * picture.width + $0.0] },
      [190, 63, 0, 254])
    // Points of 3, 0 and 1, each nine of the picture.
    XCTAssertEqual(count(0, in: picture, 1..<picture.width / 2, 1..<picture.height / 2), 9 * (14 + 19))
    XCTAssertEqual(
      count(255, in: picture, right..<picture.width - 1, 1..<picture.height / 2), 9 * (10 + 19))
    XCTAssertNotEqual(ConfusionPicture([[30, 10], [0, 1_234_561]]).pixels, picture.pixels)
    XCTAssertEqual(ConfusionPicture([[0, 0], [0, 0]]).pixels.filter { $0 == 254 }, [])
  }

  private func count(
    _ colour: UInt8, in picture: ConfusionPicture, _ columns: Range<Int>, _ rows: Range<Int>
  ) -> Int {
    rows.reduce(0) { sum, row in
      sum + columns.count { picture.pixels[row * picture.width + $0] == colour }
    }
  }
}
