/// The signal files of a single-segment record, opened: what they hold is known, and signals can be decoded.
struct SignalFiles<Source: FileSource> {
  let header: Header
  let folder: Source
  /// The header, for messages.
  let path: String
  private(set) var groups: [SignalGroup] = []
  /// The record's length: what the header states, which every file must hold, or else the shortest file's.
  private(set) var frames = 0

  /// - Throws: when signals of one file are apart or disagree on format or offset, or a file is missing or too short.
  init(of header: Header, in folder: Source, path: String) throws {
    self.header = header
    self.folder = folder
    self.path = path
    try findGroups()
    frames = header.sampleCount ?? groups.map { $0.heldSamples / $0.frameSamples }.min() ?? 0
    for group in groups {
      let needed = saturating(frames, times: group.frameSamples)
      guard needed <= group.heldSamples else {
        throw WFDBError(
          file: path, .tooFewSamples(signalFile: group.fileName, stated: needed, held: group.heldSamples))
      }
    }
  }

  /// Decodes a stretch of signals, and verifies the checksum of each that has now been read in order from start to end.
  /// - Parameters:
  ///   - wanted: places in the header, and places in `samples`.
  ///   - range: the frames wanted, of this record.
  ///   - samples: whole signals or parts, all invalid from `frame` on.
  ///   - frame: where the first frame of `range` goes in them.
  ///   - progress: what the calls before have left of each signal; empty before the first.
  func decode(
    _ wanted: [(signal: Int, place: Int)], _ range: Range<Int>, into samples: inout [[Int32]], at frame: Int,
    _ progress: inout [Int: SignalProgress]
  ) throws {
    for group in groups where !range.isEmpty {
      let members = wanted.filter { group.members.contains($0.signal) }
      let stretches = members.map { stored(range, of: $0.signal) }
      guard let start = stretches.map(\.lowerBound).min(), let end = stretches.map(\.upperBound).max() else {
        continue
      }
      let bytes = try bytes(of: group, start..<end)
      for ((signal, place), stretch) in zip(members, stretches) {
        let first = frame * header.signals[signal].samplesPerFrame
        try samples[place].withUnsafeMutableBufferPointer {
          try decode(
            bytes, signal, stretch, skipping: range.lowerBound == 0 ? header.signals[signal].skew : 0,
            into: $0.baseAddress! + first, &progress[signal, default: SignalProgress()])
        }
      }
    }
  }

  /// Where frames of a signal are stored. The first read takes in what skew puts before sample 0, which the checksum covers.
  private func stored(_ range: Range<Int>, of signal: Int) -> Range<Int> {
    let skew = header.signals[signal].skew
    let start = range.lowerBound == 0 ? 0 : min(saturating(range.lowerBound, plus: skew), frames)
    return start..<min(saturating(range.upperBound, plus: skew), frames)
  }

  private func bytes(of group: SignalGroup, _ stored: Range<Int>) throws -> StoredFrames {
    let size = group.format.samplesInGroup
    let first = stored.lowerBound * group.frameSamples / size * size
    let start = group.byteOffset + group.format.bytes(for: first)
    let end = group.byteOffset + group.format.bytes(for: stored.upperBound * group.frameSamples)
    return StoredFrames(
      group: group, first: first, bytes: try folder.bytes(of: group.fileName, in: start..<end))
  }

  private mutating func findGroups() throws {
    var seen: Set<String> = []
    var start = 0
    while start < header.signals.count {
      let first = header.signals[start]
      guard !first.isNull else {
        start += 1
        continue
      }
      let members = header.signals[start...].prefix { $0.fileName == first.fileName }
      start = members.endIndex
      guard seen.insert(first.fileName).inserted else {
        throw WFDBError(file: path, .inconsistent("the signals of \(first.fileName) are not together"))
      }
      guard members.allSatisfy({ $0.format == first.format && $0.byteOffset == first.byteOffset }) else {
        throw WFDBError(
          file: path, .inconsistent("the signals of \(first.fileName) differ in format or byte offset"))
      }
      groups.append(
        SignalGroup(
          fileName: first.fileName, format: first.format, byteOffset: first.byteOffset,
          members: members.indices,
          frameSamples: members.reduce(0) { $0 + $1.samplesPerFrame },
          fileSize: try folder.size(of: first.fileName)))
    }
  }

