import Foundation
import WFDB
import XCTest

/// What wfdb-python says of one real record; Fixtures/make_mitdb_statistics.py.
private struct Statistics: Decodable {
  struct SignalStatistics: Decodable, Equatable {
    let name: String, units: String, format: Int, gain: Double, baseline: Int, samples: Int, checksum: Int
    let digitalMin: Int, digitalMax: Int, digitalSum: Int
  }
  struct AnnotationStatistics: Decodable, Equatable {
    let count: Int, symbols: [String: Int], rhythms: [String: Int], firstSample: Int, lastSample: Int
  }
  let record: String, frequency: Double, samples: Int
  let signals: [SignalStatistics]
  let annotations: AnnotationStatistics
  /// Sums of each comment's bytes.
  let commentBytes: [Int]?
}

final class RealRecordTests: XCTestCase {
  /// Checksums hold (reading verifies them), and the JSON of `RecordSummary` says what wfdb-python reads.
  func testSummariesOfRealRecords() throws {
    let folder = try realRecords()
    let all = try fixture("mitdb.json", as: [String: Statistics].self)
    XCTAssertEqual(all.count, 22)
    var seen = 0
    for (name, expected) in all where FileManager.default.fileExists(atPath: "\(folder)/\(name).hea") {
      let summary = try RecordSummary(recordAt: "\(folder)/\(name)", annotator: "atr")
      let json = try JSONEncoder().encode(summary)
      let read = try JSONDecoder().decode(Statistics.self, from: json)
      XCTAssertEqual(read.record, expected.record)
      XCTAssertEqual(read.frequency, expected.frequency)
      XCTAssertEqual(read.samples, expected.samples)
      XCTAssertEqual(read.signals, expected.signals)
      XCTAssertEqual(read.annotations, expected.annotations)
      XCTAssertEqual(summary.comments.map { $0.utf8.reduce(0) { $0 + Int($1) } }, expected.commentBytes)
      seen += 1
    }
    XCTAssertGreaterThan(seen, 0, "no record of MIT-BIH is in \(folder)")
  }

  /// A real record, written in each format that holds it and read again, is the same.
  func testRealRecordWrittenAndRead() throws {
    let folder = try realRecords()
    let name = try XCTUnwrap(
      try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".hea") }.sorted()
        .first)
    let record = try Record.read(at: "\(folder)/\(name)")
    let annotations = try AnnotationFile.read(at: "\(folder)/\(name.dropLast(4)).atr")
    try withTemporaryFolder { temporary in
      try record.write(to: temporary)
      XCTAssertEqual(try Record.read(at: "\(temporary)/\(name)"), record)
      for file in [name, String(name.dropLast(4)) + ".dat"] where file.hasSuffix(".dat") {
        XCTAssertTrue(
          FileManager.default.contentsEqual(atPath: "\(folder)/\(file)", andPath: "\(temporary)/\(file)"))
      }
      try annotations.write(to: "\(temporary)/a.atr")
      XCTAssertEqual(try AnnotationFile.read(at: "\(temporary)/a.atr"), annotations)
    }
  }
}
