import Cohort
import XCTest

/// Filter, resampler and the whole against SciPy (Fixtures/make_fixtures.py signal).
final class SignalProcessingTests: XCTestCase {
  private struct SciPy: Decodable {
    struct Filter: Decodable {
      var frequency: Double
      var count: Int
      var output: [Double]
    }
    struct Resampling: Decodable {
      var from: Double
      var to: Double
      var count: Int
      var output: [Double]
    }
    struct Whole: Decodable {
      var gaps: [[Int]]
      var count: Int
      var output: [Double]
    }
    var filters: [Filter]
    var resamplings: [Resampling]
    var whole: Whole
  }

  func testBandPassEqualsSciPy() throws {
    let fixture: SciPy = try fixture("signal.json")
    XCTAssertEqual(fixture.filters.count, 8)
    for expected in fixture.filters {
      let filter = try BandPassFilter(samplingFrequency: expected.frequency)
      let error = relativeError(try filter.filtered(testSignal(expected.count)), expected.output)
      print(
        "band-pass at \(expected.frequency) Hz, \(expected.count) samples: largest relative error \(error)")
      XCTAssertLessThan(error, 1e-8)
    }
  }

  func testResamplingEqualsSciPy() throws {
    let fixture: SciPy = try fixture("signal.json")
    XCTAssertEqual(fixture.resamplings.count, 10)
    for expected in fixture.resamplings {
      let resampler = try Resampler(from: expected.from, to: expected.to)
      let error = relativeError(resampler.resampled(testSignal(expected.count)), expected.output)
      print(
        "\(expected.from) to \(expected.to) Hz, \(expected.count) samples: largest relative error \(error)")
      XCTAssertLessThan(error, 1e-10)
    }
  }

  func testWholePreprocessingEqualsSciPy() throws {
    let expected = try fixture("signal.json", as: SciPy.self).whole
    var signal = testSignal(expected.count).map(Float.init)
    for gap in expected.gaps { for i in gap[0]..<gap[1] { signal[i] = .nan } }
    let (samples, longGaps) = try Preprocessing().process(signal, samplingFrequency: 360)
    XCTAssertLessThan(relativeError(samples.map(Double.init), expected.output), 1e-5)
    // Longer than 0.1 s, which is 36 samples.
    XCTAssertEqual(longGaps, [400..<470])
  }

  func testAFilterKeepsItsBandAndNothingElse() throws {
    let filter = try BandPassFilter(samplingFrequency: 360)
    func gain(at frequency: Double) throws -> Double {
      let wave = (0..<36_000).map { sin(2 * .pi * frequency / 360 * Double($0)) }
      return try filter.filtered(wave)[10_000..<26_000].map(abs).max()!
    }
    XCTAssertEqual(try gain(at: 5), 1, accuracy: 0.01)
    // Both edges: half the power forward, half backward.
    XCTAssertEqual(try gain(at: 0.5), 0.5, accuracy: 0.01)
    XCTAssertEqual(try gain(at: 40), 0.5, accuracy: 0.01)
    XCTAssertLessThan(try gain(at: 0.05), 0.001)
    XCTAssertLessThan(try gain(at: 120), 0.01)
  }

  func testWhatCannotBeProcessedIsRefused() throws {
    let signal = testSignal(500).map(Float.init)
    func process(_ signal: [Float], at frequency: Double, rate: Double = 128) throws {
      _ = try Preprocessing(rate: rate).process(signal, samplingFrequency: frequency)
    }
    assertThrows(saying: ["64.0 Hz", "80.0 Hz"]) { try process(signal, at: 64) }
    assertThrows(saying: ["nan Hz"]) { try process(signal, at: .nan) }
    assertThrows(saying: ["1000000.0 Hz", "100000"]) { try process(signal, at: 1e6) }
    assertThrows(saying: ["0.0 Hz"]) { try process(signal, at: 360, rate: 0) }
    assertThrows(saying: ["15 samples", "16"]) { try process(Array(signal.prefix(15)), at: 360) }
    assertThrows(saying: ["none of its samples is valid"]) {
      try process([Float](repeating: .nan, count: 99), at: 360)
    }
    assertThrows(saying: ["equal"]) { try process([Float](repeating: 2, count: 99), at: 360) }
    assertThrows(saying: ["equal"]) { try process([], at: 360) }
  }
}
