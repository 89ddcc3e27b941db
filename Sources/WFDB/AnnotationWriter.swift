extension AnnotationFile {
  /// The file's bytes: each field only where it differs from what the format carries over.
  package func encoded(path: String) throws -> [UInt8] {
    var notes: [String] = []
    if let timeResolution { notes.append(FileNote.timeResolution + shortest(timeResolution)) }
    if !definitions.isEmpty {
      notes.append(FileNote.definitions)
      notes += definitions.map { "\($0.code.rawValue) \($0.symbol) \($0.meaning)" }
      notes.append(FileNote.end)
    }
    var writer = AnnotationWriter(path: path)
    for note in notes { try writer.append(Annotation(sample: 0, code: .note, auxiliary: note)) }
    for annotation in annotations { try writer.append(annotation) }
    writer.append(word: 0)
    let reread = try AnnotationFile.parse(writer.bytes, path: path, limit: .max)
    guard reread == self else {
      throw WFDBError(
        file: path, .inconsistent("holds a text or a definition that would not read back as it is"))
    }
    return writer.bytes
  }
}

private struct AnnotationWriter {
  let path: String
  private(set) var bytes: [UInt8] = []
  private var time = 0
  private var channel: UInt8 = 0
  private var number: Int8 = 0

  init(path: String) { self.path = path }

  mutating func append(_ annotation: Annotation) throws {
    var (interval, overflow) = annotation.sample.subtractingReportingOverflow(time)
    // Not one skip in a valid file: 256 of them span more than any recording.
    guard !overflow, interval.magnitude < 1 << 39 else {
      throw WFDBError(
        file: path, .inconsistent("has an annotation at \(annotation.sample), too far from the one before"))
    }
    while interval < 0 || interval > 0x3FF {
      let step = max(Int(Int32.min), min(Int(Int32.max), interval))
      append(word: PseudoCode.skip << 10)
      append(word: UInt16(truncatingIfNeeded: step >> 16))
      append(word: UInt16(truncatingIfNeeded: step))
      interval -= step
    }
    append(code: UInt16(annotation.code.rawValue), UInt16(interval))
    if annotation.subtype != 0 {
      append(code: PseudoCode.subtype, UInt16(UInt8(bitPattern: annotation.subtype)))
    }
    if annotation.channel != channel { append(code: PseudoCode.channel, UInt16(annotation.channel)) }
    if annotation.number != number {
      append(code: PseudoCode.number, UInt16(UInt8(bitPattern: annotation.number)))
    }
    if !annotation.auxiliary.isEmpty { try append(text: annotation.auxiliary) }
    time = annotation.sample
    channel = annotation.channel
    number = annotation.number
  }

  mutating func append(word: UInt16) {
    bytes.append(UInt8(truncatingIfNeeded: word))
    bytes.append(UInt8(truncatingIfNeeded: word >> 8))
  }

  private mutating func append(code: UInt16, _ value: UInt16) { append(word: code << 10 | value) }

  private mutating func append(text: String) throws {
    let scalars = text.unicodeScalars
    guard scalars.count <= 255, scalars.allSatisfy({ $0.value <= 0xFF }) else {
      throw WFDBError(
        file: path, .badField("auxiliary text", value: text, expected: "at most 255 characters of ISO 8859-1")
      )
    }
    append(code: PseudoCode.auxiliary, UInt16(scalars.count))
    bytes += scalars.map { UInt8($0.value) }
    if scalars.count % 2 == 1 { bytes.append(0) }
  }
}
