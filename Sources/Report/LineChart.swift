import Foundation

/// Lines of y over x, drawn as SVG: text in the colour of the page around it, lines in `--line-1` to `--line-6` of the page's style where set.
public struct LineChart: Sendable {
  public struct Point: Sendable, Equatable {
    public let x: Double
    public let y: Double
    public init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// A named line. Its points lie in order of x.
  public struct Series: Sendable {
    let name: String
    let points: [Point]
    public init(_ name: String, _ points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  /// About as many points are drawn in all.
  static let pointLimit = 500

  private let title: String
  private let xTitle: String
  private let yTitle: String
  private let logarithmic: Bool
  private let series: [Series]

  /// Points that are not finite are left out, on a logarithmic y axis also those not above zero.
  public init(_ title: String, x: String, y: String, logarithmic: Bool = false, _ series: [Series]) {
    self.title = title
    xTitle = x
    yTitle = y
    self.logarithmic = logarithmic
    let limit = max(Self.pointLimit / max(series.count, 1), 4)
    self.series = series.map { line in
      let drawable = line.points.filter { $0.x.isFinite && $0.y.isFinite && (!logarithmic || $0.y > 0) }
      return Series(line.name, thinned(drawable, to: limit))
    }
  }

  // In units of the view box: small enough that text stays readable on a phone.
  private static let (width, left, right, top, plotHeight) = (480.0, 58.0, 14.0, 40.0, 220.0)
  private static let (axisHeight, legendRow) = (46.0, 20.0)
  private static let plotWidth = width - left - right

  /// An `svg` element, to be set into a page or kept as a file. The first series lies on top.
  public var svg: String {
    let height = Self.top + Self.plotHeight + Self.axisHeight + Double(series.count) * Self.legendRow
    let points = series.flatMap(\.points)
    let (x, y) = (Axis(points.map(\.x)), Axis(points.map(\.y), logarithmic: logarithmic))
    let body =
      [frame(x, y), points.isEmpty ? emptyNote : ""] + series.indices.reversed().map { line($0, x, y) }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(height))" role="img" \
      font-family="system-ui, sans-serif" font-size="14" fill="currentColor">
      <title>\(escaped(title))</title>
      \(body.filter { !$0.isEmpty }.joined(separator: "\n"))
      </svg>
      """
  }

  private func frame(_ x: Axis, _ y: Axis) -> String {
    let bottom = Self.top + Self.plotHeight
    var lines = [
      text(0, 16, escaped(title), "font-weight=\"600\""),
      text(Self.left, Self.top - 8, escaped(yTitle), "font-size=\"12\" opacity=\"0.75\""),
      text(
        Self.width - Self.right, bottom + 36, escaped(xTitle),
        "font-size=\"12\" opacity=\"0.75\" text-anchor=\"end\""),
    ]
    for tick in y.ticks {
      let height = Self.vertical(y.position(tick))
      lines.append(
        "<path d=\"M\(number(Self.left)) \(number(height))h\(number(Self.plotWidth))\" stroke=\"currentColor\" stroke-opacity=\"0.15\"/>"
      )
      lines.append(text(Self.left - 7, height + 5, Axis.label(tick), "text-anchor=\"end\""))
    }
    for tick in x.ticks {
      lines.append(
        text(Self.horizontal(x.position(tick)), bottom + 19, Axis.label(tick), "text-anchor=\"middle\""))
    }
    lines.append(
      "<path d=\"M\(number(Self.left)) \(number(bottom))h\(number(Self.plotWidth))\" stroke=\"currentColor\" stroke-opacity=\"0.5\"/>"
    )
    return lines.joined(separator: "\n")
  }

  /// A series and its place in the legend. Few points are marked, so that one alone is seen.
  private func line(_ index: Int, _ x: Axis, _ y: Axis) -> String {
    let colour = Self.colour(index)
    let spots = series[index].points.map {
      (Self.horizontal(x.position($0.x)), Self.vertical(y.position($0.y)))
    }
    var marks: [String] = []
    if !spots.isEmpty {
      let path = spots.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
      marks.append(
        "<polyline points=\"\(path)\" fill=\"none\" style=\"stroke:\(colour)\" stroke-width=\"\(spots.count > 60 ? 1.3 : 2)\" stroke-linejoin=\"round\"/>"
      )
    }
    if spots.count <= 30 {
      marks += spots.map {
        "<circle cx=\"\(number($0.0))\" cy=\"\(number($0.1))\" r=\"3\" style=\"fill:\(colour)\"/>"
      }
    }
    let row = Self.top + Self.plotHeight + Self.axisHeight + (Double(index) + 0.5) * Self.legendRow
    marks.append(
      "<path d=\"M\(number(Self.left)) \(number(row - 5))h22\" style=\"stroke:\(colour)\" stroke-width=\"4\"/>"
    )
    marks.append(text(Self.left + 30, row, escaped(Self.shortened(series[index].name))))
    return marks.joined(separator: "\n")
  }

  private var emptyNote: String {
    text(
      Self.left + Self.plotWidth / 2, Self.top + Self.plotHeight / 2, "nothing to draw",
      "text-anchor=\"middle\" opacity=\"0.6\"")
  }

  /// Okabe and Ito's colours, told apart by colour-blind readers too.
  private static let palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]

  private static func colour(_ index: Int) -> String {
    let place = index % palette.count
    return "var(--line-\(place + 1), \(palette[place]))"
  }

  private static func horizontal(_ share: Double) -> Double { left + share * plotWidth }
  private static func vertical(_ share: Double) -> Double { top + (1 - share) * plotHeight }

  private static func shortened(_ name: String) -> String { name.count <= 48 ? name : name.prefix(47) + "…" }

  private func text(_ x: Double, _ y: Double, _ escaped: String, _ style: String = "") -> String {
    "<text x=\"\(number(x))\" y=\"\(number(y))\"\(style.isEmpty ? "" : " " + style)>\(escaped)</text>"
  }

  private func number(_ value: Double) -> String {
    let text = String(format: "%.1f", value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
