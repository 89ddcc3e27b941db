import Layers
import MPI

/// What the ranks tell one another with every step, at the tail of its last sum: no message of its own.
///
/// After the sum all ranks have the same totals, and so decide alike, at the same step.
final class StepStatus {
  /// This rank has something that all must agree on: a signal, a failure, a clock that has run down.
  var asks = false
  /// This rank's part of the checkpoint under way is on its disk.
  var isWritten = false
  /// The step that is taken, from 1.
  var step = 1
  /// A group of this rank whose gradients blew up in a step: it was not updated.
  var fault: (group: String, step: Int)?
  /// The weights that all ranks hold alike have been seen to differ.
  var hasDrifted = false
  var hasTrouble: Bool { fault != nil || hasDrifted }
  /// Of the weights that all ranks hold alike, at the steps that look at them; 24 bits, so that sums of floats are exact too.
  var checksum: UInt32 = 0

  /// How many ranks ask, how many have written, and all checksums, after the sum.
  private(set) var asking = 0
  private(set) var written = 0
  private var checksums = 0

  /// Numbers at the tail of a sum of 64-bit words, and of one of floats.
  static let words = 2
  static let floats = 4

  func put(_ tail: UnsafeMutablePointer<Int64>) {
    tail[0] = (asks ? 1 : 0) << 32 | (isWritten ? 1 : 0)
    tail[1] = Int64(checksum)
  }

  func take(_ tail: UnsafeMutablePointer<Int64>) {
    asking = Int(tail[0] >> 32)
    written = Int(tail[0] & 0xFFFF_FFFF)
    checksums = Int(tail[1])
  }

  /// The checksum in halves of 12 bits: their sums are exact for up to 4,096 ranks.
  func put(_ tail: UnsafeMutablePointer<Float>) {
    tail[0] = asks ? 1 : 0
    tail[1] = isWritten ? 1 : 0
    tail[2] = Float(checksum >> 12)
    tail[3] = Float(checksum & 0xFFF)
  }

  func take(_ tail: UnsafeMutablePointer<Float>) {
    asking = Int(tail[0])
    written = Int(tail[1])
    checksums = Int(tail[2]) << 12 + Int(tail[3])
  }

  /// Whether this rank's checksum is that of all. Where it is not, each rank finds out by its own: at least one differs from their mean.
  func isAlike(ranks: Int) -> Bool { checksums == Int(checksum) * ranks }

  /// 24 bits of groups' values: a change of any bit of one value changes it but for one case in 2^24.
  static func checksum(_ groups: [ParameterGroup]) -> UInt32 {
    var sum: UInt32 = 0
    var factor: UInt32 = 1
    for group in groups {
      for value in UnsafeBufferPointer(start: group.values, count: group.count) {
        sum &+= (value.bitPattern &* 0x9E37_79B1) &* factor
        factor &+= 2
      }
    }
    return sum >> 8
  }
}
