/// How much a lead moves within the band of QRS complexes: the signal in which `BeatDetector` looks for peaks.
///
/// Hamilton's low-pass, high-pass, rectified slope and moving average (2002), each window in seconds. In whole numbers, so that no rounding
/// can add up over a day; they may run over, for what is high-passed comes out right all the same. The scale is arbitrary.
struct QRSEnergy: Sendable {
  /// Samples by which a value lags behind the middle of what it tells of.
  let delay: Int

  private var smoothed: (MovingSum, MovingSum)
  private var level: MovingSum
  private var middle: DelayLine
  private var before: DelayLine
  private var average: MovingSum

  /// - Parameter level: the lead's level before its first sample.
  init(_ timing: Timing, level start: Int) {
    let (short, step, long) = (timing.samples(0.025), timing.samples(0.01), timing.samples(0.08))
    // An odd number of samples has one in its middle.
    let half = timing.samples(0.0625)
    smoothed = (MovingSum(short, of: start), MovingSum(short, of: start &* short))
    let start = start &* short &* short
    level = MovingSum(2 * half + 1, of: start)
    middle = DelayLine(half, of: start)
    before = DelayLine(step, of: 0)
    average = MovingSum(long, of: 0)
    delay = (short - 1) + half + step / 2 + (long - 1) / 2
  }

  /// The value that comes with the next sample; at least 0.
  mutating func next(_ sample: Int) -> Double {
    let low = smoothed.1.next(smoothed.0.next(sample))
    let wave = middle.next(low) &* level.count &- level.next(low)
    let slope = wave &- before.next(wave)
    return Double(average.next(Int(truncatingIfNeeded: slope.magnitude)).magnitude)
  }
}

/// The sum of the last so many values.
struct MovingSum: Sendable {
  private var line: DelayLine
  private var sum: Int
  let count: Int

  /// - Parameter value: of all values before the first.
  init(_ count: Int, of value: Int) {
    line = DelayLine(count, of: value)
    sum = count &* value
    self.count = count
  }

  mutating func next(_ value: Int) -> Int {
    sum = sum &+ value &- line.next(value)
    return sum
  }
}

/// Gives back what was put in so many steps ago.
struct DelayLine: Sendable {
  private var values: [Int]
  private var place = 0

  init(_ count: Int, of value: Int) { values = [Int](repeating: value, count: count) }

  mutating func next(_ value: Int) -> Int {
    let oldest = values[place]
    values[place] = value
    place = place + 1 == values.count ? 0 : place + 1
    return oldest
  }
}
