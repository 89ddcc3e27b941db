import Cohort
import Foundation
import WFDB
import XCTest

final class SimulatedCohortTests: XCTestCase {
  /// Six patients of 10 minutes, written once.
  private static let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("CohortTests-\(UUID().uuidString)").path
  private static let names = Result {
    try SimulatedCohort(patients: 6, minutes: 10, seed: 4).write(to: folder)
  }

  override class func tearDown() {
    try? FileManager.default.removeItem(atPath: folder)
  }

  private func records() throws -> [(name: String, record: Record, annotations: [Annotation])] {
    try Self.names.get().map { name in
      let path = Self.folder + "/" + name
      return (name, try Record.read(at: path), try AnnotationFile.read(at: path + ".atr").annotations)
    }
  }

  func testTheRecordsAreWhatTheyClaim() throws {
    XCTAssertEqual(try Self.names.get(), ["sim001", "sim002", "sim003", "sim004", "sim005", "sim006"])
    XCTAssertEqual(SimulatedCohort.name(of: 1234), "sim1234")
    for (_, record, _) in try records() {
      XCTAssertEqual(record.header.samplingFrequency, 360)
      XCTAssertEqual(record.sampleCount, 216_000)
      XCTAssertEqual(record.signals.map(\.name), ["MLII", "V1"])
      XCTAssertEqual(record.signals.map(\.specification.format), [.format212, .format212])
      XCTAssert(record.header.comments[0].contains("simulated"))
      // In the converter's range, seldom at its ends.
      for signal in record.signals {
        XCTAssert(signal.digital.allSatisfy { (0...2047).contains($0) })
        XCTAssertLessThan(signal.digital.count { $0 == 0 || $0 == 2047 }, 216)
      }
    }
  }

