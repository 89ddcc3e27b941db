import Foundation
import XCTest
import heartwood

/// Options in a YAML file: `train --config FILE.yaml`.
final class RunFileTests: CommandTestCase {
  private func arguments(_ text: String) throws -> [String] {
    try RunFile(parsing: Array(text.utf8), path: "run.yaml").arguments
  }

  private func assertRefused(_ text: String, _ words: String..., usage: Bool, line: UInt = #line) {
    XCTAssertThrowsError(try arguments(text), line: line) { error in
      guard let error = error as? RunFileError else { return XCTFail("\(error)", line: line) }
      for word in words + ["run.yaml"] {
        XCTAssertTrue(error.message.contains(word), error.message, line: line)
      }
      XCTAssertEqual(error.isUsage, usage, error.message, line: line)
    }
  }

  func testWhatIsTakenOver() throws {
    XCTAssertEqual(
      try arguments(
        """
        # A comment.
        problem: detection
        records: [106, "0114", x/119]
        targets:
          - 205
        steps: 400
        learning-rate: 3e-3
        lead: 'V 5'
        borrow: true
        rr: false
        slot-dropout: false
        """),
      [
        "--problem=detection", "--records=106,0114,x/119", "--targets=205", "--steps=400",
        "--learning-rate=3e-3", "--lead=V 5", "--borrow", "--no-slot-dropout",
      ])
    XCTAssertEqual(try arguments("slot-dropout: true"), ["--slot-dropout"])
    XCTAssertEqual(try arguments("lead: --borrow"), ["--lead=--borrow"])
    XCTAssertEqual(try arguments("lead: 2*b # 3*4"), ["--lead=2*b"])
    for empty in ["", "# nothing\n", "{}"] { XCTAssertEqual(try arguments(empty), []) }
  }

  func testWhatIsNoOption() {
    assertRefused("steps: 1\nstpes: 4", "line 2", "stpes is not an option", usage: true)
    for name in [
      "config: a.yaml", "help: true", "version: true", "no-slot-dropout: true", "Steps: 4", "\"a b\": 1",
    ] {
      assertRefused(name, "line 1", "is not an option", usage: true)
    }
    assertRefused("? [steps]\n: 1", "a word", usage: true)
    for value in ["1", "yes", "\"true\"", "[true]", "", "{}"] {
      assertRefused("borrow: \(value)", "borrow is true or false", usage: true)
    }
    for value in ["", "~", "null", "''", "[]", "[1, ]x"] {
      assertRefused("steps: \(value)", usage: value != "[1, ]x")
    }
    assertRefused("steps: {a: 1}", "one value or a list", usage: true)
    assertRefused("steps: [[1]]", "one value or a list", usage: true)
    assertRefused(#"output: "a\0b""#, "control character", usage: true)
    assertRefused(#""\e[2J": 1"#, #"\u{1b}[2J"#, usage: true)
  }

  func testWhatIsNoRunFile() {
    assertRefused("- steps\n- 4", "not a mapping", usage: false)
    assertRefused("steps", "not a mapping", usage: false)
    assertRefused("records: [106,\n", "line 2", "not YAML", usage: false)
    assertRefused("a: 1\n---\nb: 2", "another document", usage: false)
    assertRefused("steps: 1\nsteps: 2", "steps is given twice", usage: false)
    assertRefused("steps: 1\n\"steps\": 2", "steps is given twice", usage: false)
    // Each line doubles what the one before it stands for; as a key it would be looked at whole.
    let bomb = (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }.joined(separator: "\n")
    assertRefused("a0: &a0 x\n\(bomb)\n? *a40\n: 1", "line 2: * before a name is an alias", usage: false)
    assertRefused(String(repeating: "[", count: 1 << 20), "nesting", usage: false)
    assertRefused(String(repeating: "#", count: 1 << 20 + 1), "at most 1048576", usage: false)
    XCTAssertThrowsError(try RunFile(parsing: [0x61, 0xFF], path: "run.yaml"))
  }

  func testTheCommandLineCountsBeforeTheFile() throws {
    let file = "\(folder)/run.yaml"
    try Data("simulate: 3\nminutes: 1\nsteps: 7\nbatch: 8\nslot-dropout: false\nrr: true\n".utf8).write(
      to: URL(fileURLWithPath: file))
    let run = try train(2, "run", ["--config", file, "--steps", "4", "--slot-dropout"])
    let summary = try json("\(run)/summary.json")
    XCTAssertEqual(summary["steps"] as? Int, 4)
    XCTAssertEqual(summary["batch"] as? Int, 8)
    let model = try json("\(run)/model/model.json")
    XCTAssertEqual((model["options"] as? [String: Any])?["slotDropout"] as? Bool, true)
    XCTAssertEqual((model["shape"] as? [String: Any])?["extraFeatures"] as? Int, 4)
  }

  func testMistakesNameTheFileAndTheOption() throws {
    let file = "\(folder)/run.yaml"
    let run = ["train", "--config=\(file)", "--output", "\(folder)/a"]
    for (text, code, words) in [
      ("simulate: 3\nsteps: many", 64, "run.yaml, line 2, steps: The value 'many'"),
      ("simulate: 3\nbatch: 0", 64, "run.yaml, line 2, batch: --batch 0"),
      ("steps: [", 65, "run.yaml, line 2, is not YAML"),
      ("lead: \u{1B}[31m", 65, "run.yaml is not YAML"),
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
      try expectSoon(Int32(code), words, [1], run)
      settle()
    }
    try expect(65, "none.yaml: cannot be read", 2, ["train", "--config", "\(folder)/none.yaml"])
    XCTAssertFalse(FileManager.default.fileExists(atPath: "\(folder)/a"))
  }
}
