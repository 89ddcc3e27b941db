import WFDB
import XCTest

final class RoundTripTests: XCTestCase {
  private let formats = SignalFormat.allCases.filter { $0 != .null }

  /// Random signals of every format, alone and several to a frame, come back as they were, checksums verified.
  func testRecordsOfEveryFormat() throws {
    var random = SeededGenerator(seed: 1)
    try withTemporaryFolder { folder in
      for round in 0..<200 {
        let format = formats[round % formats.count]
        let record = randomRecord("r\(round)", [format], &random)
        try record.write(to: folder)
        XCTAssertEqual(
          try Record.read(at: "\(folder)/r\(round)").signals.map(\.digital), record.signals.map(\.digital))
      }
      for round in 0..<50 {
        let record = randomRecord("m\(round)", formats.shuffled(using: &random), &random)
        try record.write(to: folder)
        let read = try Record.read(at: "\(folder)/m\(round)")
        XCTAssertEqual(read.signals.map(\.digital), record.signals.map(\.digital))
        XCTAssertEqual(read.header.comments, record.header.comments)
        XCTAssertEqual(
          read.sampleCount, record.signals[0].digital.count / record.signals[0].specification.samplesPerFrame)
        // What was read is what a second writing gives.
        let again = try read.encoded().0
        XCTAssertEqual(again, read.header)
      }
    }
  }

  func testHeadersOfEveryField() throws {
    var random = SeededGenerator(seed: 2)
    try withTemporaryFolder { folder in
      for round in 0..<500 {
        let header = randomHeader("h\(round)", &random)
        try header.write(to: folder)
        XCTAssertEqual(try Header.read(at: "\(folder)/h\(round)"), header)
      }
    }
  }

  func testAnnotationsOfEveryKind() throws {
    var random = SeededGenerator(seed: 3)
    try withTemporaryFolder { folder in
      for round in 0..<300 {
        let file = randomAnnotations(count: round, &random)
        try file.write(to: "\(folder)/a.atr")
        XCTAssertEqual(try AnnotationFile.read(at: "\(folder)/a.atr"), file)
      }
    }
  }

  /// A day of 360 Hz, a text at every beat.
  func testAnnotationsOfADay() throws {
    let file = AnnotationFile(
      stride(from: 17, to: 24 * 3600 * 360, by: 72).map {
        Annotation(sample: $0, code: .unclassifiable, auxiliary: "abnormal")
      } + [Annotation(sample: 1 << 36, code: .normal)])
    try withTemporaryFolder { folder in
      try file.write(to: "\(folder)/a.hwd")
      XCTAssertEqual(try AnnotationFile.read(at: "\(folder)/a.hwd"), file)
    }
  }

  func testWritingLeavesNothingElse() throws {
    var random = SeededGenerator(seed: 4)
    try withTemporaryFolder { folder in
      try randomRecord("r", [.format212], &random).write(to: folder)
      try AnnotationFile([Annotation(sample: 5, code: .normal)]).write(to: "\(folder)/r.atr")
      XCTAssertEqual(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted(), ["r.atr", "r.hea", "r_0.dat"])
    }
  }

  func testWritingRefusesWhatDoesNotFit() throws {
    func record(_ format: SignalFormat, _ samples: [Int32]) -> Record {
      let specification = SignalSpecification(fileName: "a.dat", format: format, name: "I")
      return Record(
        header: Header(name: "a", samplingFrequency: 250, signals: []),
        signals: [Signal(specification: specification, digital: samples)])
    }
    let greatest: [(SignalFormat, Int32)] = [
      (.format80, 127), (.format310, 511), (.format311, 511), (.format212, 2047), (.format16, 32767),
      (.format61, 32767), (.format160, 32767), (.format24, 8_388_607),
    ]
    for (format, value) in greatest {
      XCTAssertNoThrow(try record(format, [value, -value]).encoded())
      assertRefuses("sample 1", "\(value + 1)", "format \(format.rawValue)") {
        try record(format, [0, value + 1]).encoded()
      }
      // The least value marks a sample as invalid, and would come back as that.
      assertRefuses("sample 0", "format \(format.rawValue)") { try record(format, [-value - 1]).encoded() }
    }
    assertRefuses("format 8") { try record(.format8, [0, 128]).encoded() }
    assertRefuses("format 8") { try record(.format8, [0, Signal.invalid]).encoded() }
    try withTemporaryFolder { folder in
      assertRefuses("missing", "cannot be written") {
        try record(.format16, [1]).write(to: "\(folder)/missing")
      }
      var outside = record(.format16, [1])
      outside = Record(
        header: outside.header,
        signals: [
          Signal(
            specification: SignalSpecification(fileName: "../a.dat", format: .format16, name: "I"),
            digital: [1])
        ])
      assertRefuses("no file to be written to") { try outside.write(to: folder) }
      XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder), [])
    }
    assertRefuses("255 characters") {
      try AnnotationFile([Annotation(sample: 0, code: .note, auxiliary: String(repeating: "a", count: 256))])
        .encoded(path: "a")
    }
    assertRefuses("8859-1") {
      try AnnotationFile([Annotation(sample: 0, code: .note, auxiliary: "\u{1F493}")]).encoded(path: "a")
    }
    assertRefuses("would not read back") {
      try AnnotationFile([Annotation(sample: 0, code: .note, auxiliary: "## time resolution: 5")]).encoded(
        path: "a")
    }
    assertRefuses("too far") {
      try AnnotationFile([Annotation(sample: .min, code: .note)]).encoded(path: "a")
    }
    for name in ["a b", "", "../a", "a\nb"] {
      XCTAssertThrowsError(try Header(name: name, samplingFrequency: 250, signals: []).encoded())
    }
    for frequency in [0, -1, Double.nan, Double.infinity] {
      XCTAssertThrowsError(try Header(name: "a", samplingFrequency: frequency, signals: []).encoded())
    }
  }
}