  private func decode(
    _ bytes: StoredFrames, _ index: Int, _ stored: Range<Int>, skipping skipped: Int,
    into samples: UnsafeMutablePointer<Int32>, _ progress: inout SignalProgress
  ) throws {
    if stored.lowerBound == 0 { progress = SignalProgress() }
    if bytes.group.format == .format8 {
      // Differences are known from the start alone.
      if progress.frames > stored.lowerBound { progress = SignalProgress() }
      while progress.frames < stored.lowerBound {
        let next = progress.frames..<min(progress.frames + Self.skippedAtOnce, stored.lowerBound)
        try load(
          try self.bytes(of: bytes.group, next), index, next, skipping: next.count, into: samples, &progress)
      }
    }
    try load(bytes, index, stored, skipping: skipped, into: samples, &progress)
  }

  /// Frames of differences that are passed over in one piece.
  private static var skippedAtOnce: Int { 1 << 16 }

  /// Loads frames as they are stored; the first `skipped` of them are not written to `samples`.
  private func load(
    _ bytes: StoredFrames, _ index: Int, _ stored: Range<Int>, skipping skipped: Int,
    into samples: UnsafeMutablePointer<Int32>, _ progress: inout SignalProgress
  ) throws {
    let (signal, group) = (header.signals[index], bytes.group)
    let places = FramePlaces(
      frames: stored.count, frameSamples: group.frameSamples,
      first: stored.lowerBound * group.frameSamples - bytes.first
        + header.signals[group.members.lowerBound..<index].reduce(0) { $0 + $1.samplesPerFrame },
      perFrame: signal.samplesPerFrame, skipped: skipped)
    let isInOrder = progress.frames == stored.lowerBound
    var value = progress.value ?? signal.initialValue
    let sum = bytes.bytes.withUnsafeBufferPointer { buffer -> Int? in
      guard let bytes = buffer.baseAddress else { return 0 }
      return group.format == .format8
        ? loadDifferences(bytes, places, from: &value, into: samples)
        : group.format.load(bytes, places, into: samples)
    }
    guard let sum else {
      throw WFDBError(
        file: path,
        .inconsistent("the differences of signal \(index) (\(signal.name)) add up to more than 32 bits"))
    }
    guard isInOrder else { return }
    progress = SignalProgress(frames: stored.upperBound, sum: progress.sum &+ sum, value: value)
    if stored.upperBound == frames { try verify(progress.sum, of: index) }
  }

  private func verify(_ sum: Int, of index: Int) throws {
    // Covers all stored samples, also those that skew puts before sample 0; header(5).
    let signal = header.signals[index]
    let computed = Int16(truncatingIfNeeded: sum)
    if header.sampleCount != nil, let stated = signal.checksum, stated != computed {
      let name = signal.name.isEmpty ? "\(index)" : "\(index) (\(signal.name))"
      throw WFDBError(file: path, .checksum(signal: name, stated: stated, computed: computed))
    }
  }
}

/// The bytes of some frames of a file.
private struct StoredFrames {
  let group: SignalGroup
  /// The number of the first sample in them, counted over all signals of the file.
  let first: Int
  let bytes: [UInt8]
}

/// How far a signal has been read in order from its start.
struct SignalProgress {
  /// Frames as stored.
  var frames = 0
  /// The sum of their values.
  var sum = 0
  /// The last value, where differences are stored.
  var value: Int?
}

/// The signals of one file, whose samples are stored in turn, frame by frame.
struct SignalGroup {
  let fileName: String
  let format: SignalFormat
  let byteOffset: Int
  /// Their places in the header.
  let members: Range<Int>
  /// Samples of all of them in one frame.
  let frameSamples: Int
  let fileSize: Int

  var heldSamples: Int { format.samples(in: max(0, fileSize - byteOffset)) }
}

extension SignalSpecification {
  /// A signal without a file; all its samples are invalid.
  var isNull: Bool { format == .null || fileName == "~" }
}
