/// `Preprocessing.fillGaps` for a signal that comes in pieces; a gap's line is drawn a piece at a time, however long it is.
package struct GapFiller {
  /// Gaps of more samples than `longest` that have been passed.
  package private(set) var longGaps: [Range<Int>] = []

  private let longest: Int
  private var samples: [Float] = []
  /// The first of them that has not been looked at.
  private var place = 0
  /// Samples looked at, in all.
  private var count = 0
  /// The last valid sample.
  private var last: Double?
  /// Invalid samples since.
  private var gap = 0
  private var line: Line?

  private struct Line {
    let before: Double
    let after: Double
    let count: Int
    var drawn = 0
  }

  private static let piece = 1 << 15

  package init(longest: Int) { self.longest = longest }

  /// Takes in the next samples, after all that could be had by `next`.
  package mutating func add(_ more: [Float]) {
    samples = more
    place = 0
  }

  /// The next filled samples; none when more have to come in first.
  package mutating func next() -> [Double] {
    var filled: [Double] = []
    while filled.count < Self.piece {
      draw(into: &filled)
      guard line == nil, place < samples.count else { break }
      let sample = Double(samples[place])
      if !sample.isFinite {
        gap += 1
      } else if gap > 0 {
        // The sample itself comes after the line.
        close(at: sample)
        continue
      } else {
        filled.append(sample)
        last = sample
      }
      place += 1
      count += 1
    }
    return filled
  }

  /// What remains when no more come: to be called until it gives none. Throws `SignalError.noValidSample`.
  package mutating func finish() throws -> [Double] {
    if gap > 0 {
      guard let last else { throw SignalError.noValidSample }
      close(at: last)
    }
    var filled: [Double] = []
    draw(into: &filled)
    return filled
  }

  private mutating func close(at sample: Double) {
    if gap > longest { longGaps.append((count - gap)..<count) }
    line = Line(before: last ?? sample, after: sample, count: gap)
    gap = 0
  }

  private mutating func draw(into filled: inout [Double]) {
    guard var drawn = line else { return }
    while drawn.drawn < drawn.count, filled.count < Self.piece {
      let way = Double(drawn.drawn + 1) / Double(drawn.count + 1)
      filled.append(drawn.before + (drawn.after - drawn.before) * way)
      drawn.drawn += 1
    }
    line = drawn.drawn < drawn.count ? drawn : nil
  }
}
