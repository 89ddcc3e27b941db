/// A confusion matrix as a picture: rows annotated, columns judged; a cell's count, and the darker the more of its row it has.
public struct ConfusionPicture: Sendable {
  public let width: Int
  public let height: Int
  /// Indices into the palette, row by row from the top.
  package private(set) var pixels: [UInt8]

  private static let (white, full, black): (UInt8, UInt8, UInt8) = (0, 254, 255)
  /// From white to the blue of the report's charts, and black.
  private static let palette: [UInt32] =
    (0...254).map { (shade: UInt32) in
      func channel(_ darkest: UInt32) -> UInt32 { 255 - (255 - darkest) * shade / 254 }
      return channel(0x00) << 16 | channel(0x72) << 8 | channel(0xB2)
    } + [0x000000]

  /// Picture points a point of a digit, between digits, and around a cell's number.
  private static let (scale, gap, margin) = (3, 3, 18)
  private static let (digitWidth, digitHeight) = (5, 7)
  /// Rows of five points, the leftmost the highest bit.
  private static let digits: [[UInt8]] = [
    [0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E], [0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E],
    [0x0E, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1F], [0x1F, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0E],
    [0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02], [0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E],
    [0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E], [0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08],
    [0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E], [0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C],
  ]

  /// `counts`: as many rows as columns, none negative.
  public init(_ counts: [[Int]]) {
    precondition(
      !counts.isEmpty && counts.allSatisfy { $0.count == counts.count && $0.allSatisfy { $0 >= 0 } },
      "not \(counts.count) rows of \(counts.count) counts")
    let longest = counts.joined().map { "\($0)".count }.max()!
    let cell = (
      width: max(Self.numberWidth(longest), Self.numberWidth(4)) + 2 * Self.margin,
      height: Self.digitHeight * Self.scale + 2 * Self.margin
    )
    width = counts.count * (cell.width + 1) + 1
    height = counts.count * (cell.height + 1) + 1
    pixels = [UInt8](repeating: Self.black, count: width * height)
    for (row, counts) in counts.enumerated() {
      let sum = max(counts.reduce(0) { $0 + Double($1) }, 1)
      for (column, count) in counts.enumerated() {
        let share = Double(count) / sum
        let (x, y) = (1 + column * (cell.width + 1), 1 + row * (cell.height + 1))
        fill(x, y, cell.width, cell.height, UInt8(share * Double(Self.full)))
        write(
          count, x + (cell.width - Self.numberWidth("\(count)".count)) / 2, y + Self.margin,
          share > 0.5 ? Self.white : Self.black)
      }
    }
  }

  /// The whole of a PNG file.
  public var png: [UInt8] { PNG.encode(pixels, width: width, palette: Self.palette) }

  private static func numberWidth(_ digits: Int) -> Int { digits * (digitWidth * scale + gap) - gap }

  private mutating func fill(_ x: Int, _ y: Int, _ width: Int, _ height: Int, _ colour: UInt8) {
    for row in y..<y + height {
      for column in x..<x + width { pixels[row * self.width + column] = colour }
    }
  }

  private mutating func write(_ number: Int, _ x: Int, _ y: Int, _ colour: UInt8) {
    for (place, digit) in "\(number)".compactMap(\.wholeNumberValue).enumerated() {
      let left = x + place * (Self.digitWidth * Self.scale + Self.gap)
      for (row, bits) in Self.digits[digit].enumerated() {
        for column in 0..<Self.digitWidth where bits >> (Self.digitWidth - 1 - column) & 1 == 1 {
          fill(left + column * Self.scale, y + row * Self.scale, Self.scale, Self.scale, colour)
        }
      }
    }
  }
}
