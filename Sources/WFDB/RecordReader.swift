/// Reads a record a stretch at a time, for records that are longer than memory: no samples are kept between the calls.
///
/// Stretches may be read in any order. In format 8 (differences) one that does not follow the last takes the time of reading the record up
/// to it.
public struct RecordReader {
  /// The header. Where the record has several segments, `signals` describes them joined; `sampleCount` is always there.
  public let header: Header
  /// The signals that are read, in the order asked for.
  public let specifications: [SignalSpecification]

  private let wanted: [Int]
  private var source: Source

  private enum Source {
    case files(SignalFiles<DiskFolder>, [Int: SignalProgress])
    case segments(SegmentReader<DiskFolder>, SegmentProgress)
  }

  /// Opens a record.
  /// - Parameters:
  ///   - path: the record, such as `DIR/106`, with or without `.hea`.
  ///   - names: the signals wanted, by name; nil for all. Of two of one name the first is taken.
  /// - Throws: `WFDBError`, as `Record.read`, but for what only the samples show.
  public init(at path: String, signals names: [String]? = nil) throws {
    let (given, name) = DiskFolder.split(path)
    var header = try Header.read(name, in: given)
    let folder = given.confined(to: Header.file(of: name))
    if header.segments != nil {
      let reader = try SegmentReader(header, name, folder)
      (header, wanted) = try reader.join(signals: names)
      source = .segments(reader, SegmentProgress())
    } else {
      let path = folder.path(of: name)
      let files = try SignalFiles(of: header, in: folder, path: path)
      header.sampleCount = files.frames
      wanted = try header.indices(of: names, path: path)
      let lengths = wanted.map { [header] in
        saturating(files.frames, times: header.signals[$0].samplesPerFrame)
      }
      try checkMemory(samples: lengths, fileBytes: files.groups.map(\.fileSize), path: path)
      source = .files(files, [:])
    }
    self.header = header
    specifications = wanted.map { [header] in header.signals[$0] }
  }

  /// Frames in the record.
  public var sampleCount: Int { header.sampleCount ?? 0 }

  /// The stored integers of each signal in these frames, as `Signal.digital` has them.
  ///
  /// A signal's checksum is verified when the last of stretches that follow one another from the record's start to its end is read (of a
  /// segment: from the segment's start to its end).
  /// - Parameter frames: within the record.
  /// - Throws: `WFDBError` when a file cannot be read, or is damaged.
  public mutating func read(_ frames: Range<Int>) throws -> [[Int32]] {
    precondition(
      frames.lowerBound >= 0 && frames.upperBound <= sampleCount, "frames \(frames) of \(sampleCount)")
    var samples = specifications.map {
      [Int32](repeating: Signal.invalid, count: frames.count * $0.samplesPerFrame)
    }
    switch source {
    case .files(let files, var progress):
      try files.decode(wanted.indices.map { (wanted[$0], $0) }, frames, into: &samples, at: 0, &progress)
      source = .files(files, progress)
    case .segments(let reader, var progress):
      try reader.decode(wanted, of: header, frames, into: &samples, &progress)
      source = .segments(reader, progress)
    }
    return samples
  }
}
