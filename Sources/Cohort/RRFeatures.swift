import Foundation

/// Four numbers a beat that say how it lies in time among its neighbours.
public enum RRFeatures {
  /// Numbers a beat.
  public static let count = 4

  /// Beats that the median looks back and ahead: 2 * 10 + 1 = 21 RR intervals.
  private static let reach = 10

  /// The features of every beat, `count` numbers a beat in one array:
  /// pre/median - 1, post/median - 1, pre - 0.8 s, ln(post/pre), each clipped to -3 ... 3.
  ///
  /// `pre` is the interval in seconds from the beat before, `post` the one to the beat after, and the median is that of
  /// the interval before this beat, the ten before that one and the ten after it. At the ends of a record it takes the
  /// intervals that there are. The first beat's `pre` and the last beat's `post` do not exist: the median stands for
  /// them. Of a single beat's interval nothing is known: 0.8 s stands for the median. Two beats on one sample count as
  /// one sample apart.
  ///
  /// - Parameters:
  ///   - beats: the samples of all beats of the record, ascending, those of unused classes included.
  ///   - samplingFrequency: of these samples, in Hz.
  public static func features(beats: [Int], samplingFrequency: Double) -> [Float] {
    // intervals[i] lies between beats i and i + 1.
    let intervals = zip(beats, beats.dropFirst()).map { Double(max($1 - $0, 1)) / samplingFrequency }
    var features: [Float] = []
    features.reserveCapacity(beats.count * count)
    for i in beats.indices {
      let from = max(0, i - 1 - reach)
      let to = min(intervals.count, i + reach)
      let median = intervals.isEmpty ? 0.8 : Self.median(of: intervals[from..<to])
      let pre = i > 0 ? intervals[i - 1] : median
      let post = i < intervals.count ? intervals[i] : median
      for value in [pre / median - 1, post / median - 1, pre - 0.8, log(post / pre)] {
        features.append(Float(min(max(value, -3), 3)))
      }
    }
    return features
  }

  /// The middle value, or the mean of the middle two.
  private static func median(of values: ArraySlice<Double>) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
