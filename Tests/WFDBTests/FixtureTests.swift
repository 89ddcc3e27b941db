import WFDB
import XCTest

/// What wfdb-python reads in the fixtures; Fixtures/make_fixtures.py.
private struct Expected: Decodable {
  struct SignalValues: Decodable {
    let fileName: String?, format: Int?, samplesPerFrame: Int?, skew: Int?, byteOffset: Int?, gain: Double?
    let baseline: Int?, units: String?, adcResolution: Int?, adcZero: Int?, initialValue: Int?, checksum: Int?
    let blockSize: Int?
    let name: String
    let digital: [Int32?]?, physical: [Double?]?
  }
  struct RecordValues: Decodable {
    let frequency: Double?, counterFrequency: Double?, baseCounter: Double?
    let samples: Int
    let baseTime: String?, baseDate: String?, comments: [String]?
    let signals: [SignalValues]
  }
  struct AnnotationValues: Decodable {
    let sample: Int, code: UInt8, symbol: String, subtype: Int8, channel: UInt8, number: Int8,
      auxiliary: String
  }
  struct AnnotationFileValues: Decodable {
    let timeResolution: Double?
    let annotations: [AnnotationValues]
  }
  let records: [String: RecordValues]
  let annotations: [String: AnnotationFileValues]
}

final class FixtureTests: XCTestCase {
  func testRecordsAsWFDBPythonReadsThem() throws {
    let expected = try fixture("expected.json", as: Expected.self).records
    XCTAssertEqual(expected.count, 46)
    for (name, values) in expected.sorted(by: { $0.key < $1.key }) {
      let record = try Record.read(at: "\(fixtures)/\(name)")
      XCTAssertEqual(record.sampleCount, values.samples, name)
      XCTAssertEqual(record.signals.count, values.signals.count, name)
      for (signal, expected) in zip(record.signals, values.signals) {
        XCTAssertEqual(signal.name, expected.name, name)
        if let digital = expected.digital {
          XCTAssertEqual(signal.digital, digital.map { $0 ?? Signal.invalid }, "\(name) \(signal.name)")
        }
        if let physical = expected.physical {
          for (value, wanted) in zip(signal.physical(), physical) {
            // The joined signal has the layout's gain: half a unit of it is lost at most.
            guard let wanted else {
              XCTAssertTrue(value.isNaN)
              continue
            }
            XCTAssertEqual(Double(value), wanted, accuracy: 0.5 / signal.specification.gain + 1e-6, name)
          }
        }
        if expected.format != nil { check(signal.specification, expected, name) }
      }
      guard let frequency = values.frequency else { continue }
      XCTAssertEqual(record.header.samplingFrequency, frequency, name)
      XCTAssertEqual(record.header.counterFrequency, values.counterFrequency, name)
      XCTAssertEqual(record.header.baseCounter, values.baseCounter, name)
      XCTAssertEqual(record.header.comments, values.comments, name)
    }
  }

  private func check(_ signal: SignalSpecification, _ expected: Expected.SignalValues, _ name: String) {
    XCTAssertEqual(signal.fileName, expected.fileName, name)
    XCTAssertEqual(signal.format.rawValue, expected.format, name)
    XCTAssertEqual(signal.samplesPerFrame, expected.samplesPerFrame, name)
    XCTAssertEqual(signal.skew, expected.skew, name)
    XCTAssertEqual(signal.byteOffset, expected.byteOffset, name)
    XCTAssertEqual(signal.gain, expected.gain, name)
    XCTAssertEqual(signal.baseline, expected.baseline, name)
    XCTAssertEqual(signal.units, expected.units, name)
    XCTAssertEqual(signal.adcResolution, expected.adcResolution, name)
    XCTAssertEqual(signal.adcZero, expected.adcZero, name)
    XCTAssertEqual(signal.initialValue, expected.initialValue, name)
    XCTAssertEqual(Int16(truncatingIfNeeded: expected.checksum ?? 0), signal.checksum ?? 0, name)
    XCTAssertEqual(signal.blockSize, expected.blockSize, name)
  }

  func testTimeAndDateStandAsWritten() throws {
    let header = try Header.read(at: "\(fixtures)/files.hea")
    XCTAssertEqual(header.baseTime, "13:5:0")
    XCTAssertEqual(header.baseDate, "25/4/1989")
    XCTAssertEqual(header.name, "files")
    XCTAssertEqual(header.signalCount, 5)
  }

  func testAnnotationsAsWFDBPythonReadsThem() throws {
    let expected = try fixture("expected.json", as: Expected.self).annotations
    XCTAssertEqual(expected.count, 3)
    for (name, values) in expected {
      let file = try AnnotationFile.read(at: "\(fixtures)/\(name).atr")
      XCTAssertEqual(file.timeResolution, values.timeResolution, name)
      XCTAssertEqual(file.annotations.count, values.annotations.count, name)
      for (annotation, wanted) in zip(file.annotations, values.annotations) {
        XCTAssertEqual(
          annotation,
          Annotation(
            sample: wanted.sample, code: try XCTUnwrap(AnnotationCode(rawValue: wanted.code)),
            subtype: wanted.subtype, channel: wanted.channel, number: wanted.number,
            auxiliary: wanted.auxiliary))
        XCTAssertEqual(file.symbol(of: annotation.code), wanted.symbol)
      }
    }
    let defined = try AnnotationFile.read(at: "\(fixtures)/defined.atr").definitions
    XCTAssertEqual(
      defined,
      [
        .init(code: AnnotationCode(rawValue: 42)!, symbol: "w", meaning: "A weird thing"),
        .init(code: AnnotationCode(rawValue: 43)!, symbol: "o", meaning: "Another"),
      ])
  }

  func testOneSignalByName() throws {
    let whole = try Record.read(at: "\(fixtures)/files")
    let part = try Record.read(at: "\(fixtures)/files.hea", signals: ["e", "c"])
    XCTAssertEqual(part.signals, [whole.signals[4], whole.signals[2]])
    assertRefuses("'MLII'", "it has a, b 1, c, d, e") {
      try Record.read(at: "\(fixtures)/files", signals: ["MLII"])
    }
    let joined = try Record.read(at: "\(fixtures)/variable")
    XCTAssertEqual(try Record.read(at: "\(fixtures)/variable", signals: ["ABP"]).signals, [joined.signals[2]])
  }

  func testPhysicalUnits() throws {
    let specification = SignalSpecification(
      fileName: "a", format: .format16, gain: 200, baseline: 1024, name: "")
    let physical = Signal(specification: specification, digital: [1024, 1224, Signal.invalid, 924]).physical()
    XCTAssertEqual(physical[0], 0)
    XCTAssertEqual(physical[1], 1)
    XCTAssertTrue(physical[2].isNaN)
    XCTAssertEqual(physical[3], -0.5)
  }
}
