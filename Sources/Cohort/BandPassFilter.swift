import Foundation

/// A Butterworth band-pass of order 2 (so four poles), run forward and backward: no phase shift, the magnitude squared.
///
/// Equal to `scipy.signal.butter(2, [low, high], 'bandpass', fs=fs, output='sos')` followed by
/// `scipy.signal.sosfiltfilt(sos, x)` with its default odd padding of 15 samples. Of SciPy's two forms, second-order
/// sections were chosen before `filtfilt(b, a)`: with 0.5 Hz at 360 Hz two poles lie close to 1, where the coefficients
/// of the fourth-degree polynomial lose digits.
public struct BandPassFilter: Sendable {
  /// One section, y = (g + 0 z^-1 - g z^-2) / (1 + a1 z^-1 + a2 z^-2) x: a zero at 0 Hz and one at half the rate.
  struct Section: Sendable {
    var gain: Double
    var a1: Double
    var a2: Double
  }

  /// Samples mirrored at each end, as `sosfiltfilt` chooses: 3 * (2 * sections + 1).
  static let padding = 15

  let sections: (Section, Section)

  /// Designs the filter for a sampling rate; all frequencies in Hz.
  ///
  /// - Throws: `SignalError.bandPassDoesNotFit` unless 0 < `low` < `high` < `samplingFrequency` / 2.
  public init(low: Double = 0.5, high: Double = 40, samplingFrequency: Double) throws {
    guard low > 0, low < high, samplingFrequency.isFinite, high < samplingFrequency / 2 else {
      throw SignalError.bandPassDoesNotFit(low: low, high: high, samplingFrequency: samplingFrequency)
    }
    // The edges warped for the bilinear transform z = (4 + s) / (4 - s), time in half sampling intervals.
    let lowEdge = 4 * tan(.pi * low / samplingFrequency)
    let highEdge = 4 * tan(.pi * high / samplingFrequency)
    let width = highEdge - lowEdge
    let centreSquared = lowEdge * highEdge

    // The low-pass prototype's pole p = exp(3 pi i / 4) becomes the two roots of s^2 - p width s + centre^2; the
    // prototype's other pole gives their conjugates. The discriminant p^2 width^2 - 4 centre^2 has p^2 = -i.
    let half = 0.5.squareRoot() * width
    let root = Self.squareRoot(real: -4 * centreSquared, imaginary: -width * width)
    let poles = [(-half + root.real, half + root.imaginary), (-half - root.real, half - root.imaginary)]
      .map { (real: $0.0 / 2, imaginary: $0.1 / 2) }

    func section(_ pole: (real: Double, imaginary: Double)) -> Section {
      let imaginarySquared = pole.imaginary * pole.imaginary
      let denominator = (4 - pole.real) * (4 - pole.real) + imaginarySquared
      let numerator = (4 + pole.real) * (4 + pole.real) + imaginarySquared
      let cosine = 16 - pole.real * pole.real - imaginarySquared
      return Section(
        gain: 4 * width / denominator, a1: -2 * cosine / denominator, a2: numerator / denominator)
    }
    sections = (section(poles[0]), section(poles[1]))
  }

  private static func squareRoot(real: Double, imaginary: Double) -> (real: Double, imaginary: Double) {
    let modulus = (real * real + imaginary * imaginary).squareRoot()
    let realRoot = max(0, (modulus + real) / 2).squareRoot()
    let imaginaryRoot = max(0, (modulus - real) / 2).squareRoot()
    return (realRoot, imaginary < 0 ? -imaginaryRoot : imaginaryRoot)
  }

  /// The filtered signal, as long as `signal`.
  ///
  /// - Throws: `SignalError.tooShort` for 15 samples or fewer: there is nothing to mirror.
  public func filtered(_ signal: [Double]) throws -> [Double] {
    guard signal.count > Self.padding else {
      throw SignalError.tooShort(samples: signal.count, needed: Self.padding + 1)
    }
    var extended = Self.oddlyExtended(signal)
    var forward = FilterState(self, restingAt: extended[0])
    forward.run(over: &extended, from: 0, to: extended.count, by: 1)
    var backward = FilterState(self, restingAt: extended[extended.count - 1])
    backward.run(over: &extended, from: extended.count - 1, to: -1, by: -1)
    return Array(extended[Self.padding..<(Self.padding + signal.count)])
  }

  /// The signal with its first and last 15 samples turned by half a turn about its ends.
  private static func oddlyExtended(_ signal: [Double]) -> [Double] {
    before(signal) + signal + after(signal)
  }

  /// The 15 samples before a signal that begins like this.
  static func before(_ start: [Double]) -> [Double] {
    (1...padding).reversed().map { 2 * start[0] - start[$0] }
  }

  /// The 15 samples after a signal that ends like this.
  static func after(_ end: [Double]) -> [Double] {
    (1...padding).map { 2 * end[end.count - 1] - end[end.count - 1 - $0] }
  }

  /// Samples after which what the filter was fed before is less than rounding: its slowest pole has fallen to 1e-15.
  var memory: Int {
    let radius = [sections.0, sections.1].map { section in
      let discriminant = section.a1 * section.a1 - 4 * section.a2
      return discriminant > 0 ? (abs(section.a1) + discriminant.squareRoot()) / 2 : section.a2.squareRoot()
    }.max()!
    return Int((log(1e-15) / log(radius)).rounded(.up))
  }
}

/// A filter on its way through a signal.
struct FilterState: Sendable {
  private let sections: (BandPassFilter.Section, BandPassFilter.Section)
  private var u0: Double
  private var u1: Double
  private var w0 = 0.0
  private var w1 = 0.0

  /// The state that a constant of this value would have left behind.
  init(_ filter: BandPassFilter, restingAt value: Double) {
    sections = filter.sections
    // The first section turns a constant x into 0, so its states are -g x and -g x, and the second section rests.
    u0 = -filter.sections.0.gain * value
    u1 = u0
  }

  /// Both sections over the samples `from`, `from + by`, ... before `to`, in place (transposed direct form II).
  mutating func run(over samples: inout [Double], from: Int, to: Int, by: Int) {
    let (s, t) = sections
    var (u0, u1, w0, w1) = (u0, u1, w0, w1)
    samples.withUnsafeMutableBufferPointer { samples in
      var i = from
      while i != to {
        let x = s.gain * samples[i]
        let y = x + u0
        u0 = u1 - s.a1 * y
        u1 = -x - s.a2 * y
        let v = t.gain * y
        let out = v + w0
        w0 = w1 - t.a1 * out
        w1 = -v - t.a2 * out
        samples[i] = out
        i += by
      }
    }
    (self.u0, self.u1, self.w0, self.w1) = (u0, u1, w0, w1)
  }
}
