import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where a record's files are: a folder on disk, or memory in tests.
package protocol FileSource {
  /// Where `name` is, for messages.
  func path(of name: String) -> String
  func size(of name: String) throws -> Int
  /// The bytes of `name` in `range`, which lies within its size.
  func bytes(of name: String, in range: Range<Int>) throws -> [UInt8]
}

package struct DiskFolder: FileSource {
  /// Empty, or ending in a slash.
  let prefix: String

  /// The folder and the last component of `path`.
  package static func split(_ path: String) -> (folder: DiskFolder, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else {
      return (DiskFolder(prefix: ""), path)
    }
    return (DiskFolder(prefix: String(path[...slash])), String(path[path.utf8.index(after: slash)...]))
  }

  package func path(of name: String) -> String { prefix + name }

  package func size(of name: String) throws -> Int {
    try withFile(name) { _, size in size }
  }

  package func bytes(of name: String, in range: Range<Int>) throws -> [UInt8] {
    try withFile(name) { descriptor, _ in
      try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
        while filled < range.count {
          let got = pread(
            descriptor, buffer.baseAddress! + filled, range.count - filled, off_t(range.lowerBound + filled))
          if got < 0 && errno == EINTR { continue }
          guard got > 0 else { throw WFDBError(file: path(of: name), .cannotRead(got < 0 ? errno : EIO)) }
          filled += got
        }
      }
    }
  }

  /// Opens without blocking and refuses what is not a regular file: a pipe would hang the reader.
  private func withFile<R>(_ name: String, _ body: (Int32, Int) throws -> R) throws -> R {
    let path = path(of: name)
    guard !path.utf8.contains(0) else { throw WFDBError(file: path, .cannotRead(ENOENT)) }
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw WFDBError(file: path, .cannotRead(errno)) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw WFDBError(file: path, .cannotRead(errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw WFDBError(file: path, .notARegularFile) }
    return try body(descriptor, Int(status.st_size))
  }
}

extension FileSource {
  func has(_ name: String) throws -> Bool {
    do { _ = try size(of: name) } catch let error as WFDBError where error.reason == .cannotRead(ENOENT) {
      return false
    }
    return true
  }

  /// The whole of a file that must not exceed `limit` bytes.
  func bytes(of name: String, limit: Int) throws -> [UInt8] {
    let size = try size(of: name)
    guard size <= limit else { throw WFDBError(file: path(of: name), .tooLong(bytes: size, limit: limit)) }
    return try bytes(of: name, in: 0..<size)
  }
}

/// Writes the whole of a file or nothing, so that a reader never sees half of it.
func writeAtomically(_ bytes: [UInt8], to path: String) throws {
  do {
    try bytes.withUnsafeBytes { try AtomicFile.write([$0], to: path) }
  } catch let error as FileError {
    throw WFDBError(file: path, .cannotWrite(error.code))
  }
}

func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }

/// UTF-8 where it is valid, else ISO 8859-1, which old headers use in comments.
func text(_ bytes: some Collection<UInt8>) -> String {
  String(validating: bytes, as: UTF8.self) ?? latin1(bytes)
}

/// Every byte is one character, so that any bytes survive reading and writing.
func latin1(_ bytes: some Collection<UInt8>) -> String {
  if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
  var scalars = String.UnicodeScalarView()
  for byte in bytes { scalars.append(Unicode.Scalar(byte)) }
  return String(scalars)
}
