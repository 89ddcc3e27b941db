import CKernels

/// Sums of floats in 64-bit fixed point: exact, so the same in any order and on any number of ranks.
public enum FixedPoint {
  /// acc[i] += round(x[i] * scale), to nearest even. Where x[i] is not finite or |x[i] * scale| >= limit, nothing is
  /// added. Returns how many such elements there are.
  /// - Parameters:
  ///   - scale: a power of two: units in 1.
  ///   - limit: so small that the sum of all terms stays below 2^63; at most 2^62.
  public static func add(
    _ x: UnsafePointer<Float>, to acc: UnsafeMutablePointer<Int64>, count: Int, scale: Double, limit: Double
  ) -> Int {
    precondition(limit <= 0x1p62, "a fixed-point limit above 2^62")
    return hw_fixed_add(x, acc, count, scale, limit)
  }

  /// y[i] = q[i] / scale.
  public static func toFloat(
    _ q: UnsafePointer<Int64>, into y: UnsafeMutablePointer<Float>, count: Int, scale: Double
  ) {
    hw_fixed_to_float(q, y, count, 1 / scale)
  }
}
