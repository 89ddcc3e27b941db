import Cohort
import Foundation
import WFDB
import XCTest

/// The detector on leads made by hand: a QRS complex of 80 ms, small P and T waves, noise.
final class BeatDetectorTests: XCTestCase {
  private struct Lead {
    var frequency = 360.0
    /// Seconds.
    var beats: [Double] = stride(from: 0.5, to: 60, by: 0.8).map { $0 }
    var seconds = 60.0
    var height = 200.0
    var noise = 3.0
    var level = 1024.0

    var samples: [Int32] {
      var random = RandomStream(seed: 5)
      var lead = [Double](repeating: level, count: Int(seconds * frequency))
      func add(_ height: Double, at centre: Double, width: Double) {
        let (from, to) = (Int((centre - 4 * width) * frequency), Int((centre + 4 * width) * frequency))
        for i in max(0, from)..<max(0, min(lead.count, to)) {
          let distance = (Double(i) / frequency - centre) / width
          lead[i] += height * exp(-distance * distance / 2)
        }
      }
      for beat in beats {
        add(0.1 * height, at: beat - 0.16, width: 0.025)
        add(height, at: beat, width: 0.012)
        add(-0.3 * height, at: beat + 0.035, width: 0.01)
        add(0.25 * height, at: beat + 0.28, width: 0.05)
      }
      return lead.map { Int32(($0 + noise * random.normal()).rounded()) }
    }

    var places: [Int] { beats.map { Int(($0 * frequency).rounded()) } }
  }

  private func detect(_ samples: [Int32], at frequency: Double = 360, block: Int = 4096) throws -> [Int] {
    var detector = try BeatDetector(samplingFrequency: frequency)
    var beats: [Int] = []
    for start in stride(from: 0, to: samples.count, by: block) {
      beats += detector.add(samples[start..<min(samples.count, start + block)])
    }
    return beats + detector.finish()
  }

  /// All of the lead's beats and no other, each within so many seconds.
  private func assertFinds(
    _ lead: Lead, within limit: Double = 0.01, file: StaticString = #filePath, line: UInt = #line
  ) throws {
    let found = try detect(lead.samples, at: lead.frequency)
    let result = BeatComparison(found: found, annotated: lead.places, samplingFrequency: lead.frequency)
    XCTAssertEqual(result.missed, [], "missed", file: file, line: line)
    XCTAssertEqual(result.extra, [], "extra", file: file, line: line)
    let worst = result.offsets.map { abs(Double($0)) / lead.frequency }.max() ?? 0
    XCTAssertLessThanOrEqual(worst, limit, file: file, line: line)
  }

  func testAnyRate() throws {
    for frequency in [100, 128, 250, 360, 500, 1000, 2000.5] {
      try assertFinds(Lead(frequency: frequency), within: 0.012)
    }
  }

  func testSlowAndFastHearts() throws {
    for interval in [0.28, 0.35, 0.5, 1.5, 2.5] {
      var lead = Lead()
      lead.beats = stride(from: 0.5, to: 59.8, by: interval).map { $0 }
      // A T wave that lasts longer than the interval is no heart's.
      if interval < 0.5 {
        lead.height = 400
        lead.noise = 0.5
      }
      try assertFinds(lead)
    }
  }

  func testUpsideDown() throws {
    var lead = Lead()
    lead.height = -200
    try assertFinds(lead)
  }

  func testALowVoltageBehindAHighOne() throws {
    var high = Lead()
    var low = Lead()
    low.height = 50
    low.noise = 1
    high.noise = 1
    let found = try detect(high.samples + low.samples)
    let second = found.filter { $0 >= 60 * 360 + 10 * 360 }.map { $0 - 60 * 360 }
    let expected = low.places.filter { $0 >= 10 * 360 }
    let result = BeatComparison(found: second, annotated: expected, samplingFrequency: 360)
    XCTAssertEqual(result.missed, [])
    XCTAssertEqual(result.extra, [])
  }

  func testGapsAndAFlatLead() throws {
    let lead = Lead()
    var samples = lead.samples
    for i in 0..<700 { samples[i] = Signal.invalid }
    for i in 5000..<9000 { samples[i] = Signal.invalid }
    // The lead comes off, and is put on again at another level.
    for i in 12_000..<16_000 { samples[i] = 300 }
    for i in 16_000..<samples.count { samples[i] += 700 }
    let found = try detect(samples)
    func isWhole(_ place: Int) -> Bool {
      ![0..<700, 5000..<9000, 12_000..<16_000].contains {
        ($0.lowerBound - 60..<$0.upperBound + 60).contains(place)
      }
    }
    let result = BeatComparison(
      found: found.filter(isWhole), annotated: lead.places.filter(isWhole), samplingFrequency: 360)
    XCTAssertEqual(result.missed, [])
    XCTAssertEqual(result.extra, [])
    // At most the step to the flat line and the one back from it are taken for beats.
    XCTAssertLessThanOrEqual(found.count { !isWhole($0) }, 2)
  }

  func testNoise() throws {
    var lead = Lead()
    lead.noise = 12
    try assertFinds(lead)
  }

  func testAnArtefactDoesNotHideTheBeatsBehindIt() throws {
    let lead = Lead()
    var samples = lead.samples
    for i in 10_000..<10_010 { samples[i] += 20_000 }
    let found = try detect(samples)
    let result = BeatComparison(found: found, annotated: lead.places, samplingFrequency: 360)
    XCTAssertLessThanOrEqual(result.missed.count, 2)
    XCTAssertLessThanOrEqual(result.extra.count, 2)
  }

  func testBlocksDoNotMatter() throws {
    let samples = Lead().samples
    let whole = try detect(samples, block: samples.count)
    XCTAssertGreaterThan(whole.count, 70)
    for block in [1, 7, 1000] { XCTAssertEqual(try detect(samples, block: block), whole) }
    XCTAssertEqual(whole, whole.sorted())
  }

  func testNothingIsFoundWhereNothingIs() throws {
    XCTAssertEqual(try detect([]), [])
    XCTAssertEqual(try detect([Int32](repeating: Signal.invalid, count: 5000)), [])
    XCTAssertEqual(try detect([Int32](repeating: -7, count: 50_000)), [])
    XCTAssertEqual(try detect([0]), [])
  }

  /// Amplitudes at the ends of 32 bits, gaps between them, and rates at which sums run over: no crash.
  func testExtremeSamples() throws {
    var random = RandomStream(seed: 9)
    let samples: [Int32] = (0..<30_000).map { _ in
      [Int32.max, Int32.min + 1, Signal.invalid, 0, 5][random.index(below: 5)]
    }
    for frequency in [50, 360, 100_000.0] { _ = try detect(samples, at: frequency) }
  }

  func testRatesThatNoDetectorCanUse() {
    for frequency in [0, 49.9, -360, 1e6, Double.nan, .infinity] {
      assertThrows(saying: ["\(frequency) Hz"]) { _ = try BeatDetector(samplingFrequency: frequency) }
    }
  }
}
