import CKernels

/// Which vector instructions the kernels use.
public enum CPULevel: Int32, Comparable, Sendable, CaseIterable, CustomStringConvertible {
  case plain, avx2, avx512

  /// The highest this process may use: what the CPU has, or less by HEARTWOOD_CPU_LEVEL = plain, avx2, avx512.
  public static var supported: CPULevel { CPULevel(rawValue: hw_cpu_level_supported()) ?? .plain }

  /// The one in use.
  public static var current: CPULevel { CPULevel(rawValue: hw_cpu_level()) ?? .plain }

  /// Uses `level`, or the highest supported if that is lower.
  public static func use(_ level: CPULevel) { hw_set_cpu_level(level.rawValue) }

  /// How the level rounds: AVX2 and AVX-512 give the same bits, by fused multiply-adds; the plain level gives others. All ranks of a run must round
  /// alike.
  public var rounding: String { self == .plain ? "plain arithmetic" : "fused multiply-adds" }

  public static func < (a: CPULevel, b: CPULevel) -> Bool { a.rawValue < b.rawValue }

  public var description: String {
    switch self {
    case .plain: "plain"
    case .avx2: "avx2"
    case .avx512: "avx512"
    }
  }
}

extension CPULevel {
  /// Multiplies and adds floats in registers at the level in use, as fast as a core can; returns how many operations that were.
  /// Allocates nothing.
  public static func multiplyAndAdd(rounds: Int) -> Double {
    var result: Float = 0
    let multiplyAdds = hw_multiply_adds(rounds, 0.999, 0.001, &result)
    precondition(result.isFinite, "a register lost its number")
    return 2 * Double(multiplyAdds)
  }
}
