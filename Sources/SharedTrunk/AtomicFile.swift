import Foundation

/// Writes files whole or not at all: aside, synced, then renamed, so that what was there before stays until the new file is complete.
public enum AtomicFile {
  /// Throws `ModelError.unwritable` naming the file and the system's reason.
  public static func write(_ data: Data, to path: String) throws {
    try data.withUnsafeBytes { try write([$0], to: path) }
  }

  static func write(_ chunks: [UnsafeRawBufferPointer], to path: String) throws {
    let aside = path + ".part-\(getpid())"
    let file = open(aside, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard file >= 0 else { throw failure(path) }
    do {
      for bytes in chunks {
        var rest = bytes[...]
        while !rest.isEmpty {
          let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress!, $0.count) }
          guard count >= 0 else { throw failure(path) }
          rest = rest.dropFirst(count)
        }
      }
      guard fsync(file) == 0 else { throw failure(path) }
    } catch {
      close(file)
      unlink(aside)
      throw error
    }
    guard close(file) == 0, rename(aside, path) == 0 else {
      let error = failure(path)
      unlink(aside)
      throw error
    }
  }

  private static func failure(_ path: String) -> ModelError {
    .unwritable(path, String(cString: strerror(errno)))
  }
}
