import Report
import XCTest

final class TableTests: XCTestCase {
  private func table(_ header: [String], _ rows: [[String]]) -> Table {
    var table = Table(header)
    for row in rows { table.add(row) }
    return table
  }

  /// Whether a column of these cells is set right.
  private func isSetRight(_ cells: [String]) -> Bool {
    let reading = Reading(table(["a"], cells.map { [$0] }).html)
    XCTAssertEqual(reading.all("td").map { $0["class"] }, cells.map { _ in reading.all("th")[0]["class"] })
    return reading.all("th")[0]["class"] == "figures"
  }

  func testFiguresAreSetRightInTables() {
    let table = table(["record", "accuracy", "AUC"], [["sim001", "0.931", "-"]])
    let reading = Reading(table.html)
    XCTAssertEqual(reading.all("th").map { $0["class"] }, [nil, "figures", nil])
    XCTAssertEqual(reading.all("td").map { $0["class"] }, [nil, "figures", nil])
    XCTAssertEqual(reading.all("tr").count, 2)
    XCTAssertEqual(table.text, "record  accuracy  AUC\n------  --------  ---\nsim001     0.931  -")
    XCTAssertTrue(table.markdown.contains("| --- | ---: | --- |"))
  }

  func testFiguresWithSignSpreadAndIntervalAreFigures() {
    let figures = [
      "12", "-0.5", "+1.2", "97%", "97 %", "1e-05", "96.8 ± 0.4", "[0.3, 2.1]", "[-0.3, +2.1]",
      "+1.2 [0.3, 2.1]",
    ]
    for figure in figures { XCTAssertTrue(isSetRight([figure, "-"]), figure) }
    XCTAssertTrue(isSetRight(figures))
    for text in ["", "%", "±", "[]", "100, 101", "2020-01-01", "CNN 1", "- 1", "1/2", "-"] {
      XCTAssertFalse(isSetRight([text]), text)
      if text != "-" { XCTAssertFalse(isSetRight(["1", text]), text) }
    }
  }

  func testTextKeepsRowsInTheirLines() {
    XCTAssertEqual(table(["a\nb", "c"], [["x\r\ny\u{2028}z", "1"]]).text, "a b    c\n-----  -\nx y z  1")
  }

  func testCSVQuotesWhatWouldBreakIt() {
    let table = table(
      ["a", "b,c"], [["say \"1\"", "two\nlines"], ["two\r\nlines", " plain "], ["\"\u{301}", "a\rb"]])
    let lines = [
      "a,\"b,c\"", "\"say \"\"1\"\"\",\"two\nlines\"", "\"two\r\nlines\", plain ", "\"\"\"\u{301}\",\"a\rb\"",
      "",
    ]
    XCTAssertEqual(Array(table.csv.utf8), Array(lines.joined(separator: "\r\n").utf8))
  }

  func testCSVHoldsNoFormulas() {
    let formulas = [
      "=1", "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "--1", "=\u{301}", "+", "-1, =2",
    ]
    for formula in formulas {
      let line = table(["a"], [[formula]]).csv.components(separatedBy: "\r\n")[1]
      XCTAssertTrue(line.hasPrefix("'") || line.hasPrefix("\"'"), line)
      XCTAssertTrue(line.contains(formula))
    }
    XCTAssertTrue(table(["=1"], []).csv.hasPrefix("'=1"))
    for cell in ["-1.5", "+2", "-", "-0.3 ± 0.2", "1=1", "a@b", "'=1"] {
      XCTAssertEqual(table(["a"], [[cell]]).csv, "a\r\n\(cell)\r\n")
    }
  }

  func testMarkdownKeepsCellsInTheirCells() {
    let table = table(["a|b", "c"], [["x \\| y", "two\nlines\r\nmore"], ["|\u{301}", ""], ["<b>", ""]])
    XCTAssertEqual(
      table.markdown,
      "| a\\|b | c |\n| --- | --- |\n| x \\\\\\| y | two lines  more |\n| \\|\u{301} |  |\n| \\<b> |  |")
  }
}
