/// Joins the segments of a multi-segment record: header(5), "Multi-segment records".
struct SegmentReader<Source: FileSource> {
  private var header: Header
  private let folder: Source
  private let path: String
  private let segments: ArraySlice<Header.Segment>
  /// Whether signals are matched by name and rescaled (variable layout), or matched by place (fixed layout).
  private let isVariable: Bool

  init(_ header: Header, _ name: String, _ folder: Source) throws {
    self.header = header
    self.folder = folder
    path = folder.path(of: name)
    let all = header.segments ?? []
    isVariable = all.first.map { $0.sampleCount == 0 && !$0.isNull } ?? false
    segments = isVariable ? all.dropFirst() : all[...]
    let length = segments.reduce(0) { saturating($0, plus: $1.sampleCount) }
    guard length < Int.max, header.sampleCount == nil || header.sampleCount == length else {
      throw WFDBError(
        file: path,
        .inconsistent("states \(header.sampleCount ?? 0) samples, but its segments have \(length)"))
    }
    self.header.sampleCount = length
  }

  func read(signals names: [String]?) throws -> Record {
    let (joined, wanted) = try join(signals: names)
    var samples = wanted.map { index in
      [Int32](
        repeating: Signal.invalid, count: (joined.sampleCount ?? 0) * joined.signals[index].samplesPerFrame)
    }
    var progress = SegmentProgress()
    try decode(wanted, of: joined, 0..<(joined.sampleCount ?? 0), into: &samples, &progress)
    let signals = zip(wanted, samples).map { Signal(specification: joined.signals[$0], digital: $1) }
    return Record(header: joined, signals: signals)
  }

  /// The header with the joined signals, and the places of those wanted in it. Refuses a record that claims too much.
  func join(signals names: [String]?) throws -> (header: Header, wanted: [Int]) {
    let (specifications, sizes) = try survey()
    var joined = header
    joined.signals = specifications
    let wanted = try joined.indices(of: names, path: path)
    let lengths = wanted.map {
      saturating(joined.sampleCount ?? 0, times: specifications[$0].samplesPerFrame)
    }
    try checkMemory(samples: lengths, fileBytes: sizes, path: path)
    return (joined, wanted)
  }

  /// Decodes frames of the joined record.
  /// - Parameters:
  ///   - wanted: places of the signals in `joined`, which `join` made.
  ///   - samples: of each of them, all invalid, for the frames of `range`.
  ///   - progress: what the calls before have left.
  func decode(
    _ wanted: [Int], of joined: Header, _ range: Range<Int>, into samples: inout [[Int32]],
    _ progress: inout SegmentProgress
  ) throws {
    var start = 0
    for (number, segment) in segments.enumerated() {
      let frames = (start..<(start + segment.sampleCount)).clamped(to: range)
      let part = (frames.lowerBound - start)..<(frames.upperBound - start)
      start += segment.sampleCount
      guard !frames.isEmpty, let own = try segmentHeader(segment) else { continue }
      let places = wanted.indices.compactMap { place in
        match(joined.signals[wanted[place]], at: wanted[place], in: own).map { (signal: $0, place: place) }
      }
      let files = try SignalFiles(of: own, in: folder, path: folder.path(of: segment.name))
      if progress.segment != number { progress = SegmentProgress(segment: number) }
      let target = frames.lowerBound - range.lowerBound
      try files.decode(places, part, into: &samples, at: target, &progress.signals)
      for (signal, place) in places {
        let specification = joined.signals[wanted[place]]
        let values =
          (target * specification.samplesPerFrame)..<((target + part.count) * specification.samplesPerFrame)
        try rescale(&samples[place], in: values, from: own.signals[signal], to: specification, segment.name)
      }
    }
  }

