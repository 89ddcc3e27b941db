import WFDB

/// A lead as `Preprocessing` makes it, up to the z-score, a stretch at a time and at the record's own rate: blocks of the record are read,
/// gaps filled, and filtered.
struct StreamedLead {
  /// Gaps longer than `Preprocessing.longestGap` that have been passed, in samples of the lead.
  var longGaps: [Range<Int>] { filler.longGaps }

  /// Frames read so far.
  var frame: Int { blocks.frame }

  private var blocks: LeadBlocks
  private var filler: GapFiller
  private var filter: StreamedFilter
  private var isFinished = false

  /// Throws `SignalError`.
  init(_ blocks: LeadBlocks, _ preprocessing: Preprocessing) throws {
    self.blocks = blocks
    // As `Preprocessing.process`, which refuses other rates.
    _ = try Resampler(from: blocks.samplingFrequency, to: preprocessing.rate)
    filler = GapFiller(longest: Int(Preprocessing.longestGap * blocks.samplingFrequency))
    filter = StreamedFilter(
      try BandPassFilter(
        low: preprocessing.low, high: preprocessing.high, samplingFrequency: blocks.samplingFrequency))
  }

  /// The next filtered samples, nil after the last. `look` sees the stored samples on the way.
  /// Throws `WFDBError` and `SignalError`.
  mutating func next(_ look: ([Int32]) throws -> Void = { _ in }) throws -> [Double]? {
    while !isFinished {
      var filled = filler.next()
      if filled.isEmpty {
        if let block = try blocks.next() {
          try look(block)
          filler.add(block.map(blocks.physical))
          continue
        }
        filled = try filler.finish()
      }
      if filled.isEmpty {
        isFinished = true
        return try filter.finish()
      }
      let filtered = filter.add(filled)
      if !filtered.isEmpty { return filtered }
    }
    return nil
  }
}

/// The stored samples of one lead of a record, in blocks.
struct LeadBlocks {
  /// Of the lead, in Hz: the record's times its samples a frame.
  let samplingFrequency: Double
  var samplesPerFrame: Int { specification.samplesPerFrame }
  /// Frames read so far.
  private(set) var frame = 0
  private var reader: RecordReader
  private let specification: SignalSpecification
  private let block: Int

  /// `reader` reads the lead alone.
  init(_ reader: RecordReader) {
    self.reader = reader
    specification = reader.specifications[0]
    samplingFrequency = reader.header.samplingFrequency * Double(specification.samplesPerFrame)
    block = max(1, (1 << 15) / specification.samplesPerFrame)
  }

  /// Nil after the last. Throws `WFDBError`.
  mutating func next() throws -> [Int32]? {
    guard frame < reader.sampleCount else { return nil }
    let frames = frame..<min(reader.sampleCount, frame + block)
    frame = frames.upperBound
    return try reader.read(frames)[0]
  }

  /// A stored sample in physical units, as `Signal.physical` has it.
  func physical(_ sample: Int32) -> Float {
    sample == Signal.invalid
      ? .nan : Float((Double(sample) - Double(specification.baseline)) / specification.gain)
  }
}
