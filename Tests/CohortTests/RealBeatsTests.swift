import Cohort
import Foundation
import WFDB
import XCTest

/// The detector on the real records of the folder HEARTWOOD_DATA, lead MLII, against their annotations by EC57: whole records but for
/// ventricular flutter and fibrillation.
final class RealBeatsTests: XCTestCase {
  private static let records = [
    "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122", "124", "201", "203", "205",
    "207",
    "208", "209", "215", "220", "223", "230",
  ]

  func testBeatsOfTheRecords() throws {
    guard let folder = ProcessInfo.processInfo.environment["HEARTWOOD_DATA"] else {
      throw XCTSkip("HEARTWOOD_DATA is not set: no real records to read")
    }
    var (matched, missed, extra) = (0, 0, 0)
    var offsets: [Int] = []
    print("record  matched  missed  extra       Se       P+  median offset, samples")
    for name in Self.records where FileManager.default.fileExists(atPath: "\(folder)/\(name).hea") {
      let record = try Record.read(at: "\(folder)/\(name)", signals: ["MLII"])
      let annotations = try AnnotationFile.read(at: "\(folder)/\(name).atr").annotations
      let rate = record.header.samplingFrequency
      var detector = try BeatDetector(samplingFrequency: rate)
      let found = detector.add(record.signals[0].digital) + detector.finish()
      XCTAssertEqual(found, found.sorted(), name)
      let result = BeatComparison(
        found: found, annotated: Beat.beats(in: annotations).map(\.sample),
        leavingOut: BeatComparison.flutterEpisodes(in: annotations), samplingFrequency: rate)
      let median = result.offsets.sorted()[result.matched / 2]
      print(
        String(
          format: "%6@ %8d %7d %6d %8.4f %8.4f %4d", name as NSString, result.matched, result.missed.count,
          result.extra.count, result.sensitivity ?? 0, result.positivePredictivity ?? 0, median))
      XCTAssertLessThanOrEqual(abs(median), 1, name)
      matched += result.matched
      missed += result.missed.count
      extra += result.extra.count
      offsets += result.offsets
    }
    try XCTSkipIf(matched == 0, "none of the 22 records is in \(folder)")
    let sensitivity = Double(matched) / Double(matched + missed)
    let predictivity = Double(matched) / Double(matched + extra)
    let near = Double(offsets.count { abs($0) <= 4 }) / Double(matched)
    print(
      String(
        format: " gross %8d %7d %6d %8.4f %8.4f; within 4 samples of the annotation %.4f", matched, missed,
        extra,
        sensitivity, predictivity, near))
    XCTAssertGreaterThanOrEqual(sensitivity, 0.998)
    XCTAssertGreaterThanOrEqual(predictivity, 0.998)
    XCTAssertGreaterThanOrEqual(near, 0.97)
  }
}
