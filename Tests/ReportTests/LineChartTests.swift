import Report
import XCTest

final class LineChartTests: XCTestCase {
  private func chart(_ series: [LineChart.Series], logarithmic: Bool = false) -> Reading {
    Reading(LineChart("Loss", x: "step", y: "loss", logarithmic: logarithmic, series).svg)
  }

  /// The places of a chart's lines in its view box.
  private func places(_ reading: Reading) -> [[(x: Double, y: Double)]] {
    reading.all("polyline").map { line in
      line["points"]!.split(separator: " ").map { place in
        let numbers = place.split(separator: ",").map { Double($0)! }
        return (numbers[0], numbers[1])
      }
    }
  }

  func testPointsLieInTheFrameAndHigherValuesHigher() {
    let line = places(chart([.init("a", [.init(0, 5), .init(1, 1), .init(4, 3)])]))[0]
    XCTAssertEqual(line.map(\.x), [58, 160, 466])
    XCTAssertEqual(line.map(\.y), [40, 260, 150])
  }

  func testLogarithmicAxisSetsTenfoldsEquallyApart() {
    let line = places(
      chart(
        [.init("a", [.init(0, 0.01), .init(1, 0.1), .init(2, 1), .init(3, 0), .init(4, -1)])],
        logarithmic: true))[0]
    XCTAssertEqual(line.map(\.y), [260, 150, 40])
  }

  func testBothAxesCanBeLogarithmic() {
    let reading = Reading(
      LineChart(
        "Sums", x: "bytes", y: "µs", logarithmic: true, logarithmicX: true,
        [.init("a", [.init(10, 1), .init(100, 10), .init(1000, 100), .init(0, 50), .init(-3, 50)])]
      ).svg)
    XCTAssertEqual(places(reading)[0].map(\.x), [58, 262, 466])
    XCTAssertEqual(places(reading)[0].map(\.y), [260, 150, 40])
    XCTAssertEqual(reading.labels.first { $0.text == "100" && $0.y == 279 }?.x, 262)
    XCTAssertFalse(reading.hasOddNumbers)
    for values in [[5.0], [5, 5], [1e-9, 1e9]] {
      let reading = Reading(
        LineChart("a", x: "x", y: "y", logarithmicX: true, [.init("a", values.map { .init($0, 1) })]).svg)
      XCTAssertTrue(places(reading)[0].allSatisfy { (58...466).contains($0.x) }, "\(values)")
      XCTAssertFalse(reading.hasOddNumbers)
    }
  }

  func testNumberAtTheRightEndIsNotCutOff() {
    let reading = chart([.init("a", [.init(0, 1), .init(10_000, 2)])])
    XCTAssertEqual(reading.labels.first { $0.text == "10k" }?.x, 466)
    let long = chart([.init("a", [.init(0, 1), .init(5000, 2)])])
    XCTAssertEqual(long.labels.first { $0.text == "5000" }?.x, 480 - 4 * 8 / 2)
  }

  func testLargeTicksAreShort() {
    let reading = Reading(
      LineChart(
        "a", x: "x", y: "y", logarithmicX: true, [.init("a", [.init(10_000, 0), .init(1_000_000, 20_000)])]
      ).svg)
    for tick in ["10k", "100k", "1M", "20k"] {
      XCTAssertTrue(reading.labels.contains { $0.text == tick }, "\(tick) of \(reading.labels)")
    }
  }

  func testSeriesAreDrawnInTheirStyleAndColour() {
    let points: [LineChart.Point] = [.init(1, 1), .init(2, 3)]
    let reading = chart([
      .init("measured", points, style: .points, colour: 1),
      .init("fit", points, style: .dashed, colour: 1), .init("plain", points),
    ])
    XCTAssertEqual(reading.symbols.count, 2)
    XCTAssertTrue(reading.symbols.allSatisfy { $0.style.contains("--line-2") })
    let lines = reading.all("polyline")
    XCTAssertEqual(lines.count, 2)
    // The last series is drawn first.
    XCTAssertEqual(lines.map { $0["stroke-dasharray"] != nil }, [false, true])
    XCTAssertTrue(lines[0]["style"]!.contains("--line-3"))
    XCTAssertTrue(lines[1]["style"]!.contains("--line-2"))
    // Of the plain line alone.
    XCTAssertEqual(reading.all("circle").count, 2)
  }

  func testWhiskersLieWithinTheFrame() {
    let reading = chart([
      .init("a", [.init(0, 5, low: 1, high: 9), .init(1, 6), .init(2, 7, low: .nan, high: 8)])
    ])
    let whiskers = reading.all("path").filter { $0["d"]!.hasPrefix("M58 260V40") }
    XCTAssertEqual(whiskers.count, 1, "the axis holds the whisker's ends")
    XCTAssertFalse(reading.hasOddNumbers)
    let logarithmic = chart([.init("a", [.init(0, 5, low: -1, high: 9)])], logarithmic: true)
    XCTAssertFalse(logarithmic.hasOddNumbers)
  }

  func testValuesThatAreNoNumbersAreLeftOut() {
    let reading = chart([
      .init("a", [.init(0, 1), .init(1, .nan), .init(2, .infinity), .init(.nan, 1), .init(3, 2)])
    ])
    XCTAssertEqual(places(reading)[0].count, 2)
    XCTAssertFalse(reading.hasOddNumbers)
  }

