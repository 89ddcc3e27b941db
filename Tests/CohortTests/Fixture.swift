import Foundation
import WFDB
import XCTest

/// Reads what Fixtures/make_fixtures.py wrote.
func fixture<T: Decodable>(_ name: String, as type: T.Type = T.self) throws -> T {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
  return try JSONDecoder().decode(T.self, from: Data(contentsOf: folder.appendingPathComponent(name)))
}

/// The signal that make_fixtures.py filters.
func testSignal(_ count: Int) -> [Double] {
  (0..<count).map { n in
    let jump = (n * n * 7919 + n * 104729) % 2003
    return Double(jump) / 1000 + 2 * sin(Double(n) / 50) + 4
  }
}

/// The largest difference over the largest expected value.
func relativeError(_ values: [Double], _ expected: [Double]) -> Double {
  guard values.count == expected.count else { return .infinity }
  let scale = expected.map(abs).max() ?? 1
  return zip(values, expected).map { abs($0 - $1) }.max()! / scale
}

/// A folder of its own for a test, removed afterwards.
func withTemporaryFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "CohortTests-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder.path)
}

/// Checks that `body` throws an error whose text holds all of `parts` and is one line.
func assertThrows(
  saying parts: [String], file: StaticString = #filePath, line: UInt = #line, _ body: () throws -> Void
) {
  XCTAssertThrowsError(try body(), file: file, line: line) { error in
    let text = String(describing: error)
    for part in parts {
      XCTAssert(text.contains(part), "'\(text)' does not say '\(part)'", file: file, line: line)
    }
    XCTAssertFalse(text.contains("\n"), file: file, line: line)
  }
}

/// Writes a small record: a bump of 1 mV at every beat, 360 Hz unless said otherwise, and its annotations.
struct SmallRecord {
  var name = "r"
  var leads: [(name: String, units: String)] = [("MLII", "mV")]
  var frequency = 360.0
  var samplesPerFrame = 1
  /// Beats by frame.
  var beats: [(sample: Int, symbol: String)] = stride(from: 300, to: 7000, by: 300).map { ($0, "N") }
  var rhythms: [(sample: Int, text: String)] = []
  var frames = 7200
  var gaps: [Range<Int>] = []
  /// Replaces the bumps.
  var constant: Int32?
  var timeResolution: Double?
  var writesAnnotations = true

  @discardableResult
  func write(to folder: String) throws -> String {
    let fileName = name + ".dat"
    let signals = leads.enumerated().map { index, lead in
      var digital = [Int32](repeating: constant ?? 0, count: frames * samplesPerFrame)
      for beat in beats where constant == nil {
        for k in -8...8 {
          let place = beat.sample * samplesPerFrame + k
          if digital.indices.contains(place) { digital[place] = Int32((200 + 50 * index) * (9 - abs(k)) / 9) }
        }
      }
      for gap in gaps { for i in gap { digital[i] = Signal.invalid } }
      return Signal(
        specification: SignalSpecification(
          fileName: fileName, format: .format212, samplesPerFrame: samplesPerFrame, units: lead.units,
          name: lead.name),
        digital: digital)
    }
    let header = Header(
      name: name, samplingFrequency: frequency, sampleCount: frames, signals: signals.map(\.specification))
    try Record(header: header, signals: signals).write(to: folder)
    let scale = (timeResolution ?? frequency) / frequency
    var annotations = rhythms.map {
      Annotation(sample: Int(Double($0.sample) * scale), code: .rhythmChange, auxiliary: $0.text)
    }
    annotations += beats.map {
      Annotation(sample: Int(Double($0.sample) * scale), code: AnnotationCode(symbol: $0.symbol)!)
    }
    annotations.sort { $0.sample < $1.sample }
    if writesAnnotations {
      try AnnotationFile(annotations, timeResolution: timeResolution).write(to: "\(folder)/\(name).atr")
    }
    return "\(folder)/\(name)"
  }
}
