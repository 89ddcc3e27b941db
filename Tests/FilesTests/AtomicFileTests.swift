import Files
import Foundation
import XCTest

final class AtomicFileTests: XCTestCase {
  private var folder = ""

  override func setUpWithError() throws {
    folder = NSTemporaryDirectory() + "heartwood-files-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  override func tearDownWithError() throws {
    try FileManager.default.removeItem(atPath: folder)
  }

  func testChunksBecomeOneFileAndReplaceTheOneBefore() throws {
    for chunks in [["first, ", "", "second"], ["shorter"], [""], []] {
      try write(chunks.map { Data($0.utf8) }, to: "\(folder)/file")
      XCTAssertEqual(try contents("file"), Data(chunks.joined().utf8))
      XCTAssertEqual(try names(), ["file"])
    }
  }

  func testManyThreadsWriteFilesOfTheirOwn() throws {
    let folder = folder
    DispatchQueue.concurrentPerform(iterations: 20) { number in
      let data = Data(repeating: UInt8(number), count: 100_000)
      try? write([data, data], to: "\(folder)/file\(number)")
    }
    for number in 0..<20 {
      XCTAssertEqual(try contents("file\(number)"), Data(repeating: UInt8(number), count: 200_000))
    }
    XCTAssertEqual(try names().count, 20)
  }

  func testWhatAnotherProcessOfTheSameNumberLeftIsNoObstacle() throws {
    let aside = "\(folder)/file.part-\(getpid())"
    try Data("torn".utf8).write(to: URL(fileURLWithPath: "\(folder)/elsewhere"))
    try FileManager.default.createSymbolicLink(atPath: aside, withDestinationPath: "\(folder)/elsewhere")
    try write([Data("whole".utf8)], to: "\(folder)/file")
    XCTAssertEqual(try contents("file"), Data("whole".utf8))
    // The link was not followed.
    XCTAssertEqual(try contents("elsewhere"), Data("torn".utf8))
    XCTAssertEqual(try names(), ["elsewhere", "file"])
  }

  func testARelativeNameIsInTheWorkingFolder() throws {
    let before = FileManager.default.currentDirectoryPath
    XCTAssertTrue(FileManager.default.changeCurrentDirectoryPath(folder))
    defer { _ = FileManager.default.changeCurrentDirectoryPath(before) }
    try write([Data("here".utf8)], to: "file")
    XCTAssertEqual(try contents("file"), Data("here".utf8))
  }

  // MARK: Refusals

  func testWhatIsNoFileIsNotReplaced() throws {
    XCTAssertEqual(mkdir("\(folder)/taken", 0o755), 0)
    XCTAssertEqual(mkfifo("\(folder)/pipe", 0o644), 0)
    expect(EISDIR, at: "\(folder)/taken")
    expect(ENOTSUP, at: "\(folder)/pipe")
    expect(ENOTSUP, at: "/dev/null")
    XCTAssertEqual(try names(), ["pipe", "taken"])
  }

  func testPathsThatCannotBe() {
    expect(ENOENT, at: "\(folder)/missing/file")
    expect(EINVAL, at: "\(folder)/nul\0")
    expect(ENAMETOOLONG, at: "\(folder)/" + String(repeating: "x", count: 256))
    XCTAssertEqual(
      FileError("a/b", ENOSPC).description, "cannot write a/b: No space left on device")
  }

  /// The kernel lets a file grow no further: it takes a part of a write, and refuses the rest.
  func testAWriteThatFailsHalfwayLeavesWhatWasThere() throws {
    try write([Data("before".utf8)], to: "\(folder)/file")
    signal(SIGXFSZ, SIG_IGN)
    defer { signal(SIGXFSZ, SIG_DFL) }
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    var low = limit
    low.rlim_cur = 10_000
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &low)
    let error = error(writing: Data(repeating: 1, count: 15_000), to: "\(folder)/file")
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    XCTAssertEqual(error, FileError("\(folder)/file", EFBIG))
    XCTAssertEqual(try contents("file"), Data("before".utf8))
    XCTAssertEqual(try names(), ["file"])
  }

  func testAFullDiskAndAReadOnlyOneLeaveWhatWasThere() throws {
    guard geteuid() == 0 else { throw XCTSkip("only root may mount the small file system that this fills") }
    let disk = folder + "/disk"
    XCTAssertEqual(mkdir(disk, 0o755), 0)
    guard try run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk) else {
      throw XCTSkip("no file system can be mounted here")
    }
    defer { _ = try? run("umount", disk) }
    try write([Data("before".utf8)], to: "\(disk)/file")
    expect(ENOSPC, at: "\(disk)/file", writing: Data(repeating: 1, count: 100_000))
    XCTAssertEqual(try contents("disk/file"), Data("before".utf8))
    XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: disk), ["file"])

    XCTAssertTrue(try run("mount", "-o", "remount,ro", disk))
    expect(EROFS, at: "\(disk)/file")
    XCTAssertEqual(try contents("disk/file"), Data("before".utf8))
  }

  func testAFolderThatMayNotBeWritten() throws {
    guard geteuid() != 0 else { throw XCTSkip("root may write into any folder") }
    chmod(folder, 0o555)
    defer { chmod(folder, 0o755) }
    expect(EACCES, at: "\(folder)/file")
  }

  // MARK: Helpers

  private func expect(
    _ code: Int32, at path: String, writing data: Data = Data("new".utf8), line: UInt = #line
  ) {
    XCTAssertEqual(error(writing: data, to: path), FileError(path, code), line: line)
  }

  private func error(writing data: Data, to path: String) -> FileError? {
    do { try write([data], to: path) } catch { return error as? FileError }
    return nil
  }

  private func contents(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  private func run(_ command: String...) throws -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}

private func write(_ chunks: [Data], to path: String) throws {
  // `NSData` keeps its bytes in place.
  let kept = chunks.map { $0 as NSData }
  try AtomicFile.write(kept.map { UnsafeRawBufferPointer(start: $0.bytes, count: $0.length) }, to: path)
  withExtendedLifetime(kept) {}
}