  func testEmptySeriesIsNamedAndDrawsNothing() {
    let reading = chart([.init("silent", []), .init("loud", [.init(1, 1), .init(2, 2)])])
    XCTAssertEqual(reading.all("polyline").count, 1)
    XCTAssertTrue(reading.text.contains("silent"))
  }

  func testChartWithoutPointsSaysSo() {
    for series in [[], [LineChart.Series("a", [])], [.init("a", [.init(1, .nan)])]] {
      XCTAssertTrue(chart(series).text.contains("nothing to draw"))
      XCTAssertTrue(chart(series, logarithmic: true).text.contains("nothing to draw"))
    }
  }

  func testOddRangesAreDrawn() {
    let ranges: [[Double]] = [
      [3], [0, 0], [-2, -2], [1e-300, 2e-300], [-1e300, 1e300],
      [-.greatestFiniteMagnitude, .greatestFiniteMagnitude],
      [1, 1 + 1e-12], [1e15, 1e15 + 1],
    ]
    for values in ranges {
      for logarithmic in [false, true] {
        let reading = chart(
          [.init("a", values.enumerated().map { .init(Double($0.offset), $0.element) })],
          logarithmic: logarithmic)
        for place in places(reading).flatMap({ $0 }) {
          XCTAssertTrue((58...466).contains(place.x) && (40...260).contains(place.y), "\(values): \(place)")
        }
      }
    }
  }

  func testLongSeriesAreThinnedAndKeepTheirSpikes() {
    var points = (0..<100_000).map { LineChart.Point(Double($0), sin(Double($0))) }
    points[77_777] = LineChart.Point(77_777, 100)
    points[33_333] = LineChart.Point(33_333, -100)
    let line = places(chart([.init("a", points), .init("b", points)]))
    XCTAssertEqual(line.count, 2)
    for places in line {
      XCTAssertLessThanOrEqual(places.count, 250)
      XCTAssertGreaterThan(places.count, 200)
      XCTAssertEqual(places.map(\.y).min(), 40)
      XCTAssertEqual(places.map(\.y).max(), 260)
      XCTAssertEqual(places.first?.x, 58)
      XCTAssertEqual(places.last?.x, 466)
      XCTAssertEqual(places.map(\.x), places.map(\.x).sorted())
    }
  }

  func testShortSeriesAreDrawnWhole() {
    let points = (0..<250).map { LineChart.Point(Double($0), Double($0 % 7)) }
    XCTAssertEqual(places(chart([.init("a", points), .init("b", [])]))[0].count, 250)
  }

  func testThinnedStaircaseClimbsAndKeepsItsArea() {
    // As a receiver operating characteristic does: steep at first, many points above one another.
    var points = [LineChart.Point(0, 0)]
    for step in 0..<20_000 {
      let last = points[step]
      let climbs = (step * step / 7) % 20_000 > step
      points.append(.init(last.x + (climbs ? 0 : 1), last.y + (climbs ? 1 : 0)))
    }
    func area(_ points: [(x: Double, y: Double)]) -> Double {
      zip(points, points.dropFirst()).reduce(0) { $0 + ($1.1.x - $1.0.x) * ($1.1.y + $1.0.y) / 2 }
    }
    let drawn = places(chart([.init("a", points), .init("b", []), .init("c", [])]))[0]
    XCTAssertEqual(drawn.map(\.x), drawn.map(\.x).sorted())
    XCTAssertEqual(drawn.map(\.y), drawn.map(\.y).sorted(by: >))
    let (right, top) = (points.last!.x, points.last!.y)
    XCTAssertEqual(
      area(drawn.map { (($0.x - 58) / 408, (260 - $0.y) / 220) }),
      area(points.map { ($0.x / right, $0.y / top) }), accuracy: 0.002)
  }

  func testFixedRangeLeavesOutWhatLiesOutsideIt() {
    let points: [LineChart.Point] = [
      .init(-0.1, 0.5), .init(0.25, 0.25), .init(0.5, 1.1), .init(0.75, 0.5), .init(1, 1),
    ]
    let chart = LineChart("ROC", x: "x", y: "y", range: (0...1, 0...1), [.init("a", points)])
    let line = places(Reading(chart.svg))[0]
    XCTAssertEqual(line.map(\.x), [160, 364, 466])
    XCTAssertEqual(line.map(\.y), [205, 150, 40])
  }

  func testFixedRangeIsDrawnWithoutPoints() {
    let reading = Reading(LineChart("ROC", x: "x", y: "y", range: (0...2, 4...4), []).svg)
    XCTAssertTrue(reading.text.contains("nothing to draw"))
    XCTAssertEqual(reading.labels.last { $0.text == "2" }?.x, 466)
    XCTAssertFalse(reading.hasOddNumbers)
  }

  func testNamesAreText() {
    let reading = Reading(
      LineChart("<b>", x: "a & b", y: "\"q\"", [.init("<script>alert('1')</script>", [])]).svg)
    XCTAssertTrue(reading.all("script").isEmpty)
    XCTAssertTrue(reading.text.contains("<script>alert('1')</script>"))
    XCTAssertTrue(reading.text.contains("a & b"))
  }
}
