/// What is in a record, in the form that `heartwood inspect --json` prints.
public struct RecordSummary: Encodable, Sendable, Equatable {
  /// One signal's header line and the range of its samples.
  public struct SignalSummary: Encodable, Sendable, Equatable {
    /// The description, such as "MLII".
    public let name: String
    /// The physical unit.
    public let units: String
    /// The number of the ``SignalFormat``.
    public let format: Int
    /// ADC units a physical unit.
    public let gain: Double
    /// The digital value of 0 physical units.
    public let baseline: Int
    /// Samples, invalid ones too.
    public let samples: Int
    /// As the header states it, and as reading verified it.
    public let checksum: Int16?
    /// Of the samples that are valid; nil where none is.
    public let digitalMin: Int32?
    /// The largest of the valid samples; nil where none is.
    public let digitalMax: Int32?
    /// The sum of the valid samples.
    public let digitalSum: Int
  }

  /// What an annotation file holds, counted.
  public struct AnnotationSummary: Encodable, Sendable, Equatable {
    /// Annotations of all codes.
    public let count: Int
    /// Annotations by symbol.
    public let symbols: [String: Int]
    /// The texts of rhythm changes that begin with "(".
    public let rhythms: [String: Int]
    /// The sample of the first annotation; nil where there is none.
    public let firstSample: Int?
    /// The sample of the last annotation; nil where there is none.
    public let lastSample: Int?
  }

  /// The record's name.
  public let record: String
  /// Hz.
  public let frequency: Double
  /// Frames.
  public let samples: Int
  /// In the header's order.
  public let signals: [SignalSummary]
  /// Nil where the record has no annotation file.
  public let annotations: AnnotationSummary?
  /// The header's comment lines.
  public let comments: [String]

  /// Reads a record whole, its checksums verified, and its annotations.
  /// - Parameters:
  ///   - path: the record, such as `DIR/106`.
  ///   - annotator: the annotation file's suffix; nil for `atr`, if there is such a file.
  /// - Throws: `WFDBError` when one of the files cannot be read.
  public init(recordAt path: String, annotator: String? = nil) throws {
    let (folder, name) = DiskFolder.split(path)
    try self.init(name, in: folder, annotator: annotator)
  }

  package init(_ name: String, in folder: some FileSource, annotator: String? = nil) throws {
    let stem = name.hasSuffix(".hea") ? String(name.dropLast(4)) : name
    let record = try Record.read(stem, in: folder)
    var annotations: AnnotationSummary?
    let file = "\(stem).\(annotator ?? "atr")"
    if try annotator != nil || folder.has(file) {
      annotations = AnnotationSummary(try AnnotationFile.read(file, in: folder))
    }
    self.init(record, annotations)
  }

  init(_ record: Record, _ annotations: AnnotationSummary?) {
    self.record = record.header.name
    frequency = record.header.samplingFrequency
    samples = record.sampleCount
    signals = record.signals.map(SignalSummary.init)
    self.annotations = annotations
    comments = record.header.comments
  }
}

// Written out because every key is to be there: what is nil is null.
extension RecordSummary {
  private enum CodingKeys: CodingKey { case record, frequency, samples, signals, annotations, comments }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(record, forKey: .record)
    try container.encode(frequency, forKey: .frequency)
    try container.encode(samples, forKey: .samples)
    try container.encode(signals, forKey: .signals)
    try container.encode(annotations, forKey: .annotations)
    try container.encode(comments, forKey: .comments)
  }
}

extension RecordSummary.SignalSummary {
  private enum CodingKeys: CodingKey {
    case name, units, format, gain, baseline, samples, checksum, digitalMin, digitalMax, digitalSum
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(units, forKey: .units)
    try container.encode(format, forKey: .format)
    try container.encode(gain, forKey: .gain)
    try container.encode(baseline, forKey: .baseline)
    try container.encode(samples, forKey: .samples)
    try container.encode(checksum, forKey: .checksum)
    try container.encode(digitalMin, forKey: .digitalMin)
    try container.encode(digitalMax, forKey: .digitalMax)
    try container.encode(digitalSum, forKey: .digitalSum)
  }
}

extension RecordSummary.AnnotationSummary {
  private enum CodingKeys: CodingKey { case count, symbols, rhythms, firstSample, lastSample }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(count, forKey: .count)
    try container.encode(symbols, forKey: .symbols)
    try container.encode(rhythms, forKey: .rhythms)
    try container.encode(firstSample, forKey: .firstSample)
    try container.encode(lastSample, forKey: .lastSample)
  }
}

extension RecordSummary.SignalSummary {
  init(_ signal: Signal) {
    let specification = signal.specification
    name = specification.name
    units = specification.units
    format = specification.format.rawValue
    gain = specification.gain
    baseline = specification.baseline
    samples = signal.digital.count
    checksum = specification.checksum
    var least = Int32.max
    var greatest = Int32.min
    var sum = 0
    for value in signal.digital where value != Signal.invalid {
      least = min(least, value)
      greatest = max(greatest, value)
      sum &+= Int(value)
    }
    digitalMin = least <= greatest ? least : nil
    digitalMax = least <= greatest ? greatest : nil
    digitalSum = sum
  }
}

extension RecordSummary.AnnotationSummary {
  init(_ file: AnnotationFile) {
    let annotations = file.annotations
    count = annotations.count
    symbols = annotations.reduce(into: [:]) { $0[file.symbol(of: $1.code), default: 0] += 1 }
    rhythms = annotations.reduce(into: [:]) {
      if $1.code == .rhythmChange, $1.auxiliary.hasPrefix("(") { $0[$1.auxiliary, default: 0] += 1 }
    }
    firstSample = annotations.first?.sample
    lastSample = annotations.last?.sample
  }
}
