import Report
import XCTest

final class IntervalChartTests: XCTestCase {
  private func chart(_ marks: [[IntervalChart.Mark?]], reference: Double? = nil) -> Reading {
    let rows = marks.enumerated().map { IntervalChart.Row("row \($0.offset)", $0.element) }
    let series = (0..<(marks.first?.count ?? 1)).map { "series \($0)" }
    return Reading(
      IntervalChart("Gains", x: "points", reference: reference, series: series, [.init("CNN", rows)]).svg)
  }

  private func whiskers(_ reading: Reading) -> [String] {
    reading.all("path").compactMap { path in path["d"].flatMap { $0.contains("H") ? $0 : nil } }
  }

  func testMarksLieAlongTheAxis() {
    let symbols = chart([[.init(0)], [.init(10)], [.init(2.5)]]).symbols
    XCTAssertEqual(symbols.map(\.x), [58, 466, 160])
    XCTAssertEqual(symbols.map(\.y), symbols.map(\.y).sorted())
  }

  func testAxisHoldsIntervalsAndReference() {
    let reading = chart([[.init(5, low: 0, high: 7.5)]], reference: 10)
    XCTAssertEqual(reading.symbols.map(\.x), [262])
    let y = Int(reading.symbols[0].y)
    XCTAssertEqual(whiskers(reading), ["M262 \(y)H58m0-3v6M262 \(y)H364m0-3v6"])
    XCTAssertEqual(reading.rules("0.6").map { String($0.prefix(5)) }, ["M466 "])
    XCTAssertTrue(chart([[.init(5)]]).rules("0.6").isEmpty)
  }

  func testSeriesDifferByShapeColourAndLane() {
    let reading = chart([Array(repeating: .init(1), count: 6), Array(repeating: .init(1), count: 6)])
    let (first, second) = (reading.symbols.prefix(6), reading.symbols.suffix(6))
    XCTAssertEqual(reading.symbols.count, 12)
    XCTAssertEqual(Set(first.map(\.shape)).count, 6)
    let colours = first.map { symbol in (1...6).filter { symbol.style.contains("--line-\($0),") } }
    XCTAssertEqual(colours, (1...6).map { [$0] })
    XCTAssertEqual(first.map(\.shape), second.map(\.shape))
    let heights = reading.symbols.map(\.y)
    XCTAssertTrue(zip(heights, heights.dropFirst()).allSatisfy { $1 - $0 >= 11 })
    // In the legend each series has the same sign, in front of its name.
    for (index, symbol) in first.enumerated() {
      let name = reading.labels.first { $0.text == "series \(index)" }!
      let sign = reading.all("path").first {
        $0["transform"] == "translate(\(Int(name.x - 20)) \(Int(name.y - 5)))"
      }
      XCTAssertEqual(sign?["d"], symbol.shape)
      XCTAssertEqual(sign?["style"], symbol.style)
    }
  }

  func testGroupsFollowOneAnother() {
    let groups = ["CNN", "RNN"].map { (net: String) in
      IntervalChart.Group(net, ["100", "233"].map { .init("\(net) \($0)", [.init(1), nil]) })
    }
    let reading = Reading(
      IntervalChart(
        "Gains", x: "points", reference: 0, series: ["a", "b"],
        [.init(nil, [.init("all", [nil, nil])])] + groups
      ).svg)
    let names = ["all", "CNN", "CNN 100", "CNN 233", "RNN", "RNN 100", "RNN 233"]
    let heights = names.map { name in reading.labels.first { $0.text == name }!.y }
    XCTAssertTrue(zip(heights, heights.dropFirst()).allSatisfy { $1 - $0 >= 20 }, "\(heights)")
    XCTAssertEqual(reading.rules("0.6").count, 3)
    // A mark is no farther from its label than half a row.
    for (symbol, name) in zip(reading.symbols, [heights[2], heights[3], heights[5], heights[6]]) {
      XCTAssertEqual(symbol.y, name - 5, accuracy: 15)
    }
    let bottom = Double(reading.all("svg")[0]["viewBox"]!.split(separator: " ")[3])!
    XCTAssertTrue(reading.labels.allSatisfy { $0.y <= bottom })
  }

  func testValuesThatAreNoNumbersAreLeftOut() {
    let reading = chart([
      [.init(.nan, low: 0, high: 1)], [.init(.infinity)], [nil], [.init(1, low: .nan, high: -.infinity)],
      [.init(2, low: .nan, high: 3)],
    ])
    XCTAssertEqual(reading.symbols.map(\.x), [58, 262])
    XCTAssertEqual(whiskers(reading), ["M262 \(Int(reading.symbols[1].y))H466m0-3v6"])
    XCTAssertFalse(reading.hasOddNumbers)
  }

  func testChartWithoutMarksSaysSo() {
    for marks in [[], [[nil]], [[.init(.nan)]]] as [[[IntervalChart.Mark?]]] {
      XCTAssertTrue(chart(marks).text.contains("nothing to draw"))
      XCTAssertTrue(chart(marks, reference: 0).text.contains("nothing to draw"))
    }
    let reading = Reading(IntervalChart("Gains", x: "points", series: [], []).svg)
    XCTAssertTrue(reading.text.contains("nothing to draw"))
    XCTAssertFalse(chart([[.init(1)]]).text.contains("nothing to draw"))
  }

  func testOddRangesAreDrawn() {
    let ranges: [[Double]] = [
      [3], [0, 0], [-2, -2], [1e-300, 2e-300], [-.greatestFiniteMagnitude, .greatestFiniteMagnitude],
      [1, 1 + 1e-12], [1e15, 1e15 + 1],
    ]
    for values in ranges {
      let reading = chart(values.map { [.init($0, low: values[0], high: values.last!)] })
      XCTAssertEqual(reading.symbols.count, values.count)
      XCTAssertTrue(reading.symbols.allSatisfy { (58...466).contains($0.x) }, "\(values)")
      XCTAssertFalse(reading.hasOddNumbers)
    }
  }

  func testLongLabelsLeaveRoomForThePlot() {
    let row = IntervalChart.Row(String(repeating: "label ", count: 20), [.init(0)])
    let chart = IntervalChart("Gains", x: "points", reference: 1, series: ["a"], [.init(nil, [row])])
    let reading = Reading(chart.svg)
    XCTAssertEqual(reading.symbols[0].x, 170)
    XCTAssertTrue(reading.labels.contains { $0.text.hasPrefix("label label") && $0.text.count == 20 })
  }

  func testNamesAreText() {
    let names = (0..<5).map { "<script>\"\($0)' &" }
    let chart = IntervalChart(
      names[0], x: names[1], series: [names[2]], [.init(names[3], [.init(names[4], [.init(1)])])])
    let reading = Reading(chart.svg)
    XCTAssertTrue(reading.all("script").isEmpty)
    for name in names { XCTAssertTrue(reading.labels.contains { $0.text == name }, name) }
  }
}
