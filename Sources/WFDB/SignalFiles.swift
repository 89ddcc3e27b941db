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

  /// Decodes signals and verifies their checksums.
  /// - Parameters:
  ///   - wanted: places in the header, and places in `samples`.
  ///   - samples: whole signals, all invalid from `frame` on.
  ///   - frame: where this record starts in them.
  func decode(_ wanted: [(signal: Int, place: Int)], into samples: inout [[Int32]], at frame: Int) throws {
    for group in groups where frames > 0 {
      let members = wanted.filter { group.members.contains($0.signal) }
      guard !members.isEmpty else { continue }
      let count = group.format.bytes(for: frames * group.frameSamples)
      let bytes = try folder.bytes(of: group.fileName, in: group.byteOffset..<(group.byteOffset + count))
      for (signal, place) in members {
        let start = frame * header.signals[signal].samplesPerFrame
        try samples[place].withUnsafeMutableBufferPointer {
          try decode(bytes, signal, of: group, into: $0.baseAddress! + start)
        }
      }
    }
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
    _ bytes: [UInt8], _ index: Int, of group: SignalGroup, into samples: UnsafeMutablePointer<Int32>
  ) throws {
    let signal = header.signals[index]
    let places = FramePlaces(
      frames: frames, frameSamples: group.frameSamples,
      first: header.signals[group.members.lowerBound..<index].reduce(0) { $0 + $1.samplesPerFrame },
      perFrame: signal.samplesPerFrame, skew: signal.skew)
    let sum = bytes.withUnsafeBufferPointer { buffer in
      group.format == .format8
        ? loadDifferences(buffer.baseAddress!, places, from: signal.initialValue, into: samples)
        : group.format.load(buffer.baseAddress!, places, into: samples)
    }
    guard let sum else {
      throw WFDBError(
        file: path,
        .inconsistent("the differences of signal \(index) (\(signal.name)) add up to more than 32 bits"))
    }
    // Covers all stored samples, also those that skew puts before sample 0; header(5).
    let computed = Int16(truncatingIfNeeded: sum)
    if header.sampleCount != nil, let stated = signal.checksum, stated != computed {
      let name = signal.name.isEmpty ? "\(index)" : "\(index) (\(signal.name))"
      throw WFDBError(file: path, .checksum(signal: name, stated: stated, computed: computed))
    }
  }
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
