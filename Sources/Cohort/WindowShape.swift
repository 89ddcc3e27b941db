/// The piece of a lead that stands for a beat.
public struct WindowShape: Sendable, Equatable {
  /// Samples in the window.
  public var length: Int
  /// The sampling rate of the window, in Hz; the lead is resampled to it.
  public var rate: Double
  /// Seconds of the window before the beat's annotation.
  public var before: Double

  public init(length: Int, rate: Double, before: Double) {
    self.length = length
    self.rate = rate
    self.before = before
  }

  /// 128 samples at 128 Hz, from 0.4 s before the annotation to 0.6 s after it.
  public static let beat = WindowShape(length: 128, rate: 128, before: 0.4)

  /// 2.0 s around the annotation, at 64 Hz (128 samples) or 128 Hz (256 samples).
  public static func rhythm(rate: Double = 64) -> WindowShape {
    WindowShape(length: Int((2 * rate).rounded()), rate: rate, before: 1)
  }

  /// Samples of the window before the one that is nearest to the annotation: 51 of `beat`.
  public var offset: Int { Int((before * rate).rounded()) }

  /// The window's samples, in samples of the resampled lead, around an annotation given in samples of the record.
  public func range(around sample: Int, samplingFrequency: Double) -> Range<Int> {
    let start = Int((Double(sample) * rate / samplingFrequency).rounded()) - offset
    return start..<(start + length)
  }
}
