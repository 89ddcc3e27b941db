import FoundationXML
import XCTest

/// What an XML reader finds in a text: the elements with their attributes, and all character data, that of a drawing also
/// by its place.
final class Reading: NSObject, XMLParserDelegate {
  private(set) var elements: [(name: String, attributes: [String: String])] = []
  private(set) var text = ""
  private(set) var labels: [(x: Double, y: Double, text: String)] = []
  private var isLabel = false

  /// Fails the test where the text is not well-formed.
  init(_ xml: String, file: StaticString = #filePath, line: UInt = #line) {
    super.init()
    let parser = XMLParser(data: Data(xml.utf8))
    parser.delegate = self
    XCTAssertTrue(
      parser.parse(), "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "")", file: file,
      line: line)
  }

  func all(_ name: String) -> [[String: String]] { elements.filter { $0.name == name }.map(\.attributes) }

  /// The marks of a chart, not those of its legend.
  var symbols: [(x: Double, y: Double, shape: String, style: String)] {
    let all = all("path").compactMap { path -> (x: Double, y: Double, shape: String, style: String)? in
      guard let place = path["transform"], place.hasPrefix("translate(") else { return nil }
      let numbers = place.dropFirst(10).dropLast().split(separator: " ").map { Double($0)! }
      return (numbers[0], numbers[1], path["d"]!, path["style"]!)
    }
    return all.filter { symbol in !labels.contains { $0.y == symbol.y + 5 && $0.x == symbol.x + 20 } }
  }

  /// The lines of a grid and other rules by their opacity.
  func rules(_ opacity: String) -> [String] {
    all("path").filter { $0["stroke-opacity"] == opacity }.map { $0["d"]! }
  }

  var hasOddNumbers: Bool {
    elements.contains { $0.attributes.values.contains { $0.contains("nan") || $0.contains("inf") } }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    elements.append((name, attributes))
    isLabel = name == "text"
    if isLabel { labels.append((Double(attributes["x"]!)!, Double(attributes["y"]!)!, "")) }
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?)
  {
    isLabel = false
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    text += string
    if isLabel { labels[labels.count - 1].text += string }
  }
}
