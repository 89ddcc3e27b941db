import Foundation
import WFDB
import XCTest

/// Every refusal names the file, the line where there is one, and the reason.
final class RefusalTests: XCTestCase {
  private func read(_ header: String, _ files: [String: [UInt8]] = [:]) throws -> Record {
    try Record.read("r", in: MemoryFolder(files: files.merging(["r.hea": Array(header.utf8)]) { $1 }))
  }

  func testFormatsThatAreNotRead() {
    for format in [508, 516, 524] {
      assertRefuses("r.hea, line 2", "signal 0", "format \(format) (FLAC)") {
        try read("r 1\na.dat \(format)")
      }
    }
    assertRefuses("r.hea, line 3", "signal 1", "unknown format 213", "212") { try read("r 2\na 16\na 213") }
  }

  func testHeaders() {
    assertRefuses("r.hea", "record line") { try read("# only a comment\n\n") }
    assertRefuses("line 1", "the number of signals") { try read("r\n") }
    assertRefuses("line 1", "number of signals is '-1'") { try read("r -1\n") }
    assertRefuses("number of signals is '1000000000'", "at most") { try read("r 1000000000\n") }
    assertRefuses("signal line 2 of 2") { try read("r 2\na 16\n") }
    assertRefuses("segment line 1 of 3") { try read("r/3 2 250 9\n") }
    assertRefuses("number of segments is '0'") { try read("r/0 2 250 9\n") }
    for frequency in ["0", "-1", "x", "nan", "inf", "1e999", "0x10"] {
      assertRefuses("sampling frequency is '\(frequency)'") { try read("r 0 \(frequency)") }
    }
    assertRefuses("base counter", "closing parenthesis") { try read("r 0 1/2(3") }
    for count in ["-1", "99999999999999999999", "1e3"] {
      assertRefuses("number of samples is '\(count)'") { try read("r 0 1 \(count)") }
    }
    assertRefuses("line 2", "the format of signal 0") { try read("r 1\na") }
    assertRefuses("samples per frame is '0'") { try read("r 1\na 16x0") }
    assertRefuses("samples per frame is '99999999999'") { try read("r 1\na 16x99999999999") }
    assertRefuses("skew is '-1'") { try read("r 1\na 16:-1") }
    assertRefuses("byte offset is ''") { try read("r 1\na 16+") }
    assertRefuses("gain is '1x'") { try read("r 1\na 16 1x") }
    assertRefuses("baseline is '1.5'") { try read("r 1\na 16 1(1.5)") }
    assertRefuses("checksum is '65536'") { try read("r 1\na 16 1 12 0 0 65536") }
    assertRefuses("at most") {
      try Header.parse([UInt8](repeating: 35, count: 2_000_000), path: "r.hea")
    }
  }

  func testFilesOutsideTheFolder() {
    for name in ["../a.dat", "/etc/passwd", "a/../../b", ".", "-", "./a", "a//b"] {
      assertRefuses("line 2", "'\(name)'", "inside its own folder") { try read("r 1\n\(name) 16") }
    }
    for name in ["../s", "/s", "d/s", "..", "-"] {
      assertRefuses("line 2", "'\(name)'", "inside its own folder") { try read("r/1 1 250 1\n\(name) 1") }
    }
  }

  /// A link that a header names may lead anywhere in the header's own folder, but not out of it.
  func testLinks() throws {
    try withTemporaryFolder { root in
      let manager = FileManager.default
      func put(_ path: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(root)/\(path)"))
      }
      func link(_ path: String, _ target: String) throws {
        try manager.createSymbolicLink(atPath: "\(root)/\(path)", withDestinationPath: target)
      }
      for folder in ["theirs", "ours/sub"] {
        try manager.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
      }
      try put("theirs/r.hea", Array("r 1 250\nr.dat 80".utf8))
      try put("theirs/r.dat", [0x81])
      try put("ours/sub/own.dat", [0x82])
      for (record, file) in [
        ("inside", "inside.dat"), ("outside", "outside.dat"), ("through", "away/r.dat"),
        ("gone", "gone.dat"),
      ] {
        try put("ours/\(record).hea", Array("\(record) 1 250\n\(file) 80".utf8))
      }
      try put("ours/whole.hea", Array("whole/1 1 250 1\nsegment 1".utf8))
      try link("ours/inside.dat", "sub/own.dat")
      try link("ours/outside.dat", "../theirs/r.dat")
      try link("ours/gone.dat", "../theirs/nothing")
      try link("ours/away", "\(root)/theirs")
      try link("ours/segment.hea", "../theirs/r.hea")
      // A folder of links that a user has made to a database.
      try link("ours/r.hea", "\(root)/theirs/r.hea")
      try link("ours/r.dat", "\(root)/theirs/r.dat")
      for (record, value) in [("inside", Int32(2)), ("r", 1)] {
        XCTAssertEqual(try Record.read(at: "\(root)/ours/\(record)").signals[0].digital, [value])
        var reader = try RecordReader(at: "\(root)/ours/\(record)")
        XCTAssertEqual(try reader.read(0..<1), [[value]])
      }
      for (record, file) in [("outside", "outside.dat"), ("through", "away/r.dat"), ("whole", "segment.hea")]
      {
        assertRefuses("ours/\(file)", "is a link to", "theirs/r.", "outside the folder") {
          try Record.read(at: "\(root)/ours/\(record)")
        }
        assertRefuses("is a link to") { try RecordReader(at: "\(root)/ours/\(record)") }
      }
      assertRefuses("gone.dat", "No such file") { try Record.read(at: "\(root)/ours/gone") }
    }
  }

