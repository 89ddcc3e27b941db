/// Values with their intervals along one horizontal axis, in rows below group headings.
public struct IntervalChart: Chart {
  /// A value, from `low` to `high` where they are known.
  public struct Mark: Sendable {
    let value: Double
    let low: Double?
    let high: Double?
    public init(_ value: Double, low: Double? = nil, high: Double? = nil) {
      self.value = value
      self.low = low.flatMap { $0.isFinite ? $0 : nil }
      self.high = high.flatMap { $0.isFinite ? $0 : nil }
    }
  }

  /// A mark of each series, or none. One whose value is not finite is left out.
  public struct Row: Sendable {
    let label: String
    let marks: [Mark?]
    public init(_ label: String, _ marks: [Mark?]) {
      self.label = label
      self.marks = marks.map { $0.flatMap { $0.value.isFinite ? $0 : nil } }
    }
  }

  public struct Group: Sendable {
    let heading: String?
    let rows: [Row]
    public init(_ heading: String?, _ rows: [Row]) {
      self.heading = heading
      self.rows = rows
    }
  }

  private let title: String
  private let xTitle: String
  private let reference: Double?
  private let series: [String]
  private let groups: [Group]

  /// `reference`: a value to compare with, marked in all groups. Up to six series are told apart.
  public init(_ title: String, x: String, reference: Double? = nil, series: [String], _ groups: [Group]) {
    for row in groups.flatMap(\.rows) {
      precondition(row.marks.count == series.count, "\(row.marks.count) marks for \(series.count) series")
    }
    self.title = title
    xTitle = x
    self.reference = reference
    self.series = series
    self.groups = groups
  }

  /// Each series has its own lane in a row, so that no mark hides another.
  private static let lane = 11.0
  private static let headingHeight = 28.0
  private var rowHeight: Double { max(Double(series.count) * Self.lane + 8, 24) }

  private func height(_ group: Group) -> Double {
    (group.heading == nil ? 0 : Self.headingHeight) + Double(group.rows.count) * rowHeight
  }

  public var svg: String {
    let rows = groups.flatMap(\.rows)
    let marks = rows.flatMap(\.marks).compactMap { $0 }
    let values = marks.flatMap { [$0.low, $0.value, $0.high] } + [reference]
    let labels = rows.map { Drawing.lengthGuess($0.label) }.max() ?? 0
    let plot = Plot(
      left: min(max(labels + 18, 58), 170), height: max(groups.map(height).reduce(0, +), 60),
      x: Axis(values.compactMap { $0 }))
    var body = plot.axis(xTitle) + (marks.isEmpty ? [plot.emptyNote] : [])
    var top = Plot.top
    for group in groups {
      body += drawn(group, top, plot)
      top += height(group)
    }
    let legendTop = plot.bottom + Plot.axisHeight
    body += Drawing.legend(series, top: legendTop, sign: Drawing.symbol)
    return Drawing.svg(title, height: legendTop + Double(series.count) * Drawing.legendRow, body)
  }

  private func drawn(_ group: Group, _ top: Double, _ plot: Plot) -> [String] {
    let end = top + height(group)
    let start = end - Double(group.rows.count) * rowHeight
    let heading = group.heading.map {
      Drawing.text(0, start - 8, $0, within: Drawing.width, Drawing.bold)
    }
    func upright(_ value: Double) -> String {
      "M\(Drawing.number(plot.horizontal(value))) \(Drawing.number(start))V\(Drawing.number(end))"
    }
    let grid = Drawing.rule(plot.x.ticks.map(upright).joined(), opacity: 0.15)
    let line = reference.map { Drawing.rule(upright($0), opacity: 0.6) }
    let rows = group.rows.enumerated().flatMap { index, row in
      drawn(row, start + Double(index) * rowHeight, shaded: index.isMultiple(of: 2), plot)
    }
    return [heading, grid, line].compactMap { $0 } + rows
  }

  /// Every other row is shaded: it leads the eye from the label to the marks.
  private func drawn(_ row: Row, _ top: Double, shaded: Bool, _ plot: Plot) -> [String] {
    let shade =
      "<rect x=\"0\" y=\"\(Drawing.number(top))\" width=\"\(Drawing.number(plot.left + plot.width))\" height=\"\(Drawing.number(rowHeight))\" fill-opacity=\"0.05\"/>"
    let label = Drawing.text(
      plot.left - 10, top + rowHeight / 2 + 5, row.label, within: plot.left - 10, Drawing.rightSet)
    let firstLane = top + (rowHeight - Double(series.count - 1) * Self.lane) / 2
    let marks = row.marks.enumerated().flatMap { index, mark in
      mark.map { drawn($0, index, firstLane + Double(index) * Self.lane, plot) } ?? []
    }
    return (shaded ? [shade] : []) + [label] + marks
  }

  private func drawn(_ mark: Mark, _ series: Int, _ height: Double, _ plot: Plot) -> [String] {
    let symbol = Drawing.symbol(series, plot.horizontal(mark.value), height)
    let ends = [mark.low, mark.high].compactMap { $0 }.map { Drawing.number(plot.horizontal($0)) }
    let middle = "M\(Drawing.number(plot.horizontal(mark.value))) \(Drawing.number(height))"
    let path = ends.map { "\(middle)H\($0)m0-3v6" }.joined()
    return path.isEmpty
      ? [symbol]
      : [
        "<path d=\"\(path)\" fill=\"none\" style=\"stroke:\(Drawing.colour(series))\" stroke-width=\"1.6\"/>",
        symbol,
      ]
  }
}
