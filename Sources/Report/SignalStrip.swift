import Foundation

/// A stretch of one lead in rows of a few seconds each, its beats marked above it.
public struct SignalStrip: Chart {
  private let title: String
  private let unit: String
  private let rate: Double
  private let start: Double
  private let samples: [Float]
  private let row: Double
  private let kinds: [String]
  private let beats: [(offset: Double, kind: Int)]

  /// `rate` in Hz; the first sample is at second `start`, and a row has `row` seconds. Samples that are not finite leave a
  /// gap, beats before or behind the samples are left out. Up to six kinds of beats are told apart.
  public init(
    _ title: String, unit: String, rate: Double, start: Double, samples: [Float], row: Double = 5,
    kinds: [String], beats: [(second: Double, kind: Int)]
  ) {
    precondition(rate > 0 && row > 0, "\(rate) Hz in rows of \(row) s")
    precondition(beats.allSatisfy { kinds.indices.contains($0.kind) }, "a beat of none of the kinds")
    self.title = title
    self.unit = unit
    self.rate = rate
    self.start = start
    self.samples = samples
    self.row = row
    self.kinds = kinds
    let end = Double(samples.count) / rate
    self.beats = beats.map { ($0.second - start, $0.kind) }.filter { $0.0 >= 0 && $0.0 < end }
  }

  private static let left = 8.0
  private static let width = Drawing.width - 2 * left
  /// Of a row: beats, trace, time.
  private static let (beatHeight, traceHeight, timeHeight) = (18.0, 84.0, 20.0)
  private static let rowHeight = beatHeight + traceHeight + timeHeight

  public var svg: String {
    let level = Axis(samples.lazy.filter(\.isFinite).map(Double.init))
    let rows = samples.isEmpty ? 1 : Int(Double(samples.count - 1) / rate / row) + 1
    let legendTop = Drawing.top + Double(rows) * Self.rowHeight + 6
    var body = grid(rows, level)
    body += (0..<rows).map { index in
      let second = Drawing.number(start + Double(index) * row)
      return Drawing.text(Self.left, top(index) + Self.rowHeight - 7, "\(second) s", Drawing.small)
    }
    if samples.contains(where: \.isFinite) {
      body.append(trace(level))
    } else {
      body.append(Drawing.emptyNote(Drawing.width / 2, top(0) + Self.rowHeight / 2))
    }
    body += beats.map { beat in
      let (row, x) = place(beat.offset)
      return Drawing.symbol(beat.kind, x, top(row) + Self.beatHeight / 2)
    }
    body += Drawing.legend(kinds, top: legendTop, sign: Drawing.symbol)
    return Drawing.svg(title, height: legendTop + Double(kinds.count) * Drawing.legendRow, body)
  }

  private func top(_ row: Int) -> Double { Drawing.top + Double(row) * Self.rowHeight }

  /// The row of a time after the start, and the place in it.
  private func place(_ offset: Double) -> (row: Int, x: Double) {
    let index = (offset / row).rounded(.down)
    return (Int(index), Self.left + (offset / row - index) * Self.width)
  }

  private func height(_ level: Double, _ axis: Axis, _ row: Int) -> Double {
    top(row) + Self.beatHeight + (1 - axis.position(level)) * Self.traceHeight
  }

  // MARK: Grid

  /// Lines every 0.2 s, stronger ones every second, and every unit; where these would be too many, every 10, 100 and so on.
  private func grid(_ rows: Int, _ axis: Axis) -> [String] {
    let step = pow(10, max(log10((axis.high - axis.low) / 20).rounded(.up), 0))
    let levels = Array(stride(from: (axis.low / step).rounded(.up) * step, through: axis.high, by: step))
    let fifths = 0...Int(row * 5 + 1e-9)
    var (light, strong) = ("", "")
    for index in 0..<rows {
      let start = Drawing.number(top(index) + Self.beatHeight)
      for fifth in fifths {
        let x = Drawing.number(Self.left + Double(fifth) / 5 / row * Self.width)
        let line = "M\(x) \(start)v\(Drawing.number(Self.traceHeight))"
        if fifth.isMultiple(of: 5) { strong += line } else { light += line }
      }
      for level in levels {
        light +=
          "M\(Drawing.number(Self.left)) \(Drawing.number(height(level, axis, index)))h\(Drawing.number(Self.width))"
      }
    }
    let note = "lines every 0.2 s" + (levels.isEmpty ? "" : " and \(Axis.label(step)) \(unit)")
    return [
      Drawing.text(0, Drawing.top - 8, note, within: Drawing.width, Drawing.small),
      Drawing.rule(light, opacity: 0.1), Drawing.rule(strong, opacity: 0.25),
    ]
  }

  // MARK: Trace

  /// More points a row would not be seen.
  private static let pointLimit = 960

  /// One path in whole tenths, each place told from the one before: a third of what places in full take.
  private func trace(_ axis: Axis) -> String {
    let path = runs.map { run in
      let limit = max(Self.pointLimit * run.count / max(Int(rate * row), 1), 4)
      let points = run.map { LineChart.Point(Double($0) / rate, Double(samples[$0])) }
      let row = place(points[0].x).row
      let places = thinned(points, to: limit).map {
        (x: tenths(place($0.x).x), y: tenths(height($0.y, axis, row)))
      }
      // A sample alone is a dot.
      let steps = zip(places, places.dropFirst()).map { "\($1.x - $0.x) \($1.y - $0.y)" }
      return "M\(places[0].x) \(places[0].y)l"
        + (steps.isEmpty ? "0 0" : steps.joined(separator: " ").replacing(" -", with: "-"))
    }
    return
      "<path transform=\"scale(0.1)\" d=\"\(path.joined())\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"12\" stroke-linejoin=\"round\" stroke-linecap=\"round\"/>"
  }

  private func tenths(_ value: Double) -> Int { Int((value * 10).rounded()) }

  /// Samples in one row with no gap between them.
  private var runs: [Range<Int>] {
    var runs: [Range<Int>] = []
    for index in samples.indices where samples[index].isFinite {
      if let last = runs.last, last.upperBound == index, rowOf(index) == rowOf(index - 1) {
        runs[runs.count - 1] = last.lowerBound..<index + 1
      } else {
        runs.append(index..<index + 1)
      }
    }
    return runs
  }

  private func rowOf(_ sample: Int) -> Int { place(Double(sample) / rate).row }
}
