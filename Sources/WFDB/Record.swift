/// A record: its header and the samples of its signals.
public struct Record: Sendable, Equatable {
  /// The header. Where the record has several segments, `signals` describes them joined.
  public let header: Header
  /// The signals asked for, in the header's order where none were named.
  public let signals: [Signal]

  /// A record in memory, to be written; each signal brings its specification.
  public init(header: Header, signals: [Signal]) {
    self.header = header
    self.signals = signals
  }

  /// Frames in the record.
  public var sampleCount: Int { header.sampleCount ?? 0 }

  /// Reads a record whole, verifies its checksums, and joins its segments.
  /// - Parameters:
  ///   - path: the record, such as `DIR/106`, with or without `.hea`.
  ///   - names: the signals wanted, by name; nil for all. Of two of one name the first is taken.
  /// - Throws: `WFDBError`, which names the file and the signal: a file that is missing, shorter than the header
  ///   states or damaged, a format that is not supported, a signal that does not exist.
  public static func read(at path: String, signals names: [String]? = nil) throws -> Record {
    let (folder, name) = DiskFolder.split(path)
    return try read(name, in: folder, signals: names)
  }

  package static func read(
    _ name: String, in folder: some FileSource, signals names: [String]? = nil
  ) throws -> Record {
    var header = try Header.read(name, in: folder)
    let folder = folder.confined(to: Header.file(of: name))
    if header.segments != nil { return try SegmentReader(header, name, folder).read(signals: names) }
    let path = folder.path(of: name)
    let files = try SignalFiles(of: header, in: folder, path: path)
    header.sampleCount = files.frames
    let wanted = try header.indices(of: names, path: path)
    let lengths = wanted.map { saturating(files.frames, times: header.signals[$0].samplesPerFrame) }
    try checkMemory(samples: lengths, fileBytes: files.groups.map(\.fileSize), path: path)
    var samples = lengths.map { [Int32](repeating: Signal.invalid, count: $0) }
    var progress: [Int: SignalProgress] = [:]
    try files.decode(
      wanted.indices.map { (wanted[$0], $0) }, 0..<files.frames, into: &samples, at: 0, &progress)
    return Record(
      header: header,
      signals: zip(wanted, samples).map { Signal(specification: header.signals[$0], digital: $1) })
  }
}

extension Header {
  /// The places of the named signals.
  func indices(of names: [String]?, path: String) throws -> [Int] {
    guard let names else { return Array(signals.indices) }
    return try names.map { name in
      guard let index = signals.firstIndex(where: { $0.name == name }) else {
        throw WFDBError(file: path, .noSuchSignal(name, existing: signals.map(\.name)))
      }
      return index
    }
  }
}

/// Refuses a record whose samples would take more memory than its files justify: 4 MB and eight times their bytes.
/// Only stretches without a file (null signals and segments, segments listed again) can take so much.
/// - Parameter samples: of each signal.
func checkMemory(samples: [Int], fileBytes: some Sequence<Int>, path: String) throws {
  let limit = fileBytes.reduce(1 << 22) { saturating($0, plus: saturating(8, times: $1)) }
  let needed = samples.reduce(0) { saturating($0, plus: saturating(4, times: $1)) }
  guard needed <= limit else { throw WFDBError(file: path, .claimsTooMuch(bytes: needed, limit: limit)) }
}

/// For numbers of at least 0.
func saturating(_ a: Int, times b: Int) -> Int {
  let (value, overflow) = a.multipliedReportingOverflow(by: b)
  return overflow ? Int.max : value
}

func saturating(_ a: Int, plus b: Int) -> Int {
  let (value, overflow) = a.addingReportingOverflow(b)
  return overflow ? Int.max : value
}
