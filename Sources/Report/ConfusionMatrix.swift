import Foundation

/// How many of each annotated class, row by row, were judged to be of which class.
public struct ConfusionMatrix: Chart {
  private let title: String
  private let classes: [String]
  private let counts: [[Int]]

  public init(_ title: String, classes: [String], counts: [[Int]]) {
    precondition(
      counts.count == classes.count && counts.allSatisfy { $0.count == classes.count },
      "not \(classes.count) rows of \(classes.count) counts")
    self.title = title
    self.classes = classes
    self.counts = counts
  }

  private static let (top, cellHeight, leastWidth) = (60.0, 46.0, 64.0)
  /// Of a cell with all of its row. Text stays legible on it in the page's colours, light and dark.
  private static let darkest = 0.45

  public var svg: String {
    let names = classes.map(Drawing.lengthGuess).max() ?? 0
    let left = min(max(names, Drawing.lengthGuess("annotated")) + 8, 150)
    let room = (Drawing.width - left - Drawing.right) / Double(max(classes.count, 1))
    let widest = counts.joined().map { Drawing.lengthGuess("\($0)") }.max() ?? 0
    let cell = max(room, Self.leastWidth, widest * 1.2 + 8)
    var body = [
      Drawing.text(left, 34, "judged", Drawing.small),
      Drawing.text(left - 8, 52, "annotated", Drawing.small, Drawing.rightSet),
    ]
    for (index, name) in classes.enumerated() {
      let (x, y) = (left + Double(index) * cell, Self.top + Double(index) * Self.cellHeight)
      body.append(Drawing.text(x + cell / 2, 52, name, within: cell, Drawing.centred))
      body.append(
        Drawing.text(
          left - 8, y + Self.cellHeight / 2 + 5, name, within: left - 8, Drawing.rightSet))
      body += row(counts[index], left, y, cell)
    }
    if classes.isEmpty { body.append(Drawing.emptyNote(Drawing.width / 2, Self.top + Self.cellHeight / 2)) }
    return Drawing.svg(
      title, width: max(Drawing.width, left + Double(classes.count) * cell + Drawing.right),
      height: Self.top + Double(max(classes.count, 1)) * Self.cellHeight + 4, body)
  }

  private func row(_ counts: [Int], _ left: Double, _ top: Double, _ cell: Double) -> [String] {
    let sum = counts.reduce(0) { $0 + Double($1) }
    return counts.enumerated().flatMap { index, count in
      let share = sum > 0 ? Double(count) / sum : 0
      let x = left + Double(index) * cell
      return [
        "<rect x=\"\(Drawing.number(x + 1))\" y=\"\(Drawing.number(top + 1))\" width=\"\(Drawing.number(cell - 2))\" height=\"\(Drawing.number(Self.cellHeight - 2))\" style=\"fill:\(Drawing.colour(0))\" fill-opacity=\"\(opacity(share))\"/>",
        Drawing.text(x + cell / 2, top + 21, "\(count)", Drawing.bold, Drawing.centred),
        Drawing.text(
          x + cell / 2, top + 37, sum > 0 ? String(format: "%.1f %%", share * 100) : "-", "font-size=\"12\"",
          Drawing.centred),
      ]
    }
  }

  /// An empty cell still shows that it is one.
  private func opacity(_ share: Double) -> Double {
    ((0.04 + share * (Self.darkest - 0.04)) * 1000).rounded() / 1000
  }
}
