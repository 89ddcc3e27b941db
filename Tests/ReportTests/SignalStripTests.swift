import Report
import XCTest

final class SignalStripTests: XCTestCase {
  private let kinds = ["normal", "abnormal", "missed", "false alarm"]

  private func strip(
    rate: Double = 1, start: Double = 0, _ samples: [Float], row: Double = 5,
    beats: [(second: Double, kind: Int)] = []
  ) -> SignalStrip {
    SignalStrip(
      "Record 233", unit: "mV", rate: rate, start: start, samples: samples, row: row, kinds: kinds,
      beats: beats)
  }

  /// The places of the trace in the view box, each piece drawn in one go by itself.
  private func pieces(_ reading: Reading) -> [[(x: Double, y: Double)]] {
    let path = reading.all("path").first { $0["transform"] == "scale(0.1)" }!["d"]!
    return path.split(separator: "M").map { piece in
      let numbers = piece.matches(of: /-?\d+/).map { Int($0.output)! }
      var (x, y) = (0, 0)
      return stride(from: 0, to: numbers.count, by: 2).map { step in
        (x, y) = (x + numbers[step], y + numbers[step + 1])
        return (Double(x) / 10, Double(y) / 10)
      }
    }
  }

  // In the view box: rows of 122 from 40, in each the trace from 18 to 102; across from 8 to 472.

  func testSamplesFillRowsOneAfterAnother() {
    let rows = pieces(Reading(strip((0...11).map(Float.init)).svg))
    XCTAssertEqual(rows.map(\.count), [5, 5, 2])
    for (index, place) in rows.joined().enumerated() {
      XCTAssertEqual(place.x, 8 + Double(index % 5) / 5 * 464, accuracy: 0.06)
      XCTAssertEqual(
        place.y, 40 + 122 * Double(index / 5) + 102 - 84 * Double(index) / 11, accuracy: 0.06)
    }
  }

  func testStepsOfTheTraceDoNotDriftApart() {
    let samples = (0..<1280).map { Float(sin(Double($0) / 7)) }
    let rows = pieces(Reading(strip(rate: 128, samples).svg))
    XCTAssertEqual(rows.map(\.count), [640, 640])
    for (index, place) in rows.joined().enumerated() {
      XCTAssertEqual(place.x, 8 + Double(index % 640) / 640 * 464, accuracy: 0.06)
      let base = 40 + 122 * Double(index / 640) + 18
      XCTAssertEqual(place.y, base + 42 - 42 * Double(samples[index]), accuracy: 0.1)
    }
  }

  func testSamplesThatAreNoNumbersLeaveAGap() {
    let reading = Reading(strip([0, 1, .nan, 2, .infinity, 1, 0]).svg)
    XCTAssertEqual(pieces(reading).map { $0[0].x }, [8, 286.4, 8])
    // One alone is a dot, drawn by a step to itself.
    XCTAssertEqual(pieces(reading).map(\.count), [2, 2, 2])
    XCTAssertEqual(pieces(reading)[1][0].x, pieces(reading)[1][1].x)
    XCTAssertFalse(reading.hasOddNumbers)
  }

  func testBeatsLieAboveTheirSamples() {
    let samples = (0..<1280).map { Float($0 % 128) }
    let beats = [(1000.4, 0), (1004.99, 3), (1005.0, 1), (1007.5, 2)]
    let symbols = Reading(strip(rate: 128, start: 1000, samples, beats: beats).svg).symbols
    XCTAssertEqual(symbols.count, 4)
    for (symbol, x) in zip(symbols, [45.12, 471.07, 8, 240]) {
      XCTAssertEqual(symbol.x, x, accuracy: 0.06)
    }
    XCTAssertEqual(symbols.map(\.y), [49, 49, 171, 171])
    XCTAssertEqual(Set(symbols.map(\.shape)).count, 4)
    XCTAssertEqual(Set(symbols.map(\.style)).count, 4)
  }