func randomRecord(_ name: String, _ formats: [SignalFormat], _ random: inout SeededGenerator) -> Record {
  let frames = Int.random(in: 1...40, using: &random)
  var signals: [Signal] = []
  for (file, format) in formats.enumerated() {
    for place in 0..<Int.random(in: 1...4, using: &random) {
      let perFrame = [1, 1, 2, 3].randomElement(using: &random)!
      let specification = SignalSpecification(
        fileName: "\(name)_\(file).dat", format: format, samplesPerFrame: perFrame,
        gain: Double.random(in: 0.001...1000, using: &random),
        baseline: Int.random(in: -5000...5000, using: &random),
        units: "mV", adcResolution: 12, name: "signal \(file) \(place)")
      signals.append(
        Signal(specification: specification, digital: randomSamples(format, frames * perFrame, &random)))
    }
  }
  return Record(
    header: Header(name: name, samplingFrequency: 360, signals: [], comments: ["a comment", "another"]),
    signals: signals)
}

private func randomSamples(_ format: SignalFormat, _ count: Int, _ random: inout SeededGenerator) -> [Int32] {
  guard let marker = format.invalidMarker else {
    var value: Int32 = .random(in: -100_000...100_000, using: &random)
    return (0..<count).map { _ in
      defer { value += .random(in: -128...127, using: &random) }
      return value
    }
  }
  let greatest = -(marker + 1)
  return (0..<count).map { _ in
    switch Int.random(in: 0..<10, using: &random) {
    case 0: Signal.invalid
    case 1: greatest
    case 2: -greatest
    default: .random(in: -greatest...greatest, using: &random)
    }
  }
}

func randomHeader(_ name: String, _ random: inout SeededGenerator) -> Header {
  func chance() -> Bool { Bool.random(using: &random) }
  func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  var header = Header(
    name: name, samplingFrequency: Double.random(in: 0.001...1e5, using: &random),
    sampleCount: chance() ? integer(1...Int.max) : nil, signals: [])
  if chance() { header.counterFrequency = Double.random(in: 1e-9...1e9, using: &random) }
  if chance() { header.baseCounter = Double.random(in: -1e3...1e3, using: &random) }
  if chance() { header.baseTime = "23:59:59.123" }
  if header.baseTime != nil && chance() { header.baseDate = "29/02/2000" }
  header.comments = (0..<integer(0...3)).map { "<age>: \($0)  \u{e9}" }
  if chance() {
    header.segments = (0..<integer(1...5)).map {
      .init(name: $0 == 1 ? "~" : "\(name)_\($0)", sampleCount: integer(0...Int.max))
    }
    header.signalCount = integer(0...9)
    return header
  }
  for index in 0..<integer(0...5) {
    header.signals.append(
      SignalSpecification(
        fileName: chance() ? "~" : "sub/\(name).dat",
        format: SignalFormat.allCases.randomElement(using: &random)!,
        samplesPerFrame: integer(1...9), skew: integer(0...9),
        byteOffset: chance() ? 0 : integer(0...Int.max),
        gain: Double.random(in: -1e6...1e6, using: &random), baseline: integer(-1 << 31...1 << 31 - 1),
        units: chance() ? "mV" : "m/s^2", adcResolution: integer(0...32),
        adcZero: integer(-1 << 31...1 << 31 - 1),
        initialValue: integer(-1 << 31...1 << 31 - 1),
        checksum: Int16.random(in: 1...Int16.max, using: &random),
        blockSize: integer(-512...512), name: chance() ? "" : "lead \(index) of the ECG"))
  }
  header.signalCount = header.signals.count
  return header
}

func randomAnnotations(count: Int, _ random: inout SeededGenerator) -> AnnotationFile {
  var sample = 0
  let annotations = (0..<count).map { _ in
    sample += [0, 1, 300, 1023, 1024, 70_000, 1 << 31, 5 << 31, -20, -5 << 31].randomElement(using: &random)!
    return Annotation(
      sample: sample, code: AnnotationCode.allCases.randomElement(using: &random)!,
      subtype: Bool.random(using: &random) ? 0 : .random(in: .min ... .max, using: &random),
      channel: [0, 0, 1, 255].randomElement(using: &random)!,
      number: [0, 0, -128, 127].randomElement(using: &random)!,
      auxiliary: ["", "", "(N", "(AFIB", "\u{e9}\u{1}", String(repeating: "x", count: 255)]
        .randomElement(using: &random)!)
  }
  return AnnotationFile(
    annotations,
    timeResolution: Bool.random(using: &random) ? nil : Double.random(in: 1e-3...1e6, using: &random),
    definitions: Bool.random(using: &random)
      ? [] : [.init(code: AnnotationCode(rawValue: 42)!, symbol: "odd", meaning: "An odd thing")])
}
