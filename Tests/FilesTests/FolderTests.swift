import Files
import Foundation
import XCTest

final class FolderTests: XCTestCase {
  private let root = NSTemporaryDirectory() + "folder-\(UUID().uuidString)"

  override func setUpWithError() throws { try Folder.make(root) }
  override func tearDown() { try? FileManager.default.removeItem(atPath: root) }

  private func expect(_ code: Int32, _ path: String, line: UInt = #line) {
    XCTAssertThrowsError(try Folder.make(path), line: line) {
      XCTAssertEqual($0 as? FileError, FileError(path, code), line: line)
    }
  }

  func testMakesWhatIsMissingAndLeavesWhatIsThere() throws {
    try Folder.make("\(root)/a//b/c/")
    try Data("kept".utf8).write(to: URL(fileURLWithPath: "\(root)/a/b/file"))
    try Folder.make("\(root)/a/b")
    XCTAssertEqual(
      try FileManager.default.contentsOfDirectory(atPath: "\(root)/a/b").sorted(), ["c", "file"])
    symlink("a", "\(root)/link")
    try Folder.make("\(root)/link/b/d")
    XCTAssertTrue(FileManager.default.fileExists(atPath: "\(root)/a/b/d"))
  }

  func testSaysWhatIsInTheWay() throws {
    try Data().write(to: URL(fileURLWithPath: "\(root)/file"))
    symlink("gone", "\(root)/dangling")
    expect(ENOTDIR, "\(root)/file")
    expect(ENOTDIR, "\(root)/file/below")
    expect(ENOTDIR, "\(root)/dangling")
    expect(ENOENT, "")
    expect(EINVAL, "\(root)/\0")
    expect(ENAMETOOLONG, "\(root)/\(String(repeating: "x", count: 300))/below")
    expect(ENOENT, "/proc/nothing/is/made/here")
  }
}
