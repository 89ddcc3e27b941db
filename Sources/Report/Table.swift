/// Rows and columns of text, as a person reads them on a terminal or in Markdown. The first columns that hold text are set left, figures right.
public struct Table: Sendable {
  private let header: [String]
  private var rows: [[String]] = []

  public init(_ header: [String]) { self.header = header }

  /// Adds a row of as many cells as the header has.
  public mutating func add(_ row: [String]) {
    precondition(row.count == header.count, "\(row.count) cells for \(header.count) columns")
    rows.append(row)
  }

  /// Columns padded to equal width, a rule below the header.
  public var text: String {
    let lines = [header] + rows
    let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      var text = ""
      for (column, cell) in cells.enumerated() {
        let space = String(repeating: " ", count: widths[column] - cell.count)
        text += (column == 0 ? "" : "  ") + (isFigures(column) ? space + cell : cell + space)
      }
      return String(text.reversed().drop { $0 == " " }.reversed())
    }
    let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
  }

  /// GitHub's Markdown.
  public var markdown: String {
    let rule = header.indices.map { isFigures($0) ? "---:" : "---" }
    return ([header, rule] + rows).map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n")
  }

  /// A `table` element; cells of figures have the class `figures`.
  public var html: String {
    func row(_ cells: [String], _ element: String) -> String {
      let cells = cells.enumerated().map { column, cell in
        "<\(element)\(isFigures(column) ? " class=\"figures\"" : "")>\(escaped(cell))</\(element)>"
      }
      return "<tr>\(cells.joined())</tr>"
    }
    let body = rows.map { row($0, "td") }.joined(separator: "\n")
    return "<table>\n<thead>\n\(row(header, "th"))\n</thead>\n<tbody>\n\(body)\n</tbody>\n</table>"
  }

  private func isFigures(_ column: Int) -> Bool {
    rows.contains { $0[column].contains(where: \.isNumber) }
      && rows.allSatisfy { Double($0[column].filter { $0 != "%" }) != nil || $0[column] == "-" }
  }
}
