import Foundation
import Layers
import MPI

/// What one core of this machine can do at best.
enum PeakRate {
  /// GFLOP/s of multiply-adds in registers: the fastest of some runs of a fraction of a millisecond each, short enough that a core
  /// shared with other ranks is not lost in the midst of all of them. Allocates nothing.
  static func gflops() -> Double {
    fastest(of: 20) { CPULevel.multiplyAndAdd(rounds: 200_000) } / 1e9
  }

  /// GB/s, read and written, of copying what no cache holds. Takes memory of its own: twice 64 MiB.
  static func copyGigabytes() -> Double {
    let bytes = 64 << 20
    let (from, to) = (AlignedBuffer<UInt8>(count: bytes), AlignedBuffer<UInt8>(count: bytes))
    return withExtendedLifetime((from, to)) {
      fastest(of: 5) {
        memcpy(to.data, from.data, bytes)
        return 2 * Double(bytes)
      } / 1e9
    }
  }

  /// The most units a second that `work` did in `runs` runs.
  private static func fastest(of runs: Int, _ work: () -> Double) -> Double {
    (0..<runs).map { _ in
      let start = Environment.wallTime()
      let units = work()
      return units / (Environment.wallTime() - start)
    }.max()!
  }
}