  /// What a file says cannot move the cursor of a terminal, colour or hide what comes after it.
  func testMessagesShowNoControlCharacters() {
    assertRefuses(#"segment \u{1b}[2J\u{7f}"#) { try read("r/1 1 250 9\n\u{1B}[2J\u{7F}") }
    assertRefuses(#"'\u{9b}31m\u{202e}x'"#) { try read("r 1 \u{9B}31m\u{202E}x") }
    assertRefuses(#"names '../\u{1b}'"#) { try read("r 1\n../\u{1B} 16") }
    assertRefuses(#"it has a\u{7}b"#) {
      try Record.read(
        "r",
        in: MemoryFolder(files: ["r.hea": Array("r 1 250\na 16 1 1 0 0 0 0 a\u{7}b".utf8), "a": []]),
        signals: ["c"])
    }
    XCTAssertEqual(
      printable("é\u{1F600}|\u{2028}|", limit: 3),
      #"é\u{1F600}|..."#.replacing(#"\u{1F600}"#, with: "\u{1F600}"))
    XCTAssertEqual(printableLines("a\n\u{1B}b\n"), "a\n\\u{1b}b\n")
  }

  /// Such a record could not be found again by its name.
  func testARecordNameThatIsAFilesIsNotWritten() {
    assertRefuses("record name is 'r.hea'") {
      try Header(name: "r.hea", samplingFrequency: 250, signals: []).encoded()
    }
  }

  func testSignalFiles() throws {
    assertRefuses("a.dat", "No such file") { try read("r 1\na.dat 16") }
    assertRefuses("states 3 samples in a.dat, which holds 2") {
      try read("r 1 250 3\na.dat 16", ["a.dat": [1, 2, 3, 4, 5]])
    }
    assertRefuses("holds 0") { try read("r 1 250 1\na.dat 16+99", ["a.dat": [1, 2, 3, 4]]) }
    assertRefuses("holds 0") { try read("r 1 250 1\na.dat 16+\(Int.max)", ["a.dat": [1, 2, 3, 4]]) }
    assertRefuses("signal 0 (I) has checksum 4, but the header states 5") {
      try read("r 1 250 2\na.dat 16 200 12 0 1 5 0 I", ["a.dat": [1, 0, 3, 0]])
    }
    XCTAssertEqual(
      try read(
        "r 1 250 2\na.dat 16 200 12 0 1 -65532 0 I".replacing("-65532", with: "4"), ["a.dat": [1, 0, 3, 0]]
      )
      .signals[0].digital, [1, 3])
    let two: [String: [UInt8]] = ["a": [1, 0, 3, 0], "b": [1, 0]]
    assertRefuses("signals of a are not together") { try read("r 3\na 16\nb 16\na 16", two) }
    assertRefuses("signals of a differ in format") { try read("r 2\na 16\na 8", two) }
    assertRefuses("signals of a differ in format or byte offset") { try read("r 2\na 16\na 16+2", two) }
    assertRefuses("more than 32 bits") { try read("r 1 250 1\na 8 200 8 0 2147483647", ["a": [1]]) }
  }

  /// Headers whose claims have no files behind them are refused at once.
  func testClaimsWithoutFiles() throws {
    let small: [String: [UInt8]] = ["a": [1, 2, 3, 4]]
    assertRefuses("states \(Int.max)") { try read("r 1 250 1000000000000\na 16x2147483647", small) }
    assertRefuses("states 1000000000000 samples") { try read("r 1 250 1000000000000\na 16", small) }
    assertRefuses("states contents of 4000000000000 bytes") { try read("r 1 250 1000000000000\n~ 0") }
    assertRefuses("its files justify") {
      try read("r/2 1 250 1000000000002\ns 2\n~ 1000000000000", segment(small))
    }
    assertRefuses("segments have \(Int.max)") {
      try read("r/3 1 250 9\ns 2\n~ \(Int.max)\n~ \(Int.max)", segment(small))
    }
    // The same segment many times: more samples than one file accounts for.
    let many = "r/120000 1 250\n" + String(repeating: "big 10\n", count: 120_000)
    assertRefuses("its files justify") {
      try read(many, ["big.hea": Array("big 1 250 10\nb 80".utf8), "b": [UInt8](repeating: 1, count: 10)])
    }
    XCTAssertEqual(try read("r 1 250\na 16x2147483647", small).sampleCount, 0)
    XCTAssertEqual(try read("r 0 250 1000000000000").sampleCount, 1_000_000_000_000)
  }

  private func segment(_ files: [String: [UInt8]]) -> [String: [UInt8]] {
    files.merging(["s.hea": Array("s 1 250 2\na 16".utf8)]) { $1 }
  }

  func testSegments() throws {
    let files = segment(["a": [1, 0, 2, 0]])
    XCTAssertEqual(
      try read("r/3 1 250 5\ns 2\n~ 1\ns 2", files).signals[0].digital, [1, 2, Signal.invalid, 1, 2])
    assertRefuses("states 4 samples, but its segments have 5") {
      try read("r/3 1 250 4\ns 2\n~ 1\ns 2", files)
    }
    assertRefuses("segment s has 2 samples, not 3") { try read("r/1 1 250 3\ns 3", files) }
    assertRefuses("segment r has segments itself") { try read("r/1 1 250 3\nr 3", files) }
    assertRefuses("segment s is sampled at 250.0 Hz, not 360.0") { try read("r/1 1 360 2\ns 2", files) }
    assertRefuses("states 2 signals, but its segments have 1") { try read("r/1 2 250 2\ns 2", files) }
    assertRefuses("t.hea", "No such file") { try read("r/1 1 250 2\nt 2", files) }
    let other = files.merging(["t.hea": Array("t 1 250 2\na 16 100".utf8)]) { $1 }
    assertRefuses("differs in segment t") { try read("r/2 1 250 4\ns 2\nt 2", other) }
  }

  func testAnnotationFiles() {
    func parse(_ words: [UInt16], _ extra: [UInt8] = []) throws -> AnnotationFile {
      try AnnotationFile.parse(words.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] } + extra, path: "a.atr")
    }
    assertRefuses("a.atr", "the file is cut") { try parse([]) }
    assertRefuses("byte 2", "the file is cut") { try parse([1 << 10 | 5]) }
    assertRefuses("byte 2", "the file is cut") { try parse([1 << 10 | 5], [0]) }
    assertRefuses("within a text") { try parse([1 << 10 | 5, 63 << 10 | 9], [65, 66]) }
    assertRefuses("the file is cut") { try parse([59 << 10, 5]) }
    assertRefuses("byte 0", "code 53") { try parse([53 << 10 | 1, 0]) }
    assertRefuses("byte 0", "without an annotation before it") { try parse([61 << 10 | 1, 0]) }
    assertRefuses("byte 6", "after the end mark") { try parse([1 << 10 | 5, 0, 0, 7]) }
    assertRefuses("'## end of definitions'") {
      try parse([22 << 10, 63 << 10 | 30] + "## annotation type definitions".utf16Pairs + [0])
    }
    assertRefuses("time resolution is '-5'") {
      try parse([22 << 10, 63 << 10 | 22] + "## time resolution: -5".utf16Pairs + [0])
    }
    XCTAssertEqual(try parse([0]).annotations, [])
    XCTAssertEqual(
      try parse([1 << 10 | 5, 0, 0, 0], [0]).annotations, [Annotation(sample: 5, code: .normal)])
  }

  /// What is not a regular file must not be waited on.
  func testPipesAndFolders() throws {
    try withTemporaryFolder { folder in
      XCTAssertEqual(mkfifo("\(folder)/p.hea", 0o600), 0)
      assertRefuses("p.hea", "not a regular file") { try Record.read(at: "\(folder)/p") }
      try FileManager.default.createDirectory(atPath: "\(folder)/d.hea", withIntermediateDirectories: false)
      assertRefuses("d.hea", "not a regular file") { try Header.read(at: "\(folder)/d.hea") }
      assertRefuses("x.hea", "No such file") { try Record.read(at: "\(folder)/x") }
      assertRefuses("x.atr", "No such file") { try AnnotationFile.read(at: "\(folder)/x.atr") }
      try "y 0 250 9".write(toFile: "\(folder)/y.hea", atomically: false, encoding: .utf8)
      XCTAssertNil(try RecordSummary(recordAt: "\(folder)/y").annotations)
      assertRefuses("y.atr") { try RecordSummary(recordAt: "\(folder)/y", annotator: "atr") }
    }
  }

  func testCodes() {
    XCTAssertNil(AnnotationCode(rawValue: 0))
    XCTAssertNil(AnnotationCode(rawValue: 50))
    XCTAssertEqual(AnnotationCode(symbol: "V"), .prematureVentricularContraction)
    XCTAssertEqual(AnnotationCode(symbol: "[42]")?.rawValue, 42)
    for code in AnnotationCode.allCases { XCTAssertEqual(AnnotationCode(symbol: code.symbol), code) }
    XCTAssertEqual(
      AnnotationCode.allCases.filter(\.isBeat).map(\.symbol).joined(), "NLRaVFJASEj/QB?!enfr")
  }
}

extension String {
  /// ASCII, two characters a word.
  fileprivate var utf16Pairs: [UInt16] {
    let bytes = Array(utf8) + (utf8.count % 2 == 1 ? [0] : [])
    return stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
  }
}