  func testBeatsOutsideTheStripAreLeftOut() {
    let beats = [(99.9, 0), (100.0, 0), (103.9, 0), (104.0, 0), (.nan, 0), (1e300, 0), (-1e300, 0)]
    let reading = Reading(strip(start: 100, [1, 2, 3, 4], beats: beats).svg)
    XCTAssertEqual(reading.symbols.count, 2)
    XCTAssertTrue(Reading(strip([], beats: beats).svg).symbols.isEmpty)
  }

  func testRowsTellTheirTime() {
    let reading = Reading(strip(rate: 2, start: 1204.8, Array(repeating: 0, count: 45), row: 10).svg)
    XCTAssertEqual(
      reading.labels.filter { $0.text.hasSuffix(" s") }.map(\.text), ["1204.8 s", "1214.8 s", "1224.8 s"])
  }

  func testGridHasFifthsOfASecondAndUnits() {
    func count(_ range: Float) -> (light: Int, strong: Int, note: String) {
      let reading = Reading(strip([0, range, 0, 0, 0, 0]).svg)
      func lines(_ opacity: String) -> Int { reading.rules(opacity).joined().filter { $0 == "M" }.count }
      return (lines("0.1"), lines("0.25"), reading.labels.first { $0.text.hasPrefix("lines") }!.text)
    }
    // Two rows: twenty lines between seconds and six at them, and those of the levels.
    XCTAssertTrue(count(3.5) == (40 + 8, 12, "lines every 0.2 s and 1 mV"))
    XCTAssertTrue(count(20) == (40 + 42, 12, "lines every 0.2 s and 1 mV"))
    XCTAssertTrue(count(3500) == (40 + 8, 12, "lines every 0.2 s and 1000 mV"))
    let between = Reading(strip([0.2, 0.8]).svg)
    XCTAssertTrue(between.labels.contains { $0.text == "lines every 0.2 s" })
  }

  func testStripStaysSmallAndKeepsItsSpikes() {
    for rate in [128.0, 360, 5000] {
      var samples = (0..<Int(20 * rate)).map { _ in Float.random(in: -0.1...0.1) }
      samples[samples.count / 3] = 2
      let svg = strip(rate: rate, samples).svg
      XCTAssertLessThan(svg.utf8.count, 26_000, "\(rate) Hz")
      let rows = pieces(Reading(svg))
      XCTAssertEqual(rows.count, 4)
      XCTAssertEqual(rows[1].map(\.y).min(), 40 + 122 + 18)
    }
  }

  func testStripWithoutSamplesSaysSo() {
    for samples in [[], [.nan], [.infinity, -.infinity]] as [[Float]] {
      let reading = Reading(strip(samples).svg)
      XCTAssertTrue(reading.text.contains("nothing to draw"))
      XCTAssertFalse(reading.hasOddNumbers)
    }
    XCTAssertFalse(strip([1]).svg.contains("nothing to draw"))
  }

  func testOddRangesAreDrawn() {
    let ranges: [[Float]] = [
      [3], [0, 0], [-2, -2], [1e-37, 2e-37], [-.greatestFiniteMagnitude, .greatestFiniteMagnitude],
      [1, 1.0000001],
      [1e9, 1.1e9],
    ]
    for samples in ranges {
      let reading = Reading(strip(samples).svg)
      for place in pieces(reading).joined() {
        XCTAssertTrue((58...142).contains(place.y) && (8...472).contains(place.x), "\(samples): \(place)")
      }
      XCTAssertFalse(reading.hasOddNumbers)
      XCTAssertLessThan(reading.rules("0.1")[0].count, 2000)
    }
  }

  func testNamesAreText() {
    let strip = SignalStrip(
      "<script>'1'", unit: "<b>", rate: 1, start: 0, samples: [0, 1], kinds: ["\"a\" & <script>"], beats: [])
    let reading = Reading(strip.svg)
    XCTAssertTrue(reading.all("script").isEmpty && reading.all("b").isEmpty)
    for name in ["<script>'1'", "lines every 0.2 s and 1 <b>", "\"a\" & <script>"] {
      XCTAssertTrue(reading.labels.contains { $0.text == name }, name)
    }
  }
}
