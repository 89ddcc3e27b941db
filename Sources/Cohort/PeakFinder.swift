/// The peaks of the energy, each the highest within 200 ms before and after it.
struct PeakFinder: Sendable {
  struct Peak: Sendable {
    let place: Int
    let height: Double
  }

  private let hold: Int
  private let longest: Int
  private var previous = 0.0
  /// The highest value of the wave that is passing.
  private var rising: Peak?
  /// A peak that a higher one may still follow.
  private var held: Peak?
  private var given: Peak?

  init(_ timing: Timing) {
    hold = timing.samples(0.2)
    longest = timing.samples(0.095)
  }

  /// Takes in the next value; gives a peak once no higher one can come within 200 ms of it.
  mutating func next(_ height: Double, at place: Int) -> Peak? {
    defer { previous = height }
    if let peak = passed(height, at: place), peak.height > held?.height ?? 0, !isShadowed(peak) {
      held = peak
    }
    guard let peak = held, place - peak.place >= hold, rising?.height ?? 0 <= peak.height else { return nil }
    held = nil
    given = peak
    return peak
  }

  /// The peak that the end of the lead cuts off.
  mutating func finish() -> Peak? {
    defer { (held, rising) = (nil, nil) }
    return [held, rising].compactMap { $0 }.filter { !isShadowed($0) }.max { $0.height < $1.height }
  }

  /// Whether a higher peak is less than 200 ms back.
  private func isShadowed(_ peak: Peak) -> Bool {
    given.map { peak.place - $0.place < hold && peak.height < $0.height } ?? false
  }

  /// A peak is passed when the energy has fallen to half of it, or after 95 ms.
  private mutating func passed(_ height: Double, at place: Int) -> Peak? {
    if height > previous, height > rising?.height ?? 0 {
      rising = Peak(place: place, height: height)
      return nil
    }
    guard let peak = rising, height < peak.height / 2 || place - peak.place > longest else { return nil }
    rising = nil
    return peak
  }
}
