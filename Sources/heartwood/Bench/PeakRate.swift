import Layers
import MPI

/// What one core of this machine can do at best.
enum PeakRate {
  /// The best of some products of 512 x 512 matrices on this core.
  static func gflops() -> Double {
    let n = 512
    let storage = (0..<3).map { _ in Storage(count: n * n) }
    let (a, b, c) = (
      storage[0].matrix(rows: n, columns: n), storage[1].matrix(rows: n, columns: n),
      storage[2].matrix(rows: n, columns: n)
    )
    a.fill(0.5)
    b.fill(0.5)
    var best = Double.infinity
    for _ in 0..<12 {
      let start = Environment.wallTime()
      multiply(a, b, into: c)
      best = min(best, Environment.wallTime() - start)
    }
    return withExtendedLifetime(storage) { 2 * Double(n * n * n) / best / 1e9 }
  }
}
