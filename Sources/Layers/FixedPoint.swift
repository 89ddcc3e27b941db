import CKernels

/// 64-bit fixed point: sums that are exact in any order. Numbers are stored as `round(x scale)`, scale a power of two.
public enum FixedPoint {
  /// Adds a matrix to stored numbers. Elements that are not finite, or at least `limit` once scaled, add nothing; returns how many.
  public static func add(_ x: Matrix, to sum: UnsafeMutablePointer<Int64>, scale: Double, limit: Double) -> Int {
    hw_fixed_add(x.data, sum, x.count, scale, limit)
  }

  public static func read(_ sum: UnsafePointer<Int64>, into y: Matrix, scale: Double) {
    hw_fixed_to_float(sum, y.data, y.count, 1 / scale)
  }
}
