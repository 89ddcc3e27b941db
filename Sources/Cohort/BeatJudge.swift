/// A peak of the energy, which may be a beat. Places are numbers of samples.
struct BeatCandidate: Sendable {
  /// Where the energy has its peak.
  let place: Int
  /// The energy there.
  let height: Double
  /// Where the main peak of the lead itself is.
  let fiducial: Int
  /// How far the lead rises and falls at most within 10 ms, at least 0.
  let rise: Double
  let fall: Double

  var slope: Double { max(rise, fall) }
}

/// Tells beats from other candidates by Hamilton's rules (2002):
/// - where the lead goes only up or only down, its baseline moves: no beat;
/// - within 360 ms of a beat and less than half as steep, it is a T wave;
/// - higher than noise + 0.3125 (beats - noise), levels of the last eight of each, it is a beat; else noise;
/// - where none has come for one and a half intervals, the highest of at least half the threshold, not within 360 ms of a beat, is one;
/// - eight seconds without a beat teach the levels anew, as the first eight do: from the highest candidate of each, the higher half of them.
struct BeatJudge: Sendable {
  private let second: Int
  /// The longest time that a candidate waits until it comes here, about.
  private let wait: Int
  private let shortest: Int

  private var beatLevels: [Double] = []
  private var noiseLevels: [Double] = []
  private var intervals: [Double] = []
  /// Candidates that wait until the first levels are known; nil from then on.
  private var early: [BeatCandidate]? = []
  /// Candidates since the last beat that were too low.
  private var passedOver: [BeatCandidate] = []
  private var lastBeat: BeatCandidate?
  /// The highest candidates of seconds without a beat.
  private var highest: [Double] = []
  private var highestNow = 0.0
  private var secondStart = 0
  private var beats: [Int] = []

  init(_ timing: Timing) {
    second = timing.samples(1)
    wait = timing.samples(0.2)
    shortest = timing.samples(0.36)
  }

  /// The beats that were found since the last call.
  mutating func takeBeats() -> [Int] {
    defer { beats = [] }
    return beats
  }

  /// Takes in the next candidate.
  mutating func judge(_ candidate: BeatCandidate) {
    highestNow = max(highestNow, candidate.height)
    if early != nil { early!.append(candidate) } else { decide(candidate) }
  }

  /// Does what is due when the lead has come so far.
  mutating func advance(to now: Int) {
    if now - secondStart >= second {
      secondStart = now
      // A second without any candidate is a gap, or a lead that came off.
      if highestNow > 0 { highest.append(highestNow) }
      highestNow = 0
      if highest.count == Self.memory { learn() }
    }
    if early == nil { searchBack(from: now) }
  }

  mutating func finish(at end: Int) {
    if early != nil {
      if highestNow > 0 { highest.append(highestNow) }
      learn()
    }
    searchBack(from: end)
  }

  private static let memory = 8

  private mutating func learn() {
    // In a slow rhythm half of the seconds have no beat.
    beatLevels = highest.sorted().suffix((highest.count + 1) / 2)
    noiseLevels = []
    intervals = []
    highest = []
    guard let waiting = early else { return }
    early = nil
    for candidate in waiting {
      searchBack(from: candidate.place)
      decide(candidate)
    }
  }

  private var threshold: Double {
    let noise = median(noiseLevels) ?? 0
    return noise + 0.3125 * ((median(beatLevels) ?? 0) - noise)
  }

  private mutating func decide(_ candidate: BeatCandidate) {
    guard min(candidate.rise, candidate.fall) > candidate.slope / 8 else { return }
    let isTWave =
      lastBeat.map { candidate.place - $0.place < shortest && candidate.slope < $0.slope / 2 } ?? false
    if !isTWave && candidate.height > threshold { return accept(candidate) }
    remember(candidate.height, in: &noiseLevels)
    if lastBeat.map({ candidate.place - $0.place >= shortest }) ?? true { passedOver.append(candidate) }
  }

  private mutating func accept(_ beat: BeatCandidate) {
    remember(beat.height, in: &beatLevels)
    if let lastBeat { remember(Double(beat.place - lastBeat.place), in: &intervals) }
    lastBeat = beat
    passedOver.removeAll { $0.place - beat.place < shortest }
    beats.append(beat.fiducial)
    highest = []
    highestNow = 0
    secondStart = max(secondStart, beat.place)
  }

  private mutating func searchBack(from now: Int) {
    while let highest = passedOver.max(by: { $0.height < $1.height }), highest.height > threshold / 2,
      Double(now - (lastBeat?.place ?? 0) - wait) > 1.5 * (median(intervals) ?? Double(second))
    {
      accept(highest)
    }
  }

  private func remember(_ value: Double, in values: inout [Double]) {
    if values.count == Self.memory { values.removeFirst() }
    values.append(value)
  }

  private func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}
