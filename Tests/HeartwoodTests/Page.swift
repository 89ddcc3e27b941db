import Foundation
import FoundationXML
import XCTest

/// What a reader finds on a page of ours: its tables' cells, and all text but that of drawings, style and title.
final class Page: NSObject, XMLParserDelegate {
  /// A table's rows, its header first.
  private(set) var tables: [[[String]]] = []
  /// Each element's own text.
  private(set) var texts: [String] = []
  private var open: [String] = []

  /// Fails the test where the page is not well-formed.
  init(_ page: Data, file: StaticString = #filePath, line: UInt = #line) {
    super.init()
    let parser = XMLParser(data: page)
    parser.delegate = self
    XCTAssertTrue(
      parser.parse(), "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "")", file: file,
      line: line)
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    open.append(name)
    switch name {
    case "table": tables.append([])
    case "tr": tables[tables.count - 1].append([])
    case "th", "td": tables[tables.count - 1][tables.last!.count - 1].append("")
    default: break
    }
    texts.append("")
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?)
  {
    open.removeLast()
    texts.append("")
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    guard !open.contains(where: { ["svg", "style", "title"].contains($0) }) else { return }
    texts[texts.count - 1] += string
    guard ["th", "td"].contains(open.last) else { return }
    let (table, row) = (tables.count - 1, tables.last!.count - 1)
    tables[table][row][tables[table][row].count - 1] += string
  }
}
