import Foundation
import WFDB
import XCTest

/// Records read a stretch at a time against the same records read whole.
final class RecordReaderTests: XCTestCase {
  /// Reads a record in stretches of random lengths, then in random places.
  private func assertReadsAsWhole(
    _ path: String, names: [String]? = nil, _ random: inout SeededGenerator, file: StaticString = #filePath,
    line: UInt = #line
  ) throws {
    let whole = try Record.read(at: path, signals: names)
    var reader = try RecordReader(at: path, signals: names)
    XCTAssertEqual(reader.header, whole.header, path, file: file, line: line)
    XCTAssertEqual(reader.specifications, whole.signals.map(\.specification), path, file: file, line: line)
    func check(_ frames: Range<Int>) throws {
      let expected = whole.signals.map { signal in
        let perFrame = signal.specification.samplesPerFrame
        return Array(signal.digital[(frames.lowerBound * perFrame)..<(frames.upperBound * perFrame)])
      }
      XCTAssertEqual(try reader.read(frames), expected, "\(path) \(frames)", file: file, line: line)
    }
    let longest = max(1, whole.sampleCount / 3)
    for _ in 0..<2 {
      var start = 0
      while start < whole.sampleCount {
        let end = min(whole.sampleCount, start + Int.random(in: 0...longest, using: &random))
        try check(start..<end)
        start = end
      }
    }
    for _ in 0..<20 {
      let ends = [0, 0].map { _ in Int.random(in: 0...whole.sampleCount, using: &random) }.sorted()
      try check(ends[0]..<ends[1])
    }
    try check(0..<whole.sampleCount)
  }

  func testEveryFormat() throws {
    var random = SeededGenerator(seed: 11)
    let formats = SignalFormat.allCases.filter { $0 != .null }
    try withTemporaryFolder { folder in
      for round in 0..<100 {
        try randomRecord("r\(round)", [formats[round % formats.count]], &random).write(to: folder)
        try assertReadsAsWhole("\(folder)/r\(round)", &random)
      }
      for round in 0..<20 {
        let record = randomRecord("m\(round)", formats.shuffled(using: &random), &random)
        try record.write(to: folder)
        let names = record.signals.map(\.name).shuffled(using: &random).prefix(3)
        try assertReadsAsWhole("\(folder)/m\(round)", &random)
        try assertReadsAsWhole("\(folder)/m\(round)", names: Array(names), &random)
      }
    }
  }

  /// What other programs wrote: skew, byte offsets, segments of both layouts, null signals, lengths that no header states.
  func testFixtures() throws {
    var random = SeededGenerator(seed: 12)
    let names = try FileManager.default.contentsOfDirectory(atPath: fixtures).filter { $0.hasSuffix(".hea") }
      .sorted()
    var read = 0
    for name in names {
      let path = "\(fixtures)/\(name.dropLast(4))"
      guard (try? Record.read(at: path)) != nil else { continue }
      try assertReadsAsWhole(path, &random)
      read += 1
    }
    XCTAssertGreaterThan(read, 15)
  }

  /// Differences far into a file, behind what is passed over in one piece.
  func testLongDifferences() throws {
    let digital = (0..<200_001).map { Int32(100 * sin(Double($0) / 30)) }
    let specification = SignalSpecification(fileName: "d.dat", format: .format8, name: "I")
    let record = Record(
      header: Header(name: "d", samplingFrequency: 250, signals: []),
      signals: [Signal(specification: specification, digital: digital)])
    try withTemporaryFolder { folder in
      try record.write(to: folder)
      var reader = try RecordReader(at: "\(folder)/d")
      for start in [199_990, 5, 140_000, 150_000] {
        XCTAssertEqual(try reader.read(start..<(start + 11)), [Array(digital[start..<(start + 11)])])
      }
    }
  }

  func testDamageIsFoundAtTheEnd() throws {
    var random = SeededGenerator(seed: 13)
    try withTemporaryFolder { folder in
      let digital = (0..<1000).map { _ in Int32.random(in: -2000...2000, using: &random) }
      let specification = SignalSpecification(fileName: "r.dat", format: .format212, name: "I")
      try Record(
        header: Header(name: "r", samplingFrequency: 250, signals: []),
        signals: [Signal(specification: specification, digital: digital)]
      ).write(to: folder)
      let file = URL(fileURLWithPath: "\(folder)/r.dat")
      var bytes = try Data(contentsOf: file)
      bytes[300] ^= 1
      try bytes.write(to: file)
      var reader = try RecordReader(at: "\(folder)/r")
      _ = try reader.read(0..<600)
      assertRefuses("checksum", "signal 0 (I)") { try reader.read(600..<1000) }
      // Only what was read in order from the start can be verified.
      XCTAssertNoThrow(try reader.read(500..<1000))
      assertRefuses("no signal 'V'") { try RecordReader(at: "\(folder)/r", signals: ["V"]) }
      // Cut behind the header's back, between two reads.
      try bytes.prefix(900).write(to: file)
      assertRefuses("r.dat") { try reader.read(500..<1000) }
      assertRefuses("1000", "600") { try RecordReader(at: "\(folder)/r") }
      assertRefuses("nothing") { try RecordReader(at: "\(folder)/nothing") }
    }
  }

  /// A header that claims days of nothing is refused here as it is when read whole.
  func testClaimsWithoutFiles() throws {
    try withTemporaryFolder { folder in
      try Data("n 1 360 9000000000000\n~ 0\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/n.hea"))
      assertRefuses("bytes in memory") { try RecordReader(at: "\(folder)/n") }
    }
  }
}
