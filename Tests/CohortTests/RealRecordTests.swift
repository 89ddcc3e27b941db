import Cohort
import Foundation
import XCTest

/// The MIT-BIH records of the folder HEARTWOOD_DATA against wfdb-python and SciPy (Fixtures/make_fixtures.py records).
final class RealRecordTests: XCTestCase {
  private struct Expected: Decodable {
    struct Cut: Decodable {
      var classes: [Int]
      var windows: Checksums
      var rr: Checksums
    }
    var lead: String
    var symbols: [String: Int]
    var aami: [String: Int]
    var rhythms: [String: Int]
    var strict: Cut
    var aamiBeats: Cut
    var tachycardia: Cut
  }

  private struct Checksums: Decodable {
    var count: Int
    var sum: Double
    var squares: Double
    var weighted: Double

    init(_ values: [Float]) {
      count = values.count
      sum = values.reduce(0) { $0 + Double($1) }
      squares = values.reduce(0) { $0 + Double($1) * Double($1) }
      weighted = values.enumerated().reduce(0) { $0 + Double($1.element) * Double($1.offset % 997 + 1) }
    }

    /// Largest difference, over what sums of Float values of this size can be apart.
    func difference(from other: Checksums) -> Double {
      guard count == other.count else { return .infinity }
      let scale = max(other.squares * Double(count), 1).squareRoot()
      return max(abs(sum - other.sum), abs(squares - other.squares), abs(weighted - other.weighted) / 997)
        / scale
    }
  }

  private func folder() throws -> String {
    guard let folder = ProcessInfo.processInfo.environment["HEARTWOOD_DATA"] else {
      throw XCTSkip("HEARTWOOD_DATA is not set: no real records to read")
    }
    return folder
  }

  func testBeatsAndWindowsEqualWhatPythonReads() throws {
    let folder = try folder()
    let fixture: [String: Expected] = try fixture("records.json")
    XCTAssertEqual(fixture.count, 22)
    var worst = 0.0
    var found = 0
    for (name, expected) in fixture.sorted(by: { $0.key < $1.key }) {
      let path = folder + "/" + name
      guard FileManager.default.fileExists(atPath: path + ".hea") else { continue }
      found += 1
      func check(_ cut: Expected.Cut, _ patient: Patient) {
        XCTAssertEqual(patient.examples.classCounts(), cut.classes, name)
        let windows = Checksums(patient.examples.windows).difference(from: cut.windows)
        let rr = Checksums(patient.examples.rr).difference(from: cut.rr)
        XCTAssertLessThan(windows, 1e-6, name)
        XCTAssertLessThan(rr, 1e-6, name)
        worst = max(worst, windows, rr)
        let statistics = patient.statistics
        XCTAssertEqual(
          patient.examples.count + statistics.unlabelled + statistics.outsideRecord + statistics.touchingGaps,
          statistics.beats)
      }
      let patient = try Patient.load(record: path, labelling: .strict)
      XCTAssertEqual(patient.lead, expected.lead)
      XCTAssertEqual(patient.statistics.symbols, expected.symbols, name)
      XCTAssertEqual(patient.statistics.rhythms, expected.rhythms, name)
      for (aamiClass, count) in patient.statistics.classes {
        XCTAssertEqual(count, expected.aami[aamiClass.rawValue], name)
      }
      XCTAssertEqual(patient.statistics.classes.count, expected.aami.count)
      check(expected.strict, patient)
      check(expected.aamiBeats, try Patient.load(record: path, labelling: .aami))
      check(
        expected.tachycardia,
        try Patient.load(record: path, window: .rhythm(rate: 64), labelling: .rhythm(.ventricularTachycardia))
      )
    }
    XCTAssertGreaterThan(found, 0, "none of the 22 records is in \(folder)")
    print("\(found) records: largest difference of a checksum from Python's \(worst)")
  }

  /// The figures of the six records of the published experiments.
  func testRhythmsOfTheSixRecords() throws {
    let folder = try folder()
    var rhythms: [Rhythm: [String: Int]] = [:]
    for name in ["106", "114", "119", "201", "203", "205"] {
      let patient = try Patient.load(record: folder + "/" + name, labelling: .strict)
      for rhythm in Rhythm.allCases {
        if let count = patient.statistics.rhythms[rhythm.rawValue] {
          rhythms[rhythm, default: [:]][name] = count
        }
      }
    }
    XCTAssertEqual(rhythms[.ventricularTachycardia], ["203": 79, "205": 49, "106": 3])
    XCTAssertEqual(rhythms[.supraventricularTachycardia], ["114": 7, "201": 3])
    XCTAssertEqual(rhythms[.atrialFibrillation]?.values.reduce(0, +), 3269)
    XCTAssertEqual(rhythms[.atrialFlutter], ["203": 536])
  }
}
