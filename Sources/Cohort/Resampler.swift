import Foundation

/// Changes the sampling rate by the fraction `up` / `down` through a polyphase low-pass.
///
/// Equal to `scipy.signal.resample_poly(x, up, down)` with its default window (Kaiser, beta 5.0) and zero padding: a
/// windowed sinc of 20 * max(up, down) + 1 taps with its cut-off at the lower of the two Nyquist frequencies.
public struct Resampler: Sendable {
  /// The fraction in lowest terms.
  public let up: Int
  public let down: Int

  /// Half the filter's length, in samples of the rate that both share (source rate * `up`).
  private let halfLength: Int
  /// The filter cut into `up` phases, one after the other, each in reverse, so that an output is a dot product.
  private let phases: [Double]
  private let tapsPerPhase: Int

  /// The resampler from one rate to another, both in Hz, such as 16 / 45 from 360 to 128 Hz.
  ///
  /// - Throws: `SignalError.unusableSamplingFrequency` for a rate that is not positive, is above 100 kHz, or is no
  ///   fraction of the other with terms up to 100,000.
  public init(from source: Double, to target: Double) throws {
    for rate in [source, target] where !(rate > 0 && rate <= 100_000) {
      throw SignalError.unusableSamplingFrequency(rate)
    }
    guard let ratio = Self.fraction(target / source, largestTerm: 100_000) else {
      throw SignalError.unusableSamplingFrequency(source)
    }
    self.init(up: ratio.numerator, down: ratio.denominator)
  }

  /// The resampler by `up` / `down`, both positive.
  public init(up: Int, down: Int) {
    precondition(up > 0 && down > 0, "Resampler(up: \(up), down: \(down)): both must be positive")
    let divisor = Self.greatestCommonDivisor(up, down)
    self.up = up / divisor
    self.down = down / divisor

    let factor = max(self.up, self.down)
    halfLength = 10 * factor
    tapsPerPhase = (2 * halfLength) / self.up + 1
    let taps = Self.lowPass(halfLength: halfLength, cutOff: 1 / Double(factor), gain: Double(self.up))
    var phases = [Double](repeating: 0, count: self.up * tapsPerPhase)
    for (n, tap) in taps.enumerated() {
      let phase = n % self.up
      phases[phase * tapsPerPhase + (tapsPerPhase - 1 - n / self.up)] = tap
    }
    self.phases = phases
  }

  /// The signal at the new rate, ceil(count * up / down) samples; sample m lies at source sample m * down / up.
  public func resampled(_ signal: [Double]) -> [Double] {
    resampled(0..<count(of: signal.count), from: signal, startingAt: 0)
  }

  /// Samples at the new rate of a signal of so many.
  func count(of samples: Int) -> Int { (samples * up + down - 1) / down }

  /// The source samples that some of the new samples are made of; those outside the signal count as 0.
  func sources(of samples: Range<Int>) -> Range<Int> {
    guard up != down, !samples.isEmpty else { return samples }
    let oldest = (samples.lowerBound * down + halfLength) / up - (tapsPerPhase - 1)
    return oldest..<((samples.upperBound - 1) * down + halfLength) / up + 1
  }

  /// Some samples of the signal at the new rate.
  ///
  /// - Parameters:
  ///   - samples: which of them.
  ///   - piece: the part of the signal that they are made of, or more; what it lacks must lie outside the signal.
  ///   - first: the place of its first sample in the signal.
  func resampled(_ samples: Range<Int>, from piece: [Double], startingAt first: Int) -> [Double] {
    if up == down { return Array(piece[(samples.lowerBound - first)..<(samples.upperBound - first)]) }
    var result = [Double](repeating: 0, count: samples.count)
    piece.withUnsafeBufferPointer { x in
      phases.withUnsafeBufferPointer { taps in
        for m in samples {
          // y[m] = sum over k of x[k] h[position - k up]: the newest x that counts is position / up.
          let position = m * down + halfLength
          let newest = position / up - first
          let oldest = newest - (tapsPerPhase - 1)
          let phase = (position % up) * tapsPerPhase
          let from = max(0, oldest)
          let to = min(x.count - 1, newest)
          if from > to { continue }
          // Four sums, because one would wait for each addition before the next.
          let shift = phase - oldest
          var sums = SIMD4<Double>.zero
          var k = from
          while k + 3 <= to {
            let samples = SIMD4(x[k], x[k + 1], x[k + 2], x[k + 3])
            let weights = SIMD4(
              taps[shift + k], taps[shift + k + 1], taps[shift + k + 2], taps[shift + k + 3])
            sums += samples * weights
            k += 4
          }
          var sum = sums.sum()
          while k <= to {
            sum += x[k] * taps[shift + k]
            k += 1
          }
          result[m - samples.lowerBound] = sum
        }
      }
    }
    return result
  }

  /// `scipy.signal.firwin(2 * halfLength + 1, cutOff, window=('kaiser', 5.0)) * gain`.
  private static func lowPass(halfLength: Int, cutOff: Double, gain: Double) -> [Double] {
    let beta = 5.0
    var taps = (-halfLength...halfLength).map { n -> Double in
      let x = Double.pi * cutOff * Double(n)
      let sinc = n == 0 ? 1 : sin(x) / x
      let place = Double(n) / Double(halfLength)
      return sinc * besselI0(beta * (1 - place * place).squareRoot())
    }
    let scale = gain / taps.reduce(0, +)
    for n in taps.indices { taps[n] *= scale }
    return taps
  }

  /// The modified Bessel function of the first kind and order 0, by its power series (Abramowitz and Stegun 9.6.12).
  private static func besselI0(_ x: Double) -> Double {
    var term = 1.0
    var sum = 1.0
    var k = 1.0
    while term > 1e-17 * sum {
      term *= (x / (2 * k)) * (x / (2 * k))
      sum += term
      k += 1
    }
    return sum
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }

  /// The first continued fraction within 1e-9 of `value` (relative), if its terms stay small enough.
  private static func fraction(_ value: Double, largestTerm: Double) -> (numerator: Int, denominator: Int)? {
    var rest = value
    var (numerator, previousNumerator) = (1.0, 0.0)
    var (denominator, previousDenominator) = (0.0, 1.0)
    while true {
      let whole = rest.rounded(.down)
      (numerator, previousNumerator) = (whole * numerator + previousNumerator, numerator)
      (denominator, previousDenominator) = (whole * denominator + previousDenominator, denominator)
      guard numerator <= largestTerm, denominator <= largestTerm else { return nil }
      if numerator > 0, abs(numerator / denominator - value) <= 1e-9 * value {
        return (Int(numerator), Int(denominator))
      }
      rest = 1 / (rest - whole)
    }
  }
}
