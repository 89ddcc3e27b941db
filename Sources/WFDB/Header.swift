/// A record's header file: header(5) of the WFDB Applications Guide.
public struct Header: Sendable, Equatable {
  /// One segment line: the record that is the segment, and its length.
  public struct Segment: Sendable, Equatable {
    /// The segment's record; "~" for a stretch without any.
    public var name: String
    /// Frames. A first segment of length 0 is the layout of a variable-layout record.
    public var sampleCount: Int

    /// A segment of `sampleCount` frames.
    public init(name: String, sampleCount: Int) {
      self.name = name
      self.sampleCount = sampleCount
    }

    /// A stretch in which nothing was recorded.
    public var isNull: Bool { name == "~" }
  }

  /// The record's name, which its header file bears.
  public var name: String
  /// Signals in the record; of several segments as their header states.
  public var signalCount: Int
  /// Frames a second, in Hz. Where a header has none, 250.
  public var samplingFrequency: Double
  /// Ticks a second of a tape counter or of chart paper; nil where absent, which means the sampling frequency.
  public var counterFrequency: Double?
  /// The counter's value at sample 0; nil where absent, which means 0.
  public var baseCounter: Double?
  /// Frames; nil where the header does not say.
  public var sampleCount: Int?
  /// The time of day of sample 0 as written, usually HH:MM:SS.
  public var baseTime: String?
  /// The date of sample 0 as written, usually DD/MM/YYYY.
  public var baseDate: String?
  /// The signal lines; empty in the top-level header of a multi-segment record.
  public var signals: [SignalSpecification]
  /// The segment lines of a multi-segment record.
  public var segments: [Segment]?
  /// The comment lines without `#` and the blanks around.
  public var comments: [String]

  /// A header; `signalCount` is that of `signals` unless it is given.
  public init(
    name: String, signalCount: Int? = nil, samplingFrequency: Double, counterFrequency: Double? = nil,
    baseCounter: Double? = nil, sampleCount: Int? = nil, baseTime: String? = nil, baseDate: String? = nil,
    signals: [SignalSpecification], segments: [Segment]? = nil, comments: [String] = []
  ) {
    self.name = name
    self.signalCount = signalCount ?? signals.count
    self.samplingFrequency = samplingFrequency
    self.counterFrequency = counterFrequency
    self.baseCounter = baseCounter
    self.sampleCount = sampleCount
    self.baseTime = baseTime
    self.baseDate = baseDate
    self.signals = signals
    self.segments = segments
    self.comments = comments
  }

  /// Reads a header file.
  /// - Parameter path: the record, such as `DIR/106`, with or without `.hea`.
  /// - Throws: `WFDBError` when the file cannot be read or a field of it is not what header(5) allows.
  public static func read(at path: String) throws -> Header {
    let (folder, name) = DiskFolder.split(path)
    return try read(name, in: folder)
  }

  /// `name` is a record's name, with or without `.hea`, in `folder`.
  package static func read(_ name: String, in folder: some FileSource) throws -> Header {
    let file = file(of: name)
    return try parse(folder.bytes(of: file, limit: byteLimit), path: folder.path(of: file))
  }

  /// A record's header file.
  static func file(of record: String) -> String { record.hasSuffix(".hea") ? record : record + ".hea" }

  /// Longest header that is read, in bytes, and most signals: parsed, a line takes many times its own memory.
  static let byteLimit = 1 << 20
  static let signalLimit = 2_000
}
