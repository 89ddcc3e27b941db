#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes files whole or not at all: aside, synced, then renamed, so that what was there before stays until the new file is complete.
public enum AtomicFile {
  /// Writes the chunks one after the other as the whole of a file, without joining them in memory. Blocks until the disk has it. Safe from
  /// any thread, as long as no two write one path at a time.
  ///
  /// The bytes are written to `path.part-PID` and renamed; a failure removes that file and leaves what was at `path`. Only if syncing the
  /// folder fails at the end is the new file there already.
  ///
  /// - Parameter path: a new file, or a regular one to be replaced. A link is replaced, not followed.
  /// - Throws: `FileError`.
  public static func write(
    _ chunks: some Sequence<UnsafeRawBufferPointer>, to path: String
  ) throws(FileError) {
    guard !path.utf8.contains(0) else { throw FileError(path, EINVAL) }
    try requireReplaceable(path)
    let aside = "\(path).part-\(getpid())"
    // A process of this number may have died here and left its own.
    unlink(aside)
    do {
      try writeSynced(chunks, to: aside)
      try check(rename(aside, path))
    } catch {
      unlink(aside)
      throw FileError(path, error.code)
    }
    do { try syncFolder(of: path) } catch { throw FileError(path, error.code) }
  }

  /// Nothing is renamed over a folder, a device or a pipe; the system itself would let a device be replaced.
  private static func requireReplaceable(_ path: String) throws(FileError) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
    throw FileError(path, status.st_mode & S_IFMT == S_IFDIR ? EISDIR : ENOTSUP)
  }

  private static func writeSynced(
    _ chunks: some Sequence<UnsafeRawBufferPointer>, to path: String
  ) throws(SystemError) {
    let file = try check(
      retrying { open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) })
    do {
      for chunk in chunks {
        var rest = chunk[...]
        while !rest.isEmpty {
          let buffer = UnsafeRawBufferPointer(rebasing: rest)
          rest = rest.dropFirst(try check(retrying { posixWrite(file, buffer.baseAddress!, buffer.count) }))
        }
      }
      try check(retrying { fsync(file) })
    } catch {
      close(file)
      throw error
    }
    // An interrupted close has closed all the same, and everything is synced.
    guard close(file) == 0 || errno == EINTR else { throw SystemError(code: errno) }
  }

  /// Makes the new name last. A folder that may be written but not read cannot be synced, nor one on a file system without that call.
  static func syncFolder(of path: String) throws(SystemError) {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let folder = slash.map { String(path[...$0]) } ?? "."
    let file = retrying { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    if file < 0 && errno == EACCES { return }
    try check(file)
    defer { close(file) }
    if retrying({ fsync(file) }) != 0 && errno != EINVAL { throw SystemError(code: errno) }
  }

  struct SystemError: Error {
    let code: Int32
  }

  /// The result of a system call, unless it is negative.
  @discardableResult private static func check<Result: FixedWidthInteger>(_ result: Result)
    throws(SystemError)
    -> Result
  {
    guard result >= 0 else { throw SystemError(code: errno) }
    return result
  }

  /// Makes a system call again as long as signals interrupt it.
  private static func retrying<Result: FixedWidthInteger>(_ call: () -> Result) -> Result {
    while true {
      let result = call()
      guard result < 0, errno == EINTR else { return result }
    }
  }
}

/// `write(2)`, which `AtomicFile.write` hides within it.
private func posixWrite(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(file, bytes, count)
}
