extension Header {
  /// The header in `bytes`; `path` is for messages.
  package static func parse(_ bytes: [UInt8], path: String) throws -> Header {
    guard bytes.count <= byteLimit else {
      throw WFDBError(file: path, .tooLong(bytes: bytes.count, limit: byteLimit))
    }
    var comments: [String] = []
    var signals: [SignalSpecification] = []
    var segments: [Segment] = []
    var announced: (header: Header, rows: Int)?  // what the record line says
    var start = 0
    var number = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      let line = trimmed(bytes[start..<end])
      start = end + 1
      number += 1
      guard let first = line.first else { continue }
      if first == UInt8(ascii: "#") {
        comments.append(text(trimmed(line.dropFirst())))
        continue
      }
      var fields = Fields(rest: line, path: path, line: number)
      guard let (header, rows) = announced else {
        announced = try recordLine(&fields)
        continue
      }
      // Lines beyond those announced are to be ignored: header(5).
      if header.segments != nil, segments.count < rows {
        segments.append(try segmentLine(&fields))
      } else if header.segments == nil, signals.count < rows {
        signals.append(try signalLine(&fields, index: signals.count, of: header))
      }
    }
    guard case (var header, let rows)? = announced else {
      throw WFDBError(file: path, .missing("a record line"))
    }
    let kind = header.segments == nil ? "signal" : "segment"
    guard signals.count + segments.count == rows else {
      throw WFDBError(file: path, .missing("\(kind) line \(signals.count + segments.count + 1) of \(rows)"))
    }
    header.signals = signals
    if header.segments != nil { header.segments = segments }
    header.comments = comments
    return header
  }

  private static func recordLine(_ fields: inout Fields) throws -> (Header, rows: Int) {
    let word = fields.next() ?? []
    let parts = word.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
    let name = text(parts[0])
    guard !name.isEmpty else { throw fields.error("record name", word, expected: "letters, digits or _") }
    var segmentCount: Int?
    if parts.count == 2 {
      segmentCount = try fields.integer("number of segments", parts[1], in: 1...Int(Int32.max))
    }
    guard let count = fields.next() else { throw fields.missing("the number of signals") }
    let signalCount = try fields.integer("number of signals", count, in: 0...Int(Int32.max))
    guard signalCount <= signalLimit else {
      throw fields.error("number of signals", count, expected: "at most \(signalLimit)")
    }
    var header = Header(name: name, signalCount: signalCount, samplingFrequency: 250, signals: [])
    if segmentCount != nil { header.segments = [] }
    if let word = fields.next() { try frequencies(word, into: &header, fields) }
    if let word = fields.next() {
      let count = try fields.integer("number of samples", word, in: 0...Int.max)
      header.sampleCount = count == 0 ? nil : count
    }
    header.baseTime = fields.next().map { text($0) }
    header.baseDate = fields.next().map { text($0) }
    return (header, segmentCount ?? signalCount)
  }

  /// `360/24(100)`: sampling frequency, counter frequency, base counter.
  private static func frequencies(_ word: ArraySlice<UInt8>, into header: inout Header, _ fields: Fields)
    throws
  {
    let parts = word.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
    header.samplingFrequency = try fields.number("sampling frequency", parts[0])
    guard header.samplingFrequency > 0 else {
      throw fields.error("sampling frequency", parts[0], expected: "a positive number")
    }
    guard parts.count == 2 else { return }
    let (counter, base) = try fields.parenthesis("base counter", parts[1])
    let frequency = try fields.number("counter frequency", counter)
    header.counterFrequency = frequency > 0 ? frequency : nil
    header.baseCounter = try base.map { try fields.number("base counter", $0) }
  }

  private static func segmentLine(_ fields: inout Fields) throws -> Segment {
    let name = text(fields.next() ?? [])
    guard let count = fields.next() else { throw fields.missing("the number of samples of segment \(name)") }
    guard name == "~" || isInside(name) && !name.utf8.contains(UInt8(ascii: "/")) else {
      throw fields.failure(.outsideFolder(name))
    }
    return Segment(name: name, sampleCount: try fields.integer("number of samples", count, in: 0...Int.max))
  }

  private static func signalLine(
    _ fields: inout Fields, index: Int, of header: Header
  ) throws -> SignalSpecification {
    let fileName = text(fields.next() ?? [])
    guard fileName == "~" || isInside(fileName) else { throw fields.failure(.outsideFolder(fileName)) }
    guard let word = fields.next() else { throw fields.missing("the format of signal \(index)") }
    var signal = SignalSpecification(fileName: fileName, format: .null, name: "")
    try format(word, into: &signal, index: index, fields)

    var baseline: Int?
    if let word = fields.next() { baseline = try calibration(word, into: &signal, fields) }
    let word32 = Int(Int32.min)...Int(Int32.max)
    if let word = fields.next() {
      signal.adcResolution = try fields.integer("ADC resolution", word, in: 0...64)
    }
    if let word = fields.next() { signal.adcZero = try fields.integer("ADC zero", word, in: word32) }
    signal.baseline = baseline ?? signal.adcZero
    signal.initialValue = signal.adcZero
    if let word = fields.next() {
      signal.initialValue = try fields.integer("initial value", word, in: word32)
    }
    if let word = fields.next() {
      // Signed by the specification; some writers give the same 16 bits unsigned.
      let checksum = Int16(truncatingIfNeeded: try fields.integer("checksum", word, in: -0x8000...0xFFFF))
      // 0 only keeps the place where the number of samples is not stated.
      signal.checksum = checksum == 0 && header.sampleCount == nil ? nil : checksum
    }
    if let word = fields.next() { signal.blockSize = try fields.integer("block size", word, in: word32) }
    signal.name = text(trimmed(fields.rest))
    return signal
  }

  /// `212x2:5+100`: format, samples per frame, skew, byte offset; the last three optional, in any order.
  private static func format(
    _ word: ArraySlice<UInt8>, into signal: inout SignalSpecification, index: Int, _ fields: Fields
  ) throws {
    let marks: [UInt8] = [UInt8(ascii: "x"), UInt8(ascii: ":"), UInt8(ascii: "+")]
    var end = word.firstIndex { marks.contains($0) } ?? word.endIndex
    let code = try fields.integer("format", word[..<end], in: 0...Int(Int32.max))
    guard let format = SignalFormat(rawValue: code) else {
      throw fields.failure(.unsupportedFormat(code, signal: index))
    }
    signal.format = format
    while end < word.endIndex {
      let mark = word[end]
      let start = end + 1
      end = word[start...].firstIndex { marks.contains($0) } ?? word.endIndex
      switch mark {
      case UInt8(ascii: "x"):
        signal.samplesPerFrame = try fields.integer(
          "samples per frame", word[start..<end], in: 1...Int(Int32.max))
      case UInt8(ascii: ":"):
        signal.skew = try fields.integer("skew", word[start..<end], in: 0...Int(Int32.max))
      default:
        signal.byteOffset = try fields.integer("byte offset", word[start..<end], in: 0...Int.max)
      }
    }
  }

  /// `200(1024)/mV`: gain, baseline, units.
  private static func calibration(
    _ word: ArraySlice<UInt8>, into signal: inout SignalSpecification, _ fields: Fields
  ) throws -> Int? {
    let parts = word.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
    let (gain, baseline) = try fields.parenthesis("baseline", parts[0])
    signal.gain = try fields.number("gain", gain)
    if signal.gain == 0 { signal.gain = 200 }
    if parts.count == 2, !parts[1].isEmpty { signal.units = text(parts[1]) }
    return try baseline.map { try fields.integer("baseline", $0, in: Int(Int32.min)...Int(Int32.max)) }
  }
}

