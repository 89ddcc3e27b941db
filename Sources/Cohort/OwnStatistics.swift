import Foundation

/// What a patient's own beats, without their labels, say of the patient: how a beat of his looks, and how long he has from one to the next.
///
/// A network that reads a beat beside these asks how it differs from the patient's others, which carries over to a patient never seen
/// where the beat's own shape does not. Each rank makes them from its own beats; they never leave it.
public struct OwnStatistics: Sendable, Equatable {
  /// The median of every sample of the window over the beats.
  public let medianBeat: [Float]
  /// The median of the RR intervals before the beats, in seconds.
  public let rrMedian: Float
  /// Their spread: the interquartile range as a normal distribution's standard deviation, in seconds, at least 0.02.
  public let rrSpread: Float

  /// Numbers that stand behind a beat's RR features once it is read beside these statistics.
  public static let featureCount = 6

  /// Of all of `beats`, or of those at `indices`; at least one.
  public init(of beats: Examples, at indices: [Int]? = nil) {
    let chosen = indices ?? Array(0..<beats.count)
    precondition(!chosen.isEmpty, "statistics of no beat")
    var column = [Float](repeating: 0, count: chosen.count)
    medianBeat = (0..<beats.windowLength).map { sample in
      for (row, beat) in chosen.enumerated() {
        column[row] = beats.windows[beat * beats.windowLength + sample]
      }
      return Self.quantile(0.5, of: &column)
    }
    var intervals = chosen.map { beats.interval(before: $0) }
    rrMedian = Self.quantile(0.5, of: &intervals)
    let range = Self.quantile(0.75, of: &intervals) - Self.quantile(0.25, of: &intervals)
    rrSpread = max(range / 1.349, 0.02)
  }

  /// Between the two nearest ranks, linearly. Reorders the values.
  private static func quantile(_ share: Float, of values: inout [Float]) -> Float {
    let place = share * Float(values.count - 1)
    let rank = Int(place)
    return values.withUnsafeMutableBufferPointer { values in
      select(rank, in: values)
      let lower = values[rank]
      guard place > Float(rank), let upper = values[(rank + 1)...].min() else { return lower }
      return lower + (place - Float(rank)) * (upper - lower)
    }
  }

  /// Puts the value of that rank in its place, none larger before it and none smaller behind (Hoare 1961).
  private static func select(_ rank: Int, in values: UnsafeMutableBufferPointer<Float>) {
    var (left, right) = (0, values.count - 1)
    while left < right {
      let pivot = values[(left + right) / 2]
      var (i, j) = (left, right)
      while i <= j {
        while values[i] < pivot { i += 1 }
        while values[j] > pivot { j -= 1 }
        guard i <= j else { break }
        values.swapAt(i, j)
        i += 1
        j -= 1
      }
      if rank <= j { right = j } else if rank >= i { left = i } else { return }
    }
  }

  /// The beats as a network reads them beside these statistics: every sample followed by the median beat's, and behind the RR features
  /// pre/median - 1, post/median - 1, (pre - median)/spread and (post - median)/spread, each clipped to -3 ... 3, 1 - the correlation with
  /// the median beat, and ln(0.05 + |beat - median beat| / |median beat|).
  public func inputs(_ beats: Examples) -> Examples {
    let length = beats.windowLength
    precondition(
      length == medianBeat.count, "windows of \(length) samples beside a median beat of \(medianBeat.count)")
    var (windows, features): ([Float], [Float]) = ([], [])
    windows.reserveCapacity(2 * beats.windows.count)
    features.reserveCapacity(beats.count * (beats.featureCount + Self.featureCount))
    let norm = medianBeat.reduce(0) { $0 + $1 * $1 }.squareRoot() + 1e-6
    let centre = medianBeat.reduce(0, +) / Float(length)
    let centredNorm = medianBeat.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }.squareRoot() + 1e-6
    for beat in 0..<beats.count {
      let window = beats.window(beat)
      let mean = window.reduce(0, +) / Float(length)
      var (product, square, distance): (Float, Float, Float) = (0, 0, 0)
      for (x, m) in zip(window, medianBeat) {
        windows.append(x)
        windows.append(m)
        product += (x - mean) * (m - centre)
        square += (x - mean) * (x - mean)
        distance += (x - m) * (x - m)
      }
      let (pre, post) = (beats.interval(before: beat), beats.interval(after: beat))
      features += beats.rr[beat * beats.featureCount..<(beat + 1) * beats.featureCount]
      for value in [
        pre / rrMedian - 1, post / rrMedian - 1, (pre - rrMedian) / rrSpread, (post - rrMedian) / rrSpread,
      ] {
        features.append(min(max(value, -3), 3))
      }
      features.append(1 - product / (square.squareRoot() * centredNorm + 1e-6))
      features.append(log(0.05 + distance.squareRoot() / norm))
    }
    return beats.with(
      windowLength: 2 * length, windows: windows, featureCount: beats.featureCount + Self.featureCount,
      features)
  }
}

extension Examples {
  /// The RR interval before a beat, in seconds, as its RR features tell it (at most 3.8).
  fileprivate func interval(before beat: Int) -> Float { max(rr[beat * featureCount + 2] + 0.8, 1e-3) }

  /// The one after it.
  fileprivate func interval(after beat: Int) -> Float {
    interval(before: beat) * exp(rr[beat * featureCount + 3])
  }
}
