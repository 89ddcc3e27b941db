import CMPIShim

/// An element that MPI can move and reduce (MPI 3.1, section 3.2.2, Message Data).
///
/// Conforming types are fixed: `Float`, `Double`, `Int32`, `Int64`, `UInt8`.
public protocol Datatype: BitwiseCopyable, Sendable {
  /// Which MPI datatype it is, for this module's calls only.
  static var _datatype: Int32 { get }
  /// What buffers are filled with before MPI writes them.
  static var _zero: Self { get }
}

/// `MPI_FLOAT`.
extension Float: Datatype {
  public static var _datatype: Int32 { Int32(CMPI_FLOAT) }
  public static var _zero: Float { 0 }
}

/// `MPI_DOUBLE`.
extension Double: Datatype {
  public static var _datatype: Int32 { Int32(CMPI_DOUBLE) }
  public static var _zero: Double { 0 }
}

/// `MPI_INT32_T`.
extension Int32: Datatype {
  public static var _datatype: Int32 { Int32(CMPI_INT32) }
  public static var _zero: Int32 { 0 }
}

/// `MPI_INT64_T`.
extension Int64: Datatype {
  public static var _datatype: Int32 { Int32(CMPI_INT64) }
  public static var _zero: Int64 { 0 }
}

/// `MPI_UINT8_T`.
extension UInt8: Datatype {
  public static var _datatype: Int32 { Int32(CMPI_UINT8) }
  public static var _zero: UInt8 { 0 }
}

/// A reduction operation (MPI 3.1, section 5.9.2, Predefined Reduction Operations).
public enum Operation: Sendable {
  /// `MPI_SUM`.
  case sum
  /// `MPI_MIN`.
  case min
  /// `MPI_MAX`.
  case max

  var code: Int32 {
    switch self {
    case .sum: Int32(CMPI_SUM)
    case .min: Int32(CMPI_MIN)
    case .max: Int32(CMPI_MAX)
    }
  }
}
