import Files
import Foundation

extension AtomicFile {
  /// Throws `ModelError.unwritable` naming the file and the system's reason.
  public static func write(_ data: Data, to path: String) throws {
    do {
      try data.withUnsafeBytes { try write([$0], to: path) }
    } catch let error as FileError {
      throw ModelError.unwritable(error.path, error.reason)
    }
  }
}
