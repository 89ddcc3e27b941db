import Foundation
import XCTest

/// What a file says, on a terminal: neither the cursor nor the colours are its to change, nor is one line two.
final class HostileTextTests: CommandTestCase {
  private let hostile = "\u{1B}]0;x\u{7}\u{9B}31m\u{202E}"

  private func assertHarmless(_ text: String, line: UInt = #line) {
    for scalar in text.unicodeScalars where scalar != "\n" {
      XCTAssertFalse(
        scalar.value < 0x20 || 0x7F..<0xA0 ~= scalar.value || scalar == "\u{202E}", text.debugDescription,
        line: line)
    }
  }

  func testARecordShown() throws {
    let header = """
      r 1 250 1
      r.dat 80/\(hostile) 200/\(hostile) 8 128 0 1 0 \(hostile)II
      # comment \(hostile)
      """.replacing("80/\(hostile)", with: "80")
    try Data(header.utf8).write(to: URL(fileURLWithPath: "\(folder)/r.hea"))
    try Data([0x81]).write(to: URL(fileURLWithPath: "\(folder)/r.dat"))
    // A rhythm of two lines, the second of them with an escape sequence.
    let text = Array("(N\n\u{1B}[2J".utf8)
    try Data([0x00, 28 << 2, UInt8(text.count), 63 << 2] + text + [0, 0, 0]).write(
      to: URL(fileURLWithPath: "\(folder)/r.atr"))
    for arguments in [[], ["--json"]] {
      let outcome = try Command.heartwood(1, ["inspect", "\(folder)/r"] + arguments)
      XCTAssertEqual(outcome.code, 0, outcome.errors)
      assertHarmless(outcome.output)
      XCTAssertTrue(outcome.output.contains(arguments.isEmpty ? #"\u{1b}]0;x\u{7}\u{9b}31m"# : #"\u009b31m"#))
      XCTAssertTrue(outcome.output.contains(arguments.isEmpty ? #"(N\u{a}\u{1b}[2J 1"# : #"(N\n\u001b[2J"#))
    }
    let signals = try Command.heartwood(1, ["inspect", "\(folder)/r", "--json"]).output
    let parsed = try JSONSerialization.jsonObject(with: Data(signals.utf8)) as? [String: Any]
    XCTAssertEqual(
      (parsed?["signals"] as? [[String: Any]])?.first?["name"] as? String, "\(hostile)II")
  }

  func testAnErrorShown() throws {
    try Data("r 1 250 1\n\(hostile)/../a 80".utf8).write(to: URL(fileURLWithPath: "\(folder)/r.hea"))
    let outcome = try expect(65, "inside its own folder", 1, ["inspect", "\(folder)/r"])
    assertHarmless(outcome.errors)
    let unknown = try expect(64, "Unknown option", 1, ["train", "--output", folder, "--\(hostile)"])
    assertHarmless(unknown.errors)
  }

  func testATableOfRecordsShown() throws {
    let (database, _) = try simulate(3, minutes: 1)
    let run = try train(
      1, "run", ["--data", database, "--records", "sim001,sim002", "--targets", "none", "--steps", "2"])
    let name = "=\(hostile)<b>"
    let manager = FileManager.default
    for file in ["hea", "dat", "atr"] {
      try manager.copyItem(atPath: "\(database)/sim003.\(file)", toPath: "\(database)/\(name).\(file)")
    }
    let header = "\(database)/\(name).hea"
    let text = try String(contentsOfFile: header, encoding: .utf8).replacing(
      "sim003.dat", with: "\(name).dat")
    try Data(text.utf8).write(to: URL(fileURLWithPath: header))
    let judged = "\(folder)/judged"
    let outcome = try Command.heartwood(
      1, ["evaluate", "--model", "\(run)/model", "--data", database, "--records", "all", "--output", judged])
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    assertHarmless(outcome.output)
    XCTAssertTrue(outcome.output.contains(#"=\u{1b}]0;x"#), outcome.output)
    let page = try String(contentsOfFile: "\(judged)/evaluation.html", encoding: .utf8)
    XCTAssertTrue(page.contains("&lt;b&gt;"))
    XCTAssertFalse(page.contains("<b>"))
    assertHarmless(page)
    let table = try String(contentsOfFile: "\(judged)/evaluation.csv", encoding: .utf8)
    XCTAssertTrue(table.split(separator: "\r\n").contains { $0.contains(",'=") }, table)
  }
}
