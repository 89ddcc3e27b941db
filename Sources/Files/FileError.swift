#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Why a file could not be written.
public struct FileError: Error, Equatable, CustomStringConvertible {
  public let path: String
  /// The system's `errno`.
  public let code: Int32

  public init(_ path: String, _ code: Int32) {
    self.path = path
    self.code = code
  }

  /// In the system's words.
  public var reason: String { String(cString: strerror(code)) }

  public var description: String { "cannot write \(path): \(reason)" }
}
