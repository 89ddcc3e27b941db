extension Header {
  /// Writes the header as `name`.hea.
  /// - Parameter folder: an existing folder.
  /// - Throws: `WFDBError` when a field cannot be expressed in header(5) or the file cannot be written.
  public func write(to folder: String) throws {
    try writeAtomically(encoded(), to: folderPrefix(folder) + name + ".hea")
  }

  /// The header file's bytes. Reading them back gives this header; a text that would not come back is refused.
  package func encoded() throws -> [UInt8] {
    var lines = [try recordLine()]
    if let segments {
      for segment in segments { lines.append("\(segment.name) \(segment.sampleCount)") }
    } else {
      for signal in signals { lines.append(try signalLine(signal)) }
    }
    for comment in comments { lines.append(comment.isEmpty ? "#" : "# \(comment)") }
    let bytes = Array((lines.joined(separator: "\r\n") + "\r\n").utf8)
    let reread = try Header.parse(bytes, path: name)
    guard reread == self else {
      throw WFDBError(
        file: name, .inconsistent("has \(difference(from: reread)), which a header cannot hold"))
    }
    return bytes
  }

  private func recordLine() throws -> String {
    guard isInside(name), !name.contains("/") else { throw WFDBError(file: name, .outsideFolder(name)) }
    // Readers take such a name for the header file's.
    guard !name.hasSuffix(".hea") else {
      throw WFDBError(file: name, .badField("record name", value: name, expected: "a name without .hea"))
    }
    var line = name
    if let segments { line += "/\(segments.count)" }
    line += " \(signalCount) \(shortest(samplingFrequency))"
    if counterFrequency != nil || baseCounter != nil {
      line += "/\(shortest(counterFrequency ?? 0))"
      if let baseCounter { line += "(\(shortest(baseCounter)))" }
    }
    line += " \(sampleCount ?? 0)"
    if let baseTime { line += " \(baseTime)" }
    if let baseDate { line += " \(baseDate)" }
    return line
  }

  private func signalLine(_ signal: SignalSpecification) throws -> String {
    var line = "\(signal.fileName) \(signal.format.rawValue)"
    if signal.samplesPerFrame != 1 { line += "x\(signal.samplesPerFrame)" }
    if signal.skew != 0 { line += ":\(signal.skew)" }
    if signal.byteOffset != 0 { line += "+\(signal.byteOffset)" }
    line += " \(shortest(signal.gain))(\(signal.baseline))/\(signal.units)"
    line += " \(signal.adcResolution) \(signal.adcZero)"
    line += " \(signal.initialValue)"
    // Fields are known by their place, so that a name needs a checksum before it.
    if signal.checksum == nil && signal.blockSize == 0 && signal.name.isEmpty { return line }
    guard signal.checksum != nil || sampleCount == nil else {
      throw WFDBError(
        file: name, .missing("the checksum that goes before the name of signal '\(signal.name)'"))
    }
    line += " \(signal.checksum ?? 0) \(signal.blockSize)"
    return signal.name.isEmpty ? line : line + " \(signal.name)"
  }

  /// Which field reading back changed.
  private func difference(from other: Header) -> String {
    if signalCount != other.signalCount || signals.count != other.signals.count {
      return "a wrong number of signals"
    }
    if let index = signals.indices.first(where: { signals[$0] != other.signals[$0] }) {
      return "signal \(index) '\(signals[index].name)'"
    }
    if segments != other.segments { return "segments" }
    if comments != other.comments { return "comments" }
    return "a record line of name '\(name)', frequency \(samplingFrequency)"
  }
}

func folderPrefix(_ folder: String) -> String {
  folder.isEmpty || folder.hasSuffix("/") ? folder : folder + "/"
}

/// The shortest digits that read back as `value`, without ".0".
func shortest(_ value: Double) -> String {
  let digits = "\(value)"
  return digits.hasSuffix(".0") ? String(digits.dropLast(2)) : digits
}
