/// Points of several kinds over x, many more than could be marked one by one: the first kind as small dots, the others by their signs upon them.
public struct PointChart: Chart {
  /// Points of one kind, in order of x.
  public struct Series: Sendable {
    let name: String
    let points: [LineChart.Point]
    public init(_ name: String, _ points: [LineChart.Point]) {
      self.name = name
      self.points = points
    }
  }

  /// About as many dots and, of each other kind, signs are drawn: of the points in every stretch the lowest and the highest.
  static let (dotLimit, signLimit) = (3000, 400)

  private let title: String
  private let xTitle: String
  private let yTitle: String
  private let series: [Series]

  /// Points that are not finite are left out. Up to six kinds are told apart.
  public init(_ title: String, x: String, y: String, _ series: [Series]) {
    self.title = title
    xTitle = x
    yTitle = y
    self.series = series.enumerated().map { index, kind in
      let drawable = kind.points.filter { $0.x.isFinite && $0.y.isFinite }
      return Series(kind.name, thinned(drawable, to: index == 0 ? Self.dotLimit : Self.signLimit))
    }
  }

  public var svg: String {
    let points = series.flatMap(\.points)
    let plot = Plot(left: 58, height: 220, x: Axis(points.map(\.x)))
    let y = Axis(points.map(\.y))
    func place(_ point: LineChart.Point) -> (x: Double, y: Double) {
      (plot.horizontal(point.x), plot.vertical(point.y, y))
    }
    let legendTop = plot.bottom + Plot.axisHeight
    let dots = series.first.map { self.dots($0.points.map(place)) } ?? []
    let signs = series.indices.dropFirst().flatMap { index in
      series[index].points.map { point in
        let (x, y) = place(point)
        return Drawing.symbol(index, x, y)
      }
    }
    return Drawing.svg(
      title, height: legendTop + Double(series.count) * Drawing.legendRow,
      plot.scale(y, yTitle) + plot.axis(xTitle) + (points.isEmpty ? [plot.emptyNote] : []) + dots + signs
        + Drawing.legend(series.map(\.name), left: plot.left + 11, top: legendTop) { index, x, y in
          index == 0 ? self.dots([(x, y)]).joined() : Drawing.symbol(index, x, y)
        })
  }

  /// One path for all: each dot is a line of no length with round ends.
  private func dots(_ places: [(x: Double, y: Double)]) -> [String] {
    guard !places.isEmpty else { return [] }
    let path = places.map { "M\(Drawing.number($0.x)) \(Drawing.number($0.y))h0" }.joined()
    return [
      "<path d=\"\(path)\" fill=\"none\" style=\"stroke:\(Drawing.colour(0))\" stroke-width=\"3.5\" stroke-linecap=\"round\"/>"
    ]
  }
}
