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
        .paragraph(hostile), .list([hostile]), .table(table), .heading(hostile), .caption(hostile),
        .charts([LineChart(hostile, x: "x", y: "y", [.init("a", [])])]),
      ])
    let reading = Reading(page.html)
    XCTAssertTrue(reading.all("script").isEmpty)
    // Title twice, lead, two headings, paragraph, list, two cells, caption, and the chart's title as told and as drawn.
    XCTAssertEqual(reading.text.components(separatedBy: shown).count - 1, 12)
  }

  func testNothingIsLoadedFromElsewhere() {
    var page = HTMLPage(title: "A run", lead: "Five patients.")
    let charts: [any Chart] = [
      LineChart("Loss", x: "step", y: "loss", [.init("MTL", [.init(1, 1)])]),
      IntervalChart("Gains", x: "points", series: ["gain"], [.init("CNN", [.init("233", [.init(1)])])]),
      SignalStrip(
        "Beats", unit: "mV", rate: 2, start: 0, samples: [0, 1], kinds: ["normal"], beats: [(0.5, 0)]),
      ConfusionMatrix("Confusion", classes: ["normal"], counts: [[1]]),
    ]
    page.add("Training", [.heading("All"), .charts(charts), .caption("Drawn.")])
    let reading = Reading(page.html)
    for name in ["script", "link", "img", "iframe", "object", "image", "use"] {
      XCTAssertTrue(reading.all(name).isEmpty, name)
    }
    XCTAssertTrue(reading.elements.allSatisfy { $0.attributes["href"] == nil && $0.attributes["src"] == nil })
    XCTAssertFalse(page.html.contains("@import") || page.html.contains("url("))
    XCTAssertEqual(reading.all("svg").map { $0["role"] }, Array(repeating: "img", count: charts.count))
    XCTAssertEqual(reading.all("title").count, 1 + charts.count)
  }

  func testForbiddenCharactersAreReplacedAndOthersKept() {
    XCTAssertEqual(escaped("a\u{7}b\u{FFFE}c\u{85}"), "a\u{FFFD}b\u{FFFD}c\u{FFFD}")
    XCTAssertEqual(escaped("a\u{202E}b\u{2066}c"), "a\u{FFFD}b\u{FFFD}c")
    XCTAssertEqual(escaped("ü 心 ❤️\n\"'&<>"), "ü 心 ❤️\n&quot;&#39;&amp;&lt;&gt;")
  }
}
