/// Lines of y over x.
public struct LineChart: Chart {
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
  private let range: (x: ClosedRange<Double>, y: ClosedRange<Double>)?
  private let series: [Series]

  /// Points that are not finite are left out, on a logarithmic y axis also those not above zero. So are those outside
  /// `range`, finite bounds of the axes; without it they hold all points.
  public init(
    _ title: String, x: String, y: String, logarithmic: Bool = false,
    range: (x: ClosedRange<Double>, y: ClosedRange<Double>)? = nil, _ series: [Series]
  ) {
    self.title = title
    xTitle = x
    yTitle = y
    self.logarithmic = logarithmic
    self.range = range
    let limit = max(Self.pointLimit / max(series.count, 1), 4)
    self.series = series.map { line in
      let drawable = line.points.filter {
        $0.x.isFinite && $0.y.isFinite && (!logarithmic || $0.y > 0)
          && range?.x.contains($0.x) != false && range?.y.contains($0.y) != false
      }
      return Series(line.name, thinned(drawable, to: limit))
    }
  }

  /// The first series lies on top.
  public var svg: String {
    let points = series.flatMap(\.points)
    let plot = Plot(left: 58, height: 220, x: Axis(range.map { bounds($0.x) } ?? points.map(\.x)))
    let y = Axis(range.map { bounds($0.y) } ?? points.map(\.y), logarithmic: logarithmic)
    let legendTop = plot.bottom + Plot.axisHeight
    return Drawing.svg(
      title, height: legendTop + Double(series.count) * Drawing.legendRow,
      plot.scale(y, yTitle) + plot.axis(xTitle) + (points.isEmpty ? [plot.emptyNote] : [])
        + series.indices.reversed().flatMap { line($0, plot, y) }
        + Drawing.legend(series.map(\.name), left: plot.left + 11, top: legendTop) { index, x, y in
          "<path d=\"M\(Drawing.number(x - 11)) \(Drawing.number(y))h22\" style=\"stroke:\(Drawing.colour(index))\" stroke-width=\"4\"/>"
        })
  }

  private func bounds(_ range: ClosedRange<Double>) -> [Double] { [range.lowerBound, range.upperBound] }

  /// Few points are marked, so that one alone is seen.
  private func line(_ index: Int, _ plot: Plot, _ y: Axis) -> [String] {
    let colour = Drawing.colour(index)
    let spots = series[index].points.map { (plot.horizontal($0.x), plot.vertical($0.y, y)) }
    guard !spots.isEmpty else { return [] }
    let path = spots.map { "\(Drawing.number($0.0)),\(Drawing.number($0.1))" }.joined(separator: " ")
    let line =
      "<polyline points=\"\(path)\" fill=\"none\" style=\"stroke:\(colour)\" stroke-width=\"\(spots.count > 60 ? 1.3 : 2)\" stroke-linejoin=\"round\"/>"
    let marks = (spots.count <= 30 ? spots : []).map {
      "<circle cx=\"\(Drawing.number($0.0))\" cy=\"\(Drawing.number($0.1))\" r=\"3\" style=\"fill:\(colour)\"/>"
    }
    return [line] + marks
  }
}
