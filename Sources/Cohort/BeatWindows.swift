/// The windows of a recording's beats, some at a time. Of the lead only what the next windows need is held.
public struct BeatWindows {
  private let recording: Recording
  private let beats: [Int]
  private let rr: [Float]
  private var chosen: ArraySlice<Int>
  private let plan: WindowPlan
  private let resampler: Resampler
  private let windowLength: Int
  private let mean: Double
  private let scale: Double

  private var lead: StreamedLead
  /// The standardised lead around the next windows, at its own rate.
  private var held: [Double] = []
  private var heldStart = 0

  /// Frames read so far.
  public var frame: Int { lead.frame }

  init(
    of recording: Recording, beats: [Int], chosen: [Int], lead: StreamedLead, _ survey: Recording.Survey,
    _ plan: WindowPlan, _ resampler: Resampler, rr: [Float], windowLength: Int
  ) {
    self.recording = recording
    self.beats = beats
    self.chosen = chosen[...]
    self.lead = lead
    mean = survey.mean
    scale = 1 / survey.standardDeviation
    self.plan = plan
    self.resampler = resampler
    self.rr = rr
    self.windowLength = windowLength
  }

  /// At most so many further windows, labels all 0, and the numbers of their beats; nil after the last. Beats whose window leaves the record
  /// or touches a long gap are passed over.
  ///
  /// - Throws: as `Recording.survey`.
  public mutating func next(_ limit: Int) throws -> (beats: [Int], examples: Examples)? {
    var (numbers, windows, features): ([Int], [Float], [Float]) = ([], [], [])
    while numbers.count < limit, let number = chosen.popFirst() {
      guard case .inside(let range) = plan.place(of: beats[number]) else { continue }
      try hold(resampler.sources(of: range))
      windows += resampler.resampled(range, from: held, startingAt: heldStart).map(Float.init)
      features += rr[(number * RRFeatures.count)..<((number + 1) * RRFeatures.count)]
      numbers.append(number)
    }
    guard !numbers.isEmpty else { return nil }
    return (numbers, Examples(windowLength: windowLength, windows: windows, rr: features))
  }

  /// Reads on until these samples are held, or the lead ends.
  private mutating func hold(_ needed: Range<Int>) throws {
    while heldStart + held.count < needed.upperBound {
      guard let filtered = try recording.naming({ try lead.next() }) else { return }
      let passed = min(max(needed.lowerBound - heldStart, 0), held.count)
      held.removeFirst(passed)
      heldStart += passed
      held += filtered.map { ($0 - mean) * scale }
    }
  }
}