/// Whether `name`, from a file, stays inside that file's folder and names each file in one way only.
package func isInside(_ name: String) -> Bool {
  name != "-" && !name.utf8.contains(0)
    && name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .allSatisfy { !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8) }
}

private func isBlank(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
}

private func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
  guard let last = bytes.lastIndex(where: { !isBlank($0) }) else { return [] }
  return bytes[...last].drop(while: isBlank)
}

/// The words of one header line, and the reading of numbers in them.
private struct Fields {
  var rest: ArraySlice<UInt8>
  let path: String
  let line: Int

  mutating func next() -> ArraySlice<UInt8>? {
    rest = rest.drop(while: isBlank)
    guard !rest.isEmpty else { return nil }
    let word = rest.prefix { !isBlank($0) }
    rest = rest[word.endIndex...]
    return word
  }

  func integer(_ field: String, _ word: ArraySlice<UInt8>, in range: ClosedRange<Int>) throws -> Int {
    guard let value = Int(text(word)), range.contains(value) else {
      let expected =
        range.upperBound == Int.max
        ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
      throw error(field, word, expected: "an integer \(expected)")
    }
    return value
  }

  /// A number as scanf(3) reads it, but finite.
  func number(_ field: String, _ word: ArraySlice<UInt8>) throws -> Double {
    let allowed = word.allSatisfy { "+-.0123456789eE".utf8.contains($0) }
    guard allowed, let value = Double(text(word)), value.isFinite else {
      throw error(field, word, expected: "a number")
    }
    return value
  }

  /// What stands before a parenthesis, and in it.
  func parenthesis(
    _ field: String, _ word: ArraySlice<UInt8>
  ) throws -> (ArraySlice<UInt8>, inside: ArraySlice<UInt8>?) {
    guard let open = word.firstIndex(of: UInt8(ascii: "(")) else { return (word, nil) }
    guard word.last == UInt8(ascii: ")") else { throw error(field, word, expected: "a closing parenthesis") }
    return (word[..<open], word[(open + 1)..<(word.endIndex - 1)])
  }

  func failure(_ reason: WFDBError.Reason) -> WFDBError { WFDBError(file: path, line: line, reason) }
  func missing(_ what: String) -> WFDBError { failure(.missing(what)) }
  func error(_ field: String, _ word: ArraySlice<UInt8>, expected: String) -> WFDBError {
    failure(.badField(field, value: text(word), expected: expected))
  }
}
