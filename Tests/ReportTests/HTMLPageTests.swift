import Report
import XCTest

final class HTMLPageTests: XCTestCase {
  private let hostile = "</style><script>alert(\"1\" & '2')</script>\u{0}\u{1B}]]>"
  private let shown = "</style><script>alert(\"1\" & '2')</script>\u{FFFD}\u{FFFD}]]>"

  func testTextFromFilesStaysText() {
    var table = Table(["record \(hostile)", "beats"])
    table.add([hostile, "12"])
    var page = HTMLPage(title: hostile, lead: hostile)
    page.add(
      hostile,
      [
        .paragraph(hostile), .list([hostile]), .table(table),
        .charts([LineChart(hostile, x: "x", y: "y", [.init("a", [])])]),
      ])
    let reading = Reading(page.html)
    XCTAssertTrue(reading.all("script").isEmpty)
    // Title twice, lead, heading, paragraph, list, two cells, and the chart's title as told and as drawn.
    XCTAssertEqual(reading.text.components(separatedBy: shown).count - 1, 10)
  }

  func testNothingIsLoadedFromElsewhere() {
    var page = HTMLPage(title: "A run", lead: "Five patients.")
    page.add("Training", [.charts([LineChart("Loss", x: "step", y: "loss", [.init("MTL", [.init(1, 1)])])])])
    let reading = Reading(page.html)
    for name in ["script", "link", "img", "iframe", "object", "image", "use"] {
      XCTAssertTrue(reading.all(name).isEmpty, name)
    }
    XCTAssertTrue(reading.elements.allSatisfy { $0.attributes["href"] == nil && $0.attributes["src"] == nil })
    XCTAssertFalse(page.html.contains("@import") || page.html.contains("url("))
  }

  func testFiguresAreSetRightInTables() {
    var table = Table(["record", "accuracy", "AUC"])
    table.add(["sim001", "0.931", "-"])
    let reading = Reading(table.html)
    XCTAssertEqual(reading.all("th").map { $0["class"] }, [nil, "figures", nil])
    XCTAssertEqual(reading.all("td").map { $0["class"] }, [nil, "figures", nil])
    XCTAssertEqual(reading.all("tr").count, 2)
  }

  func testForbiddenCharactersAreReplacedAndOthersKept() {
    XCTAssertEqual(escaped("a\u{7}b\u{FFFE}c\u{85}"), "a\u{FFFD}b\u{FFFD}c\u{FFFD}")
    XCTAssertEqual(escaped("ü 心 ❤️\n\"'&<>"), "ü 心 ❤️\n&quot;&#39;&amp;&lt;&gt;")
  }
}
