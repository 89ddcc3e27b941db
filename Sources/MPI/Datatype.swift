import CMPIShim

/// Types that MPI carries (MPI 3.1, section 3.2.2).
public protocol Datatype: BitwiseCopyable {
  /// The shim's number of the type.
  static var code: Int32 { get }
}

extension Float: Datatype { public static var code: Int32 { Int32(CMPI_FLOAT) } }
extension Double: Datatype { public static var code: Int32 { Int32(CMPI_DOUBLE) } }
extension Int32: Datatype { public static var code: Int32 { Int32(CMPI_INT32) } }
extension Int64: Datatype { public static var code: Int32 { Int32(CMPI_INT64) } }
extension UInt8: Datatype { public static var code: Int32 { Int32(CMPI_UINT8) } }

/// How numbers are combined (MPI 3.1, section 5.9.2).
public enum Operation: Sendable {
  case sum, min, max

  var code: Int32 {
    switch self {
    case .sum: Int32(CMPI_SUM)
    case .min: Int32(CMPI_MIN)
    case .max: Int32(CMPI_MAX)
    }
  }
}