  func testAPatientIsTheSameHoweverManyThereAre() throws {
    let firsts = try records().map { $0.record.signals[0].digital.prefix(1000) }
    XCTAssertEqual(Set(firsts).count, 6)
    try withTemporaryFolder { folder in
      let alone = try SimulatedCohort(patients: 3, minutes: 10, seed: 4)
      XCTAssertEqual(try alone.write(patient: 3, to: folder), "sim003")
      for ending in ["hea", "dat", "atr"] {
        let file = "/sim003." + ending
        XCTAssertEqual(
          FileManager.default.contents(atPath: folder + file),
          FileManager.default.contents(atPath: Self.folder + file))
      }
      XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder).count, 3)
      try SimulatedCohort(patients: 3, minutes: 10, seed: 5).write(patient: 3, to: folder)
      XCTAssertNotEqual(
        FileManager.default.contents(atPath: folder + "/sim003.dat"),
        FileManager.default.contents(atPath: Self.folder + "/sim003.dat"))
    }
  }

  /// The largest excursion of the band-passed lead near a sinus beat is its R peak (or its S, as in a real record).
  func testRPeaksAreWhereAnnotationsSay() throws {
    for (name, record, annotations) in try records() {
      let filter = try BandPassFilter(low: 5, high: 40, samplingFrequency: 360)
      let signal = try filter.filtered(record.signals[0].physical().map(Double.init))
      var misses = 0
      let beats = annotations.filter { $0.code == .normal && (200..<215_800).contains($0.sample) }
      for beat in beats {
        let around = (beat.sample - 100)..<(beat.sample + 100)
        let peak = around.max { abs(signal[$0]) < abs(signal[$1]) }!
        if abs(peak - beat.sample) > 18 { misses += 1 }
      }
      XCTAssertGreaterThan(beats.count, 400)
      // Some beats lie under an electrode's jerk, or within 100 samples of a premature one.
      XCTAssertLessThan(Double(misses), 0.08 * Double(beats.count), name)
    }
  }

  /// Averaged over beats, noise and wander fall away: the highest point of the mean beat is the annotated sample.
  func testTheMeanBeatPeaksAtItsAnnotation() throws {
    for (name, record, annotations) in try records() {
      let signal = record.signals[0].physical()
      let beats = annotations.filter { $0.code == .normal && (200..<215_800).contains($0.sample) }
      let mean = (-30...30).map { k in beats.reduce(0) { $0 + signal[$1.sample + k] } / Float(beats.count) }
      let peak = mean.firstIndex(of: mean.max()!)! - 30
      XCTAssertLessThanOrEqual(abs(peak), 3, name)
    }
  }

  func testEveryPatientHasAbnormalBeatsOfItsOwnKinds() throws {
    for name in try Self.names.get() {
      let patient = try Patient.load(record: Self.folder + "/" + name, labelling: .strict)
      XCTAssertEqual(patient.lead, "MLII")
      let symbols = patient.statistics.symbols
      XCTAssertGreaterThan(patient.examples.classCounts()[1], 12, name)
      XCTAssertGreaterThan(patient.examples.classCounts()[0], 400, name)
      XCTAssertGreaterThan(symbols["V", default: 0], 4, name)
      XCTAssertGreaterThan(symbols["A", default: 0], 2, name)
      let number = Int(name.dropFirst(3))!
      XCTAssertEqual(patient.statistics.rhythms["(VT", default: 0] > 4, number % 2 == 0, name)
      XCTAssertEqual(patient.statistics.rhythms["(AFIB", default: 0] > 40, number % 3 == 0, name)
    }
  }

  func testPrematureBeatsComeEarlyAndFibrillationIsIrregular() throws {
    for (name, _, annotations) in try records() {
      let beats = Beat.beats(in: annotations)
      let seconds = beats.map { Double($0.sample) / 360 }
      // Around a lone premature beat: early; after V a full compensatory pause, after A a shorter one.
      for i in 2..<(beats.count - 1) where ["V", "A"].contains(beats[i].symbol) {
        let trio = beats[(i - 1)...(i + 1)]
        guard trio.allSatisfy({ $0.rhythm == "(N" }), trio.first!.symbol == "N", trio.last!.symbol == "N",
          beats[i - 2].symbol == "N", beats[i - 2].rhythm == "(N"
        else { continue }
        let usual = seconds[i - 1] - seconds[i - 2]
        let (pre, post) = (seconds[i] - seconds[i - 1], seconds[i + 1] - seconds[i])
        XCTAssertLessThan(pre, post, "\(name) \(seconds[i])")
        if beats[i].symbol == "V" {
          XCTAssertEqual((pre + post) / 2, usual, accuracy: 0.3 * usual, "\(name) \(seconds[i])")
        } else {
          XCTAssertLessThan(pre + post, 2.25 * usual)
        }
      }
      /// The mean change from one interval to the next, by its logarithm.
      func variation(in rhythm: String) -> Double {
        var sum = 0.0
        var count = 0.0
        for i in 2..<beats.count
        where beats[(i - 2)...i].allSatisfy({ $0.rhythm == rhythm && $0.symbol == "N" }) {
          let ratio = (seconds[i] - seconds[i - 1]) / (seconds[i - 1] - seconds[i - 2])
          sum += abs(log(ratio))
          count += 1
        }
        return sum / count
      }
      XCTAssertLessThan(variation(in: "(N"), 0.1, name)
      if beats.contains(where: { $0.rhythm == "(AFIB" }) {
        XCTAssertGreaterThan(variation(in: "(AFIB"), 0.15, name)
      }
    }
  }

  /// The P wave: the mean beat in sinus rhythm rises before its QRS; in fibrillation it does not.
  func testFibrillatingBeatsHaveNoPWave() throws {
    for (name, record, annotations) in try records() where name == "sim003" || name == "sim006" {
      let signal = record.signals[0].physical()
      let beats = Beat.beats(in: annotations)
      func height(in rhythm: String) -> Float {
        let chosen = (1..<beats.count).filter { i in
          beats[i].symbol == "N" && beats[i].rhythm == rhythm && beats[i - 1].rhythm == rhythm
            && beats[i].sample - beats[i - 1].sample > 230 && beats[i].sample > 200
        }
        // From -0.25 s to -0.1 s, above the straight line between the two.
        let mean = (-90...(-36)).map { k -> Float in
          let sum: Float = chosen.reduce(0) { $0 + signal[beats[$1].sample + k] }
          return sum / Float(chosen.count)
        }
        let slope = (mean[54] - mean[0]) / 54
        return mean.indices.map { k -> Float in mean[k] - mean[0] - slope * Float(k) }.max()!
      }
      XCTAssertGreaterThan(height(in: "(N"), 0.04, name)
      XCTAssertLessThan(height(in: "(AFIB"), 0.5 * height(in: "(N"), name)
    }
  }

  func testBadRequestsAreRefused() throws {
    assertThrows(saying: ["0 patients"]) { _ = try SimulatedCohort(patients: 0, seed: 1) }
    assertThrows(saying: ["0.0 minutes"]) { _ = try SimulatedCohort(patients: 1, minutes: 0, seed: 1) }
    assertThrows(saying: ["nan minutes"]) { _ = try SimulatedCohort(patients: 1, minutes: .nan, seed: 1) }
    let cohort = try SimulatedCohort(patients: 2, minutes: 0.2, seed: 1)
    try withTemporaryFolder { folder in
      assertThrows(saying: ["patient 3"]) { try cohort.write(patient: 3, to: folder) }
      // A file where the folder should be.
      _ = FileManager.default.createFile(atPath: folder + "/file", contents: nil)
      assertThrows(saying: ["cannot write", folder + "/file/below", "Not a directory"]) {
        _ = try cohort.write(to: folder + "/file/below")
      }
      assertThrows(saying: [folder + "/file"]) { _ = try cohort.write(to: folder + "/file") }
    }
    // The shortest record has beats, too.
    try withTemporaryFolder { folder in
      let names = try cohort.write(to: folder + "/new/folder")
      for name in names {
        XCTAssertGreaterThan(
          try Patient.load(record: folder + "/new/folder/" + name, labelling: .strict).examples.count, 5)
      }
    }
  }
}