  /// Reads every segment's header: the joined signals, and the size of each file named.
  private func survey() throws -> (
    specifications: [SignalSpecification], sizes: Dictionary<String, Int>.Values
  ) {
    var specifications: [SignalSpecification] = []
    var sizes: [String: Int] = [:]
    if isVariable {
      let layout = try singleSegmentHeader(header.segments![0].name)
      specifications = layout.signals
    }
    var previous: Header.Segment?
    for segment in segments where segment != previous {
      guard let own = try segmentHeader(segment) else { continue }
      previous = segment
      if !isVariable && specifications.isEmpty { specifications = own.signals }
      try check(own, against: specifications, segment)
      for signal in own.signals where !signal.isNull && sizes[signal.fileName] == nil {
        sizes[signal.fileName] = try folder.size(of: signal.fileName)
      }
      for index in specifications.indices where specifications[index].format == .null {
        if let place = match(specifications[index], at: index, in: own) {
          specifications[index].format = own.signals[place].format
        }
      }
    }
    guard specifications.count == header.signalCount else {
      throw WFDBError(
        file: path,
        .inconsistent("states \(header.signalCount) signals, but its segments have \(specifications.count)"))
    }
    for index in specifications.indices {
      specifications[index].fileName = "~"
      specifications[index].checksum = nil
      specifications[index].skew = 0
      specifications[index].byteOffset = 0
    }
    return (specifications, sizes.values)
  }

  private func singleSegmentHeader(_ name: String) throws -> Header {
    let own = try Header.read(name, in: folder)
    guard own.segments == nil else {
      throw WFDBError(file: path, .inconsistent("segment \(name) has segments itself"))
    }
    guard own.samplingFrequency == header.samplingFrequency else {
      throw WFDBError(
        file: path,
        .inconsistent(
          "segment \(name) is sampled at \(own.samplingFrequency) Hz, not \(header.samplingFrequency)"))
    }
    return own
  }

  /// The header of a segment; nil for a stretch that holds nothing.
  private func segmentHeader(_ segment: Header.Segment) throws -> Header? {
    if segment.isNull || segment.sampleCount == 0 { return nil }
    let own = try singleSegmentHeader(segment.name)
    guard own.sampleCount == segment.sampleCount else {
      let length = own.sampleCount.map { "\($0)" } ?? "an unstated number of"
      throw WFDBError(
        file: path,
        .inconsistent("segment \(segment.name) has \(length) samples, not \(segment.sampleCount)"))
    }
    return own
  }

  /// The place in a segment of a signal of the joined record.
  private func match(_ wanted: SignalSpecification, at index: Int, in own: Header) -> Int? {
    isVariable ? own.signals.firstIndex { $0.name == wanted.name } : index
  }

  /// Signals that would be joined must be the same quantity.
  private func check(_ own: Header, against all: [SignalSpecification], _ segment: Header.Segment) throws {
    guard isVariable || own.signals.count == all.count else {
      throw WFDBError(
        file: path,
        .inconsistent("segment \(segment.name) has \(own.signals.count) signals, not \(all.count)"))
    }
    for (index, wanted) in all.enumerated() {
      guard let place = match(wanted, at: index, in: own) else { continue }
      let signal = own.signals[place]
      var same = signal.samplesPerFrame == wanted.samplesPerFrame && signal.units == wanted.units
      if !isVariable {
        same =
          same && signal.name == wanted.name && signal.gain == wanted.gain
          && signal.baseline == wanted.baseline
      }
      guard same else {
        throw WFDBError(
          file: path,
          .inconsistent(
            "signal \(index) (\(wanted.name)) differs in segment \(segment.name) in name, units, gain, baseline or rate"
          ))
      }
    }
  }

  /// Brings a segment's digital values to the layout's gain and baseline, as the WFDB library does.
  private func rescale(
    _ samples: inout [Int32], in range: Range<Int>, from own: SignalSpecification,
    to wanted: SignalSpecification,
    _ segment: String
  ) throws {
    guard own.gain != wanted.gain || own.baseline != wanted.baseline else { return }
    let scale = wanted.gain / own.gain
    for index in range where samples[index] != Signal.invalid {
      let value =
        ((Double(samples[index]) - Double(own.baseline)) * scale).rounded() + Double(wanted.baseline)
      guard let rescaled = Int32(exactly: value), rescaled != Signal.invalid else {
        throw WFDBError(
          file: path,
          .inconsistent("signal \(wanted.name) of segment \(segment) does not fit the layout's gain"))
      }
      samples[index] = rescaled
    }
  }
}

/// How far the segment read last has been read.
struct SegmentProgress {
  var segment: Int?
  var signals: [Int: SignalProgress] = [:]
}
