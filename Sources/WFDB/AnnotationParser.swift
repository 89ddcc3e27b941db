extension AnnotationFile {
  /// The annotations in at most `limit` bytes; `path` is for messages.
  package static func parse(_ bytes: [UInt8], path: String, limit: Int = byteLimit) throws -> AnnotationFile {
    guard bytes.count <= limit else {
      throw WFDBError(file: path, .tooLong(bytes: bytes.count, limit: limit))
    }
    var file = AnnotationFile([])
    // The first walk counts, so that the array is made once, in its size.
    var count = 0
    try walk(bytes, path: path) { _ in count += 1 }
    file.annotations.reserveCapacity(count)
    var notes = NoteReader(path: path)
    try walk(bytes, path: path) { annotation in
      if try !notes.take(annotation, into: &file) { file.annotations.append(annotation) }
    }
    try notes.finish()
    return file
  }

  /// Calls `body` with every annotation. Words of code 0, which are no annotations, only move the time.
  private static func walk(_ bytes: [UInt8], path: String, _ body: (Annotation) throws -> Void) throws {
    var words = Words(bytes: bytes, path: path)
    var time = 0
    var current: Annotation?
    var isPending = false  // whether the last word of an annotation's kind is `current`
    var channel: UInt8 = 0
    var number: Int8 = 0
    while true {
      let start = words.position
      let word = try words.next()
      let code = word >> 10
      switch code {
      case _ where word == 0:
        if isPending { try body(current!) }
        return try words.checkPadding()
      case PseudoCode.skip:
        time = try words.sum(time, words.skip(), at: start)
      case PseudoCode.number...PseudoCode.auxiliary:
        guard current != nil else {
          throw words.failure("a field without an annotation before it", at: start)
        }
        switch code {
        case PseudoCode.number:
          number = Int8(truncatingIfNeeded: word)
          current!.number = number
        case PseudoCode.subtype: current!.subtype = Int8(truncatingIfNeeded: word)
        case PseudoCode.channel:
          channel = UInt8(truncatingIfNeeded: word)
          current!.channel = channel
        default: current!.auxiliary = try words.auxiliary(count: Int(word & 0xFF))
        }
      default:
        if isPending { try body(current!) }
        time = try words.sum(time, Int(word & 0x3FF), at: start)
        guard code == 0 || AnnotationCode(rawValue: UInt8(code)) != nil else {
          throw words.failure("annotation code \(code), which is not defined", at: start)
        }
        isPending = code != 0
        current = Annotation(
          sample: time, code: AnnotationCode(rawValue: UInt8(code)) ?? .note, channel: channel, number: number
        )
      }
    }
  }
}

/// The 16-bit words of an annotation file.
private struct Words {
  let bytes: [UInt8]
  let path: String
  private(set) var position = 0

  init(bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
  }

  mutating func next() throws -> UInt16 {
    guard bytes.count - position >= 2 else {
      throw failure("the end, without an end mark: the file is cut", at: position)
    }
    defer { position += 2 }
    return UInt16(bytes[position]) | UInt16(bytes[position + 1]) << 8
  }

  /// A signed 32-bit interval, its high half first (PDP-11 order).
  mutating func skip() throws -> Int {
    let high = try next()
    return Int(Int32(bitPattern: UInt32(high) << 16 | UInt32(try next())))
  }

  /// Text, padded to whole words. Nulls at its end are C's, not the text's.
  mutating func auxiliary(count: Int) throws -> String {
    guard bytes.count - position >= count else {
      throw failure("the end, within a text: the file is cut", at: position)
    }
    let text = bytes[position..<(position + count)]
    position += count + count % 2
    return latin1(text[..<((text.lastIndex { $0 != 0 } ?? text.startIndex - 1) + 1)])
  }

  func sum(_ time: Int, _ interval: Int, at start: Int) throws -> Int {
    let (sum, overflow) = time.addingReportingOverflow(interval)
    guard !overflow else { throw failure("a time beyond 64 bits", at: start) }
    return sum
  }

  /// After the end mark there may only be padding.
  func checkPadding() throws {
    if let rest = bytes[position...].firstIndex(where: { $0 != 0 }) {
      throw failure("data after the end mark", at: rest)
    }
  }

  func failure(_ what: String, at offset: Int) -> WFDBError {
    WFDBError(file: path, .inconsistent("has at byte \(offset) \(what)"))
  }
}

/// Takes the leading notes that speak of the file out of its annotations.
private struct NoteReader {
  let path: String
  private var isLeading = true
  private var isDefining = false

  init(path: String) { self.path = path }

  /// Whether `annotation` was such a note.
  mutating func take(_ annotation: Annotation, into file: inout AnnotationFile) throws -> Bool {
    guard isLeading, annotation.sample == 0, annotation.code == .note else {
      isLeading = false
      return false
    }
    let note = annotation.auxiliary
    if isDefining {
      isDefining = note != FileNote.end
      if isDefining { file.definitions.append(try definition(note)) }
    } else if note == FileNote.definitions {
      isDefining = true
    } else if note.hasPrefix(FileNote.timeResolution) {
      let digits = note.dropFirst(FileNote.timeResolution.count)
      guard let value = Double(digits), value.isFinite, value > 0 else {
        throw WFDBError(
          file: path, .badField("time resolution", value: String(digits), expected: "a positive number"))
      }
      file.timeResolution = value
    } else {
      isLeading = false
      return false
    }
    return true
  }

  func finish() throws {
    guard !isDefining else { throw WFDBError(file: path, .missing("'\(FileNote.end)'")) }
  }

  /// `42 X What it means`.
  private func definition(_ note: String) throws -> AnnotationFile.Definition {
    let parts = note.split(separator: " ", maxSplits: 2)
    guard parts.count >= 2, let code = UInt8(parts[0]).flatMap({ AnnotationCode(rawValue: $0) }) else {
      throw WFDBError(
        file: path,
        .badField("annotation type definition", value: note, expected: "a code, a symbol and a meaning"))
    }
    return .init(code: code, symbol: String(parts[1]), meaning: parts.count == 3 ? String(parts[2]) : "")
  }
}
