#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Folders to write into.
public enum Folder {
  /// Makes a folder and those above it that are missing, to last as what is written into them does. One that is there stays as it is.
  ///
  /// - Throws: `FileError` of `path`, with what kept the system from it.
  public static func make(_ path: String) throws(FileError) {
    guard !path.isEmpty, !path.utf8.contains(0) else { throw FileError(path, path.isEmpty ? ENOENT : EINVAL) }
    var obstacle: Int32?
    for end in path.indices.filter({ path[$0] == "/" }) + [path.endIndex] where end > path.startIndex {
      // Where one may look but not make, mkdir can say so of a folder that is there: only the last one decides.
      let folder = String(path[..<end])
      if mkdir(folder, 0o777) == 0 {
        do { try AtomicFile.syncFolder(of: folder) } catch { throw FileError(folder, error.code) }
      } else if errno != EEXIST {
        obstacle = obstacle ?? errno
      }
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw FileError(path, obstacle ?? ENOTDIR)
    }
  }
}
