import Foundation
import Report
import XCTest

final class PointChartTests: XCTestCase {
  private func chart(_ series: [PointChart.Series]) -> Reading {
    Reading(PointChart("Interval before each beat", x: "min", y: "RR interval, s", series).svg)
  }

  /// The places of the dots, which are all of one path; those of the legend apart.
  private func dots(_ reading: Reading) -> [(x: Double, y: Double)] {
    guard let path = reading.all("path").first(where: { $0["stroke-linecap"] == "round" }) else { return [] }
    return path["d"]!.split(separator: "M").map { dot in
      let numbers = dot.dropLast(2).split(separator: " ").map { Double($0)! }
      return (numbers[0], numbers[1])
    }
  }

  func testTheFirstKindIsDotsTheOthersSigns() {
    let reading = chart([
      .init("normal", [.init(0, 0), .init(1, 1), .init(4, 0)]),
      .init("abnormal", [.init(2, 2), .init(4, 1)]), .init("not judged", [.init(1, 0.5)]),
    ])
    XCTAssertEqual(dots(reading).map(\.x), [58, 160, 466])
    XCTAssertEqual(dots(reading).map(\.y), [260, 150, 260])
    let symbols = reading.symbols
    XCTAssertEqual(symbols.map(\.x), [262, 466, 160])
    XCTAssertEqual(symbols.map(\.y), [40, 150, 205])
    XCTAssertEqual(Set(symbols.map(\.shape)).count, 2)
    XCTAssertEqual(Set(symbols.map(\.style)).count, 2)
    for name in ["normal", "abnormal", "not judged", "RR interval, s", "min"] {
      XCTAssertTrue(reading.text.contains(name), name)
    }
  }

  func testOfManyPointsTheExtremesRemain() {
    var many = (0..<100_000).map { LineChart.Point(Double($0), sin(Double($0))) }
    many[31_234] = .init(31_234, 9)
    many[77_777] = .init(77_777, -9)
    let reading = chart([.init("a", many), .init("b", many)])
    XCTAssertLessThanOrEqual(dots(reading).count, 3000)
    XCTAssertGreaterThan(dots(reading).count, 2000)
    XCTAssertLessThanOrEqual(reading.symbols.count, 400)
    let (dots, signs) = (dots(reading), reading.symbols)
    XCTAssertEqual([dots.map { $0.y }.min(), dots.map { $0.y }.max()], [40, 260])
    XCTAssertEqual([signs.map { $0.y }.min(), signs.map { $0.y }.max()], [40, 260])
  }

  func testWhatIsNoNumberIsLeftOut() {
    let reading = chart([.init("a", [.init(0, .nan), .init(.infinity, 1), .init(1, 1), .init(2, 2)])])
    XCTAssertEqual(dots(reading).count, 2)
    XCTAssertFalse(reading.hasOddNumbers)
    XCTAssertTrue(chart([.init("a", []), .init("b", [])]).text.contains("nothing to draw"))
    XCTAssertTrue(chart([]).text.contains("nothing to draw"))
  }
}
