import Foundation
import Report
import XCTest

final class ConfusionMatrixTests: XCTestCase {
  private func matrix(_ counts: [[Int]]) -> Reading {
    Reading(ConfusionMatrix("Confusion", classes: counts.indices.map { "class \($0)" }, counts: counts).svg)
  }

  func testCellsTellCountAndShareOfTheirRow() {
    let reading = matrix([[970, 30], [1, 3]])
    let texts = reading.labels.map(\.text)
    XCTAssertEqual(
      texts.filter { Int($0) != nil || $0.hasSuffix("%") },
      ["970", "97.0 %", "30", "3.0 %", "1", "25.0 %", "3", "75.0 %"])
    let shades = reading.all("rect").map { Double($0["fill-opacity"]!)! }
    XCTAssertTrue(shades[0] > shades[3] && shades[3] > shades[2] && shades[2] > shades[1], "\(shades)")
  }

  func testRowsAreAnnotatedAndColumnsJudged() {
    let reading = matrix([[11, 12, 13], [21, 22, 23], [31, 32, 33]])
    let judged = reading.labels.first { $0.text == "judged" }!
    let annotated = reading.labels.first { $0.text == "annotated" }!
    for index in 0..<3 {
      let names = reading.labels.filter { $0.text == "class \(index)" }
      let row = names.first { $0.x == annotated.x }!
      let column = names.first { $0.y == annotated.y }!
      XCTAssertTrue(column.x > judged.x && row.y > annotated.y)
      for other in 0..<3 {
        let inRow = reading.labels.first { $0.text == "\(index + 1)\(other + 1)" }!
        let inColumn = reading.labels.first { $0.text == "\(other + 1)\(index + 1)" }!
        XCTAssertEqual(inRow.y, row.y, accuracy: 12)
        XCTAssertEqual(inColumn.x, column.x)
      }
    }
  }

  func testClassThatNeverOccursHasNoShares() {
    let reading = matrix([[5, 0], [0, 0]])
    XCTAssertEqual(reading.labels.filter { $0.text == "-" }.count, 2)
    XCTAssertFalse(reading.hasOddNumbers || reading.text.contains("nan"))
  }

  func testCountsLieWithinTheirCells() {
    for counts in [
      [[Int.max, Int.max], [1, Int.max]],
      Array(repeating: Array(repeating: 1_234_567, count: 15), count: 15),
    ] {
      let reading = matrix(counts)
      let rects = reading.all("rect").map { (x: Double($0["x"]!)!, width: Double($0["width"]!)!) }
      let width = Double(reading.all("svg")[0]["viewBox"]!.split(separator: " ")[2])!
      XCTAssertTrue(rects.allSatisfy { $0.x > 0 && $0.x + $0.width <= width })
      let cells = reading.labels.filter { Int($0.text) != nil }
      XCTAssertEqual(cells.count, rects.count)
      for (cell, rect) in zip(cells, rects) {
        XCTAssertEqual(cell.x, rect.x + rect.width / 2, accuracy: 0.2)
        XCTAssertGreaterThan(rect.width, Double(cell.text.count) * 9)
      }
    }
  }

  func testTextIsLegibleOnTheDarkestCell() throws {
    let opacity = Double(matrix([[1]]).all("rect")[0]["fill-opacity"]!)!
    let style = HTMLPage(title: "", lead: "").html
    func colours(_ name: String) -> [[Double]] {
      style.matches(of: try! Regex("--\(name): #([0-9a-f]+);", as: (Substring, Substring).self)).map {
        match in
        let digits = match.output.1
        let pairs =
          digits.count == 3
          ? digits.map { "\($0)\($0)" } : [0, 2, 4].map { String(digits.dropFirst($0).prefix(2)) }
        return pairs.map { Double(Int($0, radix: 16)!) / 255 }
      }
    }
    /// As WCAG has it.
    func luminance(_ colour: [Double]) -> Double {
      let linear = colour.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
    let (inks, cards, fills) = (colours("ink"), colours("card"), colours("line-1"))
    XCTAssertEqual(inks.count, 2)
    for mode in 0..<2 {
      let ground = zip(fills[mode], cards[mode]).map { $0 * opacity + $1 * (1 - opacity) }
      let levels = [luminance(ground), luminance(inks[mode])].sorted()
      XCTAssertGreaterThan((levels[1] + 0.05) / (levels[0] + 0.05), 4.5)
    }
  }

  func testMatrixWithoutClassesSaysSo() {
    XCTAssertTrue(matrix([]).text.contains("nothing to draw"))
    XCTAssertFalse(matrix([[0]]).text.contains("nothing to draw"))
  }

  func testNamesAreText() {
    let reading = Reading(
      ConfusionMatrix("<script>'1'", classes: ["<b> &", "\"q\""], counts: [[1, 0], [0, 1]]).svg)
    XCTAssertTrue(reading.all("script").isEmpty && reading.all("b").isEmpty)
    XCTAssertEqual(reading.labels.filter { $0.text == "<b> &" || $0.text == "\"q\"" }.count, 4)
    XCTAssertTrue(reading.labels.contains { $0.text == "<script>'1'" })
  }
}
