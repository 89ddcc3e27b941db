import EventReader
import Files
import Foundation
import TensorBoard
import XCTest

final class EventFileTests: XCTestCase {
  private let root = NSTemporaryDirectory() + "events-\(UUID().uuidString)"

  override func setUpWithError() throws { try Folder.make(root) }
  override func tearDown() { try? FileManager.default.removeItem(atPath: root) }

  private func bytes(_ hexadecimal: String) -> [UInt8] {
    stride(from: 0, to: hexadecimal.count, by: 2).map {
      UInt8(hexadecimal.dropFirst($0).prefix(2), radix: 16)!
    }
  }

  /// RFC 3720, B.4, and the catalogues' check of the digits.
  func testChecks() {
    XCTAssertEqual(CRC32.castagnoli("123456789".utf8), 0xE306_9283)
    XCTAssertEqual(CRC32.castagnoli([UInt8](repeating: 0, count: 32)), 0x8A91_36AA)
    XCTAssertEqual(CRC32.castagnoli([UInt8](repeating: 0xFF, count: 32)), 0x62A8_AB43)
    XCTAssertEqual(CRC32.castagnoli(0..<32), 0x46DD_794E)
    XCTAssertEqual(CRC32.iso("123456789".utf8), 0xCBF4_3926)
  }

  /// What TensorBoard 2.21 writes of the same.
  func testBytes() throws {
    var file: [UInt8] = []
    Record.append(Array("heartwood".utf8), to: &file)
    XCTAssertEqual(file, bytes("090000000000000037f971396865617274776f6f645324ac73"))
    let event = try Tensorboard_Event(
      serializedBytes: bytes("09000000000000f83f10072a0d0a0b0a046c6f7373150000803e"))
    XCTAssertEqual(event.wallTime, 1.5)
    XCTAssertEqual(event.step, 7)
    XCTAssertEqual(event.summary.value.map(\.tag), ["loss"])
    XCTAssertEqual(event.summary.value.map(\.simpleValue), [0.25])
    let again: [UInt8] = try event.serializedBytes()
    XCTAssertEqual(again, bytes("09000000000000f83f10072a0d0a0b0a046c6f7373150000803e"))
  }

  func testEvents() throws {
    let file = try EventFile(in: root, run: "mtl/task-106", from: 1)
    try file.add([("loss", 0.7), ("rate", 3e-3)], step: 1)
    try file.add(ConfusionPicture([[5, 1], [0, 12]]), tag: "confusion", description: "a, *b*", step: 2)
    try file.add(text: "| a |\n|---|", tag: "options", step: 2)
    let before = try EventReader.events(in: "\(root)/mtl/task-106")
    XCTAssertEqual(before.count, 2, "written before it was due")
    try file.flush()

    let events = try EventReader.events(in: "\(root)/mtl/task-106")
    XCTAssertEqual(events[0].fileVersion, "brain.Event:2")
    XCTAssertEqual(events[1].sessionLog.status, .start)
    XCTAssertEqual(events.map(\.step), [0, 1, 1, 2, 2])
    XCTAssertEqual(events[2].summary.value.map(\.tag), ["loss", "rate"])
    XCTAssertEqual(events[2].summary.value.map(\.simpleValue), [0.7, 3e-3])
    let picture = try XCTUnwrap(events[3].summary.value.first)
    XCTAssertEqual(picture.metadata.summaryDescription, "a, *b*")
    let shown = ConfusionPicture([[5, 1], [0, 12]])
    XCTAssertEqual(picture.metadata.pluginData.pluginName, "images")
    XCTAssertEqual(picture.tensor.tensorShape.dim.map(\.size), [3])
    XCTAssertEqual(
      picture.tensor.stringVal,
      [Data("\(shown.width)".utf8), Data("\(shown.height)".utf8), Data(shown.png)])
    let text = try XCTUnwrap(events[4].summary.value.first)
    XCTAssertEqual(text.metadata.pluginData.pluginName, "text")
    XCTAssertEqual(text.tensor.stringVal, [Data("| a |\n|---|".utf8)])
  }

  /// Both files are of the same second.
  func testALaterFileTakesStepsBack() throws {
    for (first, factor) in [(1, 1.0), (3, 10.0)] {
      let file = try EventFile(in: root, run: "mtl", from: first)
      for step in first..<first + 3 { try file.add([("loss", factor * Double(step))], step: step) }
      try file.flush()
    }
    let curve = try XCTUnwrap(EventReader.scalars(in: "\(root)/mtl")["loss"])
    XCTAssertEqual(curve.map(\.step), [1, 2, 3, 4, 5])
    XCTAssertEqual(curve.map(\.value), [1, 2, 30, 40, 50])
  }

  func testFailuresNameThePath() throws {
    func expect(_ code: Int32, _ path: String, line: UInt = #line, _ work: () throws -> Void) {
      XCTAssertThrowsError(try work(), line: line) {
        XCTAssertEqual($0 as? FileError, FileError(path, code), line: line)
      }
    }
    expect(ENOENT, "\(root)/none/mtl") { _ = try EventFile(in: "\(root)/none", run: "mtl", from: 1) }
    try Data().write(to: URL(fileURLWithPath: "\(root)/file"))
    expect(ENOTDIR, "\(root)/file/mtl") { _ = try EventFile(in: root, run: "file/mtl", from: 1) }
    let file = try EventFile(in: root, run: "mtl", from: 1)
    try FileManager.default.removeItem(atPath: "\(root)/mtl")
    expect(ENOENT, file.path) { try file.flush() }
  }
}
