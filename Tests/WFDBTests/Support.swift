import Foundation
import WFDB
import XCTest

/// The folder of this target's fixtures.
let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
  .path

func fixture<T: Decodable>(_ name: String, as type: T.Type) throws -> T {
  try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: "\(fixtures)/\(name)")))
}

/// The folder of the real records, or the test is skipped.
func realRecords() throws -> String {
  guard let folder = ProcessInfo.processInfo.environment["HEARTWOOD_DATA"] else {
    throw XCTSkip("HEARTWOOD_DATA is not set: it names a folder of MIT-BIH records")
  }
  return folder
}

/// Runs `body` with an empty folder, removed afterwards.
func withTemporaryFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wfdb-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder.path)
}

/// Files in memory.
struct MemoryFolder: FileSource {
  var files: [String: [UInt8]] = [:]

  func path(of name: String) -> String { name }

  func size(of name: String) throws -> Int {
    guard let bytes = files[name] else { throw WFDBError(file: name, .cannotRead(ENOENT)) }
    return bytes.count
  }

  func bytes(of name: String, in range: Range<Int>) throws -> [UInt8] {
    guard let bytes = files[name] else { throw WFDBError(file: name, .cannotRead(ENOENT)) }
    return Array(bytes[range])
  }
}

/// SplitMix64: the same draws on every machine.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Asserts that `body` throws a `WFDBError` whose message contains each of `words`.
func assertRefuses(
  _ words: String..., file: StaticString = #filePath, line: UInt = #line, _ body: () throws -> some Any
) {
  XCTAssertThrowsError(try body(), file: file, line: line) { error in
    guard let error = error as? WFDBError else {
      return XCTFail("threw \(error), which is no WFDBError", file: file, line: line)
    }
    for word in words {
      XCTAssertTrue(error.description.contains(word), "'\(word)' is not in: \(error)", file: file, line: line)
    }
    XCTAssertFalse(error.description.contains("\n"), error.description, file: file, line: line)
  }
}
