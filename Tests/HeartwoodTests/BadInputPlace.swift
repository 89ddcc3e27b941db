import Foundation
import WFDB
import XCTest

/// The folder that a row of the table runs in: copies of a database `db` of three simulated patients and of a run `run` on two of them,
/// which the row then damages. Paths are in it.
final class BadInputPlace {
  let folder: String
  private var locks: [Int32] = []

  init(_ folder: String, copying source: String) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in ["db", "run"] {
      try FileManager.default.copyItem(atPath: "\(source)/\(name)", toPath: path(name))
    }
  }

  deinit { for lock in locks { close(lock) } }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path(name))) }

  func write(_ name: String, _ data: Data) throws { try data.write(to: URL(fileURLWithPath: path(name))) }

  func write(_ name: String, _ text: String) throws { try write(name, Data(text.utf8)) }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }

  /// Replaces words of a text file.
  func edit(_ name: String, _ words: String, _ others: String) throws {
    let text = try String(contentsOfFile: path(name), encoding: .utf8)
    XCTAssertTrue(text.contains(words), "\(name) does not hold \(words)")
    try write(name, text.replacingOccurrences(of: words, with: others))
  }

  /// Keeps the first bytes of files.
  func cut(_ bytes: Int, _ names: String...) throws {
    for name in names { try write(name, try read(name).prefix(bytes)) }
  }

  /// Writes over the first bytes, or over the last ones.
  func overwrite(_ name: String, first: [UInt8] = [], last: [UInt8] = []) throws {
    let data = try read(name)
    try write(name, Data(first) + data.dropFirst(first.count).dropLast(last.count) + Data(last))
  }

  func copy(_ name: String, over other: String) throws { try write(other, try read(name)) }

  /// A folder in place of a file.
  func makeFolder(_ name: String) throws {
    try? remove(name)
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
  }

  /// A link in place of a file.
  func link(_ name: String, to target: String) throws {
    try? remove(name)
    XCTAssertEqual(symlink(target, path(name)), 0)
  }

  /// A pipe in place of a file: who opens it waits for a writer.
  func makePipe(_ name: String) throws {
    try remove(name)
    XCTAssertEqual(mkfifo(path(name), 0o644), 0)
  }

  /// So many annotations of one code, a second apart.
  func annotate(_ record: String, _ code: AnnotationCode, count: Int) throws {
    let annotations = (1...count).map { Annotation(sample: 360 * $0, code: code) }
    try AnnotationFile(annotations).write(to: path("db/\(record).atr"))
  }

  /// As another process would hold it.
  func lock(_ name: String) {
    locks.append(open(path(name), O_RDWR | O_CREAT | O_CLOEXEC, 0o644))
    XCTAssertEqual(flock(locks.last!, LOCK_EX | LOCK_NB), 0)
  }

  /// Every regular file.
  func files() -> [String: Data] {
    let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return names.reduce(into: [:]) { files, name in
      var status = stat()
      guard lstat(path(name), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
      files[name] = try? read(name)
    }
  }
}
