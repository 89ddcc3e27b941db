extension Record {
  /// Writes the header and the signal files, replacing those that are there.
  ///
  /// The files are those that the signals' specifications name, in the formats they state, a sequence of signals with
  /// one file name together. Checksums, initial values, skews and byte offsets are set to what is written: samples
  /// are already aligned. Segments are written as one.
  /// - Parameter folder: an existing folder.
  /// - Throws: `WFDBError` when a sample does not fit its format, lengths disagree, or a file cannot be written.
  public func write(to folder: String) throws {
    let prefix = folderPrefix(folder)
    let (header, files) = try encoded()
    let headerBytes = try header.encoded()
    for (name, bytes) in files { try writeAtomically(bytes, to: prefix + name) }
    try writeAtomically(headerBytes, to: prefix + header.name + ".hea")
  }

  /// The header as written, and the signal files.
  package func encoded() throws -> (Header, files: [(name: String, bytes: [UInt8])]) {
    var header = header
    header.segments = nil
    header.signalCount = signals.count
    header.signals = []
    let first = signals.first.map { $0.digital.count / max(1, $0.specification.samplesPerFrame) }
    let frames = first ?? header.sampleCount ?? 0
    header.sampleCount = frames == 0 ? nil : frames
    for signal in signals {
      var specification = signal.specification
      guard specification.samplesPerFrame > 0,
        saturating(frames, times: specification.samplesPerFrame) == signal.digital.count
      else {
        throw WFDBError(
          file: header.name,
          .inconsistent(
            "signal \(signal.name) has \(signal.digital.count) samples; \(frames) frames of \(specification.samplesPerFrame) are wanted"
          ))
      }
      specification.skew = 0
      specification.byteOffset = 0
      specification.initialValue = signal.digital.first.map { $0 == Signal.invalid ? 0 : Int($0) } ?? 0
      specification.checksum =
        frames == 0 ? nil : Int16(truncatingIfNeeded: try signal.storedSum(in: header.name))
      header.signals.append(specification)
    }
    return (header, try signalFiles(of: header, frames: frames))
  }

  private func signalFiles(of header: Header, frames: Int) throws -> [(name: String, bytes: [UInt8])] {
    var files: [(name: String, bytes: [UInt8])] = []
    var start = 0
    while start < signals.count {
      let first = signals[start].specification
      guard !first.isNull, isInside(first.fileName), let coding = first.format.coding else {
        throw WFDBError(file: header.name, .inconsistent("signal \(first.name) has no file to be written to"))
      }
      let members = signals[start...].prefix { $0.specification.fileName == first.fileName }
      start = members.endIndex
      guard members.allSatisfy({ $0.specification.format == first.format }),
        !files.contains(where: { $0.name == first.fileName })
      else {
        throw WFDBError(
          file: header.name,
          .inconsistent("the signals of \(first.fileName) differ in format or are not together"))
      }
      let frameSamples = members.reduce(0) { $0 + $1.specification.samplesPerFrame }
      // A last group of three samples is written whole, as the WFDB library reads it.
      let count = first.format.bytes(for: frames * frameSamples)
      let isGroupOfThree = first.format == .format310 || first.format == .format311
      var bytes = [UInt8](repeating: 0, count: isGroupOfThree ? (count + 3) / 4 * 4 : count)
      var place = 0
      bytes.withUnsafeMutableBufferPointer { buffer in
        guard let target = buffer.baseAddress else { return }
        for signal in members {
          signal.store(coding, target, frameSamples: frameSamples, first: place)
          place += signal.specification.samplesPerFrame
        }
      }
      files.append((first.fileName, bytes))
    }
    return files
  }
}

extension Signal {
  /// The sum of the values as stored, once all are seen to fit the format.
  fileprivate func storedSum(in record: String) throws -> Int {
    let format = specification.format
    let range = format.range
    var sum = 0
    var previous = digital.first ?? 0
    for (index, value) in digital.enumerated() {
      var stored = Int(value)
      if value == Signal.invalid, let marker = format.invalidMarker {
        stored = Int(marker)
      } else {
        let checked = format == .format8 ? Int(value) - Int(previous) : Int(value)
        guard value != Signal.invalid, range.contains(checked) else {
          throw WFDBError(
            file: record,
            .outOfRange(signal: specification.name, sample: index, value: Int(value), format: format))
        }
      }
      sum &+= stored
      previous = value
    }
    return sum
  }

  fileprivate func store<Coding: SampleCoding>(
    _ coding: Coding.Type, _ bytes: UnsafeMutablePointer<UInt8>, frameSamples: Int, first: Int
  ) {
    let perFrame = specification.samplesPerFrame
    let marker = specification.format.invalidMarker ?? 0
    let isDifference = specification.format == .format8
    var previous = digital.first ?? 0
    for (index, value) in digital.enumerated() {
      let (frame, place) = index.quotientAndRemainder(dividingBy: perFrame)
      let stored = isDifference ? value - previous : value == Signal.invalid ? marker : value
      coding.store(stored, bytes, frame * frameSamples + first + place)
      previous = value
    }
  }
}

extension SignalFormat {
  /// What can be stored: amplitudes without the invalid marker, or differences.
  var range: ClosedRange<Int> {
    guard let invalidMarker else { return self == .null ? 0...0 : -0x80...0x7F }
    return (Int(invalidMarker) + 1)...(-Int(invalidMarker) - 1)
  }
}
