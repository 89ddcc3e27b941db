/// Lines of y over x.
public struct LineChart: Chart {
  public struct Point: Sendable, Equatable {
    public let x: Double
    public let y: Double
    /// A whisker's ends, where there is one.
    public let low: Double?
    public let high: Double?
    public init(_ x: Double, _ y: Double, low: Double? = nil, high: Double? = nil) {
      self.x = x
      self.y = y
      self.low = low
      self.high = high
    }
  }

  public enum Style: Sendable {
    case line
    /// For what is not measured: a model, an ideal.
    case dashed
    /// Signs alone.
    case points
  }

  /// A named line. Its points lie in order of x.
  public struct Series: Sendable {
    let name: String
    let points: [Point]
    let style: Style
    /// Its place among the colours and signs; nil: its place among the series.
    let colour: Int?
    public init(_ name: String, _ points: [Point], style: Style = .line, colour: Int? = nil) {
      self.name = name
      self.points = points
      self.style = style
      self.colour = colour
    }
  }

  /// About as many points are drawn in all.
  static let pointLimit = 500

  private let title: String
  private let xTitle: String
  private let yTitle: String
  private let logarithmic: (x: Bool, y: Bool)
  private let range: (x: ClosedRange<Double>, y: ClosedRange<Double>)?
  private let series: [Series]

  /// Points that are not finite are left out, on a logarithmic axis also those not above zero. So are those outside
  /// `range`, finite bounds of the axes; without it they hold all points. `logarithmic`: the y axis.
  public init(
    _ title: String, x: String, y: String, logarithmic: Bool = false, logarithmicX: Bool = false,
    range: (x: ClosedRange<Double>, y: ClosedRange<Double>)? = nil, _ series: [Series]
  ) {
    self.title = title
    xTitle = x
    yTitle = y
    self.logarithmic = (logarithmicX, logarithmic)
    self.range = range
    let limit = max(Self.pointLimit / max(series.count, 1), 4)
    self.series = series.map { line in
      let drawable = line.points.filter {
        $0.x.isFinite && $0.y.isFinite && (!logarithmic || $0.y > 0) && (!logarithmicX || $0.x > 0)
          && range?.x.contains($0.x) != false && range?.y.contains($0.y) != false
      }
      return Series(line.name, thinned(drawable, to: limit), style: line.style, colour: line.colour)
    }
  }

  /// The first series lies on top.
  public var svg: String {
    let points = series.flatMap(\.points)
    let whiskers = points.flatMap { [$0.low, $0.high] }.compactMap { $0 }.filter {
      $0.isFinite && (!logarithmic.y || $0 > 0)
    }
    let x = Axis(range.map { bounds($0.x) } ?? points.map(\.x), logarithmic: logarithmic.x)
    let plot = Plot(left: 58, height: 220, x: x)
    let y = Axis(
      range.map { bounds($0.y) } ?? points.map(\.y) + whiskers, logarithmic: logarithmic.y)
    let legendTop = plot.bottom + Plot.axisHeight
    return Drawing.svg(
      title, height: legendTop + Double(series.count) * Drawing.legendRow,
      plot.scale(y, yTitle) + plot.axis(xTitle) + (points.isEmpty ? [plot.emptyNote] : [])
        + series.indices.reversed().flatMap { line($0, plot, y) }
        + Drawing.legend(series.map(\.name), left: plot.left + 11, top: legendTop) { index, x, y in
          let colour = self.colour(index)
          return series[index].style == .points
            ? Drawing.symbol(colour, x, y)
            : "<path d=\"M\(Drawing.number(x - 11)) \(Drawing.number(y))h22\" style=\"stroke:\(Drawing.colour(colour))\" stroke-width=\"4\"\(dashes(index))/>"
        })
  }

  private func colour(_ index: Int) -> Int { series[index].colour ?? index }

  private func dashes(_ index: Int) -> String {
    series[index].style == .dashed ? " stroke-dasharray=\"5 4\"" : ""
  }

  private func bounds(_ range: ClosedRange<Double>) -> [Double] { [range.lowerBound, range.upperBound] }

  /// Few points are marked, so that one alone is seen.
  private func line(_ index: Int, _ plot: Plot, _ y: Axis) -> [String] {
    let colour = Drawing.colour(colour(index))
    let points = series[index].points
    let spots = points.map { (plot.horizontal($0.x), plot.vertical($0.y, y)) }
    guard !spots.isEmpty else { return [] }
    let whiskers = points.compactMap { whisker($0, plot, y, colour) }
    if series[index].style == .points {
      return whiskers + spots.map { Drawing.symbol(self.colour(index), $0.0, $0.1) }
    }
    let path = spots.map { "\(Drawing.number($0.0)),\(Drawing.number($0.1))" }.joined(separator: " ")
    let line =
      "<polyline points=\"\(path)\" fill=\"none\" style=\"stroke:\(colour)\" stroke-width=\"\(spots.count > 60 ? 1.3 : 2)\" stroke-linejoin=\"round\"\(dashes(index))/>"
    let areMarked = spots.count <= 30 && series[index].style == .line
    let marks = (areMarked ? spots : []).map {
      "<circle cx=\"\(Drawing.number($0.0))\" cy=\"\(Drawing.number($0.1))\" r=\"3\" style=\"fill:\(colour)\"/>"
    }
    return [line] + whiskers + marks
  }

  private func whisker(_ point: Point, _ plot: Plot, _ y: Axis, _ colour: String) -> String? {
    guard let low = point.low, let high = point.high, low.isFinite, high.isFinite,
      !logarithmic.y || low > 0
    else { return nil }
    let x = plot.horizontal(point.x)
    let ends = [low, high].map {
      "M\(Drawing.number(x - 3)) \(Drawing.number(plot.vertical($0, y)))h6"
    }
    let upright =
      "M\(Drawing.number(x)) \(Drawing.number(plot.vertical(low, y)))V\(Drawing.number(plot.vertical(high, y)))"
    return
      "<path d=\"\(upright)\(ends.joined())\" fill=\"none\" style=\"stroke:\(colour)\" stroke-width=\"1.6\"/>"
  }
}
