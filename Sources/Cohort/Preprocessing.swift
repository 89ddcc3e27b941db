/// What is done to a lead before beats are cut from it: gaps filled, band-pass, z-score, resampling, in this order.
///
/// The z-score is taken over the whole record, so training beats share two numbers (mean and spread) with test beats of
/// the same record; it uses no labels. All arithmetic is in Double, the result Float.
public struct Preprocessing: Sendable, Equatable {
  /// The band kept, in Hz.
  public var low: Double
  public var high: Double
  /// The sampling rate of the result, in Hz.
  public var rate: Double

  public init(low: Double = 0.5, high: Double = 40, rate: Double = 128) {
    self.low = low
    self.high = high
    self.rate = rate
  }

  /// Invalid samples in a row, in seconds, up to which a window may hold them: beyond it, too much of the window would
  /// be the straight line that fills the gap.
  public static let longestGap = 0.1

  /// The preprocessed lead, and its long gaps as ranges of the samples that came in.
  ///
  /// - Parameters:
  ///   - signal: samples in any unit; not finite where invalid. A gap is filled by a straight line between its neighbours, and
  ///     a gap at either end by the nearest valid sample.
  ///   - samplingFrequency: of `signal`, in Hz.
  /// - Throws: `SignalError`.
  public func process(
    _ signal: [Float], samplingFrequency: Double
  ) throws -> (samples: [Float], longGaps: [Range<Int>]) {
    let filter = try BandPassFilter(low: low, high: high, samplingFrequency: samplingFrequency)
    let resampler = try Resampler(from: samplingFrequency, to: rate)

    var samples = signal.map(Double.init)
    let gaps = try Self.fillGaps(of: &samples)
    guard let first = samples.first, samples.contains(where: { $0 != first }) else {
      throw SignalError.constant
    }
    samples = try filter.filtered(samples)
    try Self.standardise(&samples)
    let longest = Int(Self.longestGap * samplingFrequency)
    return (resampler.resampled(samples).map(Float.init), gaps.filter { $0.count > longest })
  }

  /// Replaces what is not finite by straight lines and returns where it was.
  package static func fillGaps(of samples: inout [Double]) throws -> [Range<Int>] {
    var gaps: [Range<Int>] = []
    var i = 0
    while i < samples.count {
      guard !samples[i].isFinite else {
        i += 1
        continue
      }
      var end = i
      while end < samples.count, !samples[end].isFinite { end += 1 }
      gaps.append(i..<end)
      i = end
    }
    for gap in gaps {
      guard gap.count < samples.count else { throw SignalError.noValidSample }
      let after = gap.upperBound < samples.count ? samples[gap.upperBound] : samples[gap.lowerBound - 1]
      let before = gap.lowerBound > 0 ? samples[gap.lowerBound - 1] : after
      for i in gap {
        let way = Double(i - gap.lowerBound + 1) / Double(gap.count + 1)
        samples[i] = before + (after - before) * way
      }
    }
    return gaps
  }

  /// Subtracts the mean and divides by the standard deviation (over n).
  static func standardise(_ samples: inout [Double]) throws {
    let count = Double(samples.count)
    let mean = samples.reduce(0, +) / count
    let variance = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    guard variance.isFinite, variance > 0 else { throw SignalError.constant }
    let scale = 1 / variance.squareRoot()
    for i in samples.indices { samples[i] = (samples[i] - mean) * scale }
  }
}
