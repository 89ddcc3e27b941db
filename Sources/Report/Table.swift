/// Rows and columns of text, as a person reads them on a terminal, in Markdown or on a page, and a program as CSV. Columns that hold text are set left, figures right.
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
    let lines = ([header] + rows).map {
      $0.map { $0.split(whereSeparator: \.isNewline).joined(separator: " ") }
    }
    let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    let figures = figures
    func line(_ cells: [String]) -> String {
      var text = ""
      for (column, cell) in cells.enumerated() {
        let space = String(repeating: " ", count: widths[column] - cell.count)
        text += (column == 0 ? "" : "  ") + (figures[column] ? space + cell : cell + space)
      }
      return String(text.reversed().drop { $0 == " " }.reversed())
    }
    let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
    return ([line(lines[0]), rule] + lines.dropFirst().map(line)).joined(separator: "\n")
  }

  /// GitHub's Markdown.
  public var markdown: String {
    func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
    func cell(_ text: String) -> String {
      text.unicodeScalars.map { scalar in
        switch scalar {
        case "|", "\\", "<": "\\\(scalar)"
        case "\n", "\r": " "
        default: String(scalar)
        }
      }.joined()
    }
    let rule = figures.map { $0 ? "---:" : "---" }
    return ([header.map(cell), rule] + rows.map { $0.map(cell) }).map(line).joined(separator: "\n")
  }

  /// As RFC 4180 has it. A cell that a spreadsheet would run as a formula has an apostrophe before it.
  public var csv: String { ([header] + rows).map(Self.csvLine).joined() }

  /// One line of `csv`, its end included, for tables too long to be held.
  public static func csvLine(_ cells: [String]) -> String {
    func quoted(_ text: String) -> String {
      let first = text.unicodeScalars.first
      let isFormula = first.map { "=+-@\t\r".unicodeScalars.contains($0) } == true
      let safe = isFormula && text != "-" && !isFigure(text) ? "'" + text : text
      let isPlain = safe.unicodeScalars.allSatisfy { !",\"\r\n".unicodeScalars.contains($0) }
      return isPlain
        ? safe : "\"" + safe.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
    }
    return cells.map(quoted).joined(separator: ",") + "\r\n"
  }

  /// A `table` element; cells of figures have the class `figures`.
  public var html: String {
    let figures = figures
    func row(_ cells: [String], _ element: String) -> String {
      let cells = cells.enumerated().map { column, cell in
        "<\(element)\(figures[column] ? " class=\"figures\"" : "")>\(escaped(cell))</\(element)>"
      }
      return "<tr>\(cells.joined())</tr>"
    }
    let body = rows.map { row($0, "td") }.joined(separator: "\n")
    return "<table>\n<thead>\n\(row(header, "th"))\n</thead>\n<tbody>\n\(body)\n</tbody>\n</table>"
  }

  /// Of each column: whether its cells are figures, some perhaps missing.
  private var figures: [Bool] {
    header.indices.map { column in
      rows.contains { Self.isFigure($0[column]) }
        && rows.allSatisfy { Self.isFigure($0[column]) || $0[column] == "-" }
    }
  }

  /// A number or more that are one figure: "12", "+1.2", "97 %", "96.8 ± 0.4", "[0.3, 2.1]", "1.2 [0.3, 2.1]".
  private static func isFigure(_ cell: String) -> Bool {
    let numbers = cell.split { " %±[,]".contains($0) }
    return !numbers.isEmpty && numbers.allSatisfy { Double($0) != nil }
      && cell.contains(",") == cell.contains("[")
  }
}
