/// Where the windows of a lead's beats lie, and which beats can have none.
struct WindowPlan: Sendable {
  enum Place: Equatable {
    /// In samples of the resampled lead.
    case inside(Range<Int>)
    case outsideRecord
    case touchingGap
  }

  private let window: WindowShape
  private let samplingFrequency: Double
  private let count: Int
  /// In samples of the resampled lead, ascending.
  private let gaps: [Range<Int>]

  /// - Parameters:
  ///   - samplingFrequency: frames a second of the record.
  ///   - count: samples of the resampled lead.
  ///   - longGaps: in samples of the lead as recorded, ascending.
  init(
    _ window: WindowShape, samplingFrequency: Double, samplesPerFrame: Int, count: Int, longGaps: [Range<Int>]
  ) {
    self.window = window
    self.samplingFrequency = samplingFrequency
    self.count = count
    let scale = window.rate / samplingFrequency
    gaps = longGaps.map { gap in
      let frames = gap.lowerBound / samplesPerFrame..<gap.upperBound / samplesPerFrame + 1
      return Int(Double(frames.lowerBound) * scale)..<Int((Double(frames.upperBound) * scale).rounded(.up))
    }
  }

  /// The window of a beat at this frame of the record.
  func place(of frame: Int) -> Place {
    let range = window.range(around: frame, samplingFrequency: samplingFrequency)
    guard range.lowerBound >= 0, range.upperBound <= count else { return .outsideRecord }
    // The first gap that ends behind the window's start is the only one that has to be looked at.
    var (low, high) = (0, gaps.count)
    while low < high {
      let middle = (low + high) / 2
      if gaps[middle].upperBound > range.lowerBound { high = middle } else { low = middle + 1 }
    }
    return low < gaps.count && gaps[low].overlaps(range) ? .touchingGap : .inside(range)
  }
}
