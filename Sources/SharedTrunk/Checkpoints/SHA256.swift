import CKernels
import Foundation

/// SHA-256 (FIPS 180-4), of up to sixteen messages of one length at once.
package enum SHA256 {
  /// Messages of a call.
  static let lanes = 16
  /// Section 5.3.3.
  private static let initial: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]

  /// In hexadecimal, each message's.
  package static func hex(_ messages: [UnsafeRawBufferPointer]) -> [String] {
    let length = messages[0].count
    precondition(messages.count <= lanes && messages.allSatisfy { $0.count == length })
    var states = initial.flatMap { [UInt32](repeating: $0, count: lanes) }
    func add(_ bytes: [UnsafeRawBufferPointer], blocks: Int) {
      guard blocks > 0 else { return }
      // Lanes without a message of their own have the first's.
      let places = (0..<lanes).map { lane in
        (lane < bytes.count ? bytes[lane] : bytes[0]).baseAddress?.assumingMemoryBound(to: UInt8.self)
      }
      hw_sha256_blocks(&states, places, bytes.count, blocks)
    }
    add(messages, blocks: length / 64)

    // Section 5.1.1: a 1 bit, zeros up to a whole block, the length in bits.
    let rest = length % 64
    let padded = rest < 56 ? 64 : 128
    var ends = [UInt8](repeating: 0, count: messages.count * padded)
    for (lane, message) in messages.enumerated() {
      let end = lane * padded
      ends.replaceSubrange(end..<end + rest, with: message[(length - rest)...])
      ends[end + rest] = 0x80
      let bits = withUnsafeBytes(of: UInt64(8 * length).bigEndian) { Array($0) }
      ends.replaceSubrange(end + padded - 8..<end + padded, with: bits)
    }
    ends.withUnsafeBytes { ends in
      add(
        messages.indices.map { UnsafeRawBufferPointer(rebasing: ends[$0 * padded..<($0 + 1) * padded]) },
        blocks: padded / 64)
    }
    let digits = Array("0123456789abcdef".utf8)
    return messages.indices.map { lane in
      String(
        decoding: (0..<64).map { digits[Int(states[$0 / 8 * lanes + lane] >> (28 - 4 * ($0 % 8)) & 15)] },
        as: UTF8.self)
    }
  }

  package static func hex(_ data: Data) -> String { data.withUnsafeBytes { hex([$0])[0] } }
}
