import Foundation

/// The sum of a long file: SHA-256 of the list of SHA-256 sums of its pieces. It is what a shell makes of a file by
///
///     split -b 16384 --filter=sha256sum FILE | sha256sum
package struct PiecewiseSum {
  static let piece = 16384
  /// Bytes for `add` at a time: as many pieces as are summed together.
  static let portion = SHA256.lanes * piece

  private var list = Data()

  /// The file's next portion; less only at its end.
  mutating func add(_ portion: UnsafeRawBufferPointer) {
    let whole = portion.count / Self.piece * Self.piece
    let pieces = stride(from: 0, to: whole, by: Self.piece).map { portion[$0..<$0 + Self.piece] }
    for group in [pieces, whole < portion.count ? [portion[whole...]] : []] where !group.isEmpty {
      for sum in SHA256.hex(group.map { UnsafeRawBufferPointer(rebasing: $0) }) {
        list.append(contentsOf: "\(sum)  -\n".utf8)
      }
    }
  }

  /// Of all that was added, in hexadecimal.
  func hex() -> String { SHA256.hex(list) }

  package static func hex(_ data: Data) -> String {
    var sum = PiecewiseSum()
    data.withUnsafeBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: portion) {
        sum.add(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + portion, bytes.count)]))
      }
    }
    return sum.hex()
  }
}
