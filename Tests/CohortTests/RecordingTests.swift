import Cohort
import Foundation
import WFDB
import XCTest

/// A record read in passes of flat memory against the same record read whole.
final class RecordingTests: XCTestCase {
  /// A lead of waves, jumps and noise, long enough for several stretches of the filter, with gaps at both ends, short and long.
  private func signal(_ count: Int, gaps: [Range<Int>] = []) -> [Double] {
    var samples = testSignal(count)
    for gap in gaps { for i in gap { samples[i] = .nan } }
    return samples
  }

  func testTheStreamedFilterEqualsTheWhole() throws {
    for frequency in [100.0, 360, 1000] {
      let filter = try BandPassFilter(samplingFrequency: frequency)
      for count in [16, 17, 500, 40_000, 150_001] {
        let samples = signal(count)
        let whole = try filter.filtered(samples)
        for block in [1, 4096, 32_768, count] where count / block < 20_000 {
          var streamed = StreamedFilter(filter)
          var result: [Double] = []
          for start in stride(from: 0, to: count, by: block) {
            result += streamed.add(Array(samples[start..<min(count, start + block)]))
          }
          result += try streamed.finish()
          XCTAssertLessThan(
            relativeError(result, whole), 1e-12, "\(frequency) Hz, \(count) samples by \(block)")
        }
      }
      var short = StreamedFilter(filter)
      XCTAssertEqual(short.add(signal(15)), [])
      XCTAssertThrowsError(try short.finish()) {
        XCTAssertEqual($0 as? SignalError, .tooShort(samples: 15, needed: 16))
      }
    }
  }

  func testGapsAreFilledAsInTheWhole() throws {
    let all: [[Range<Int>]] = [
      [], [0..<10], [90_000..<100_000],
      [0..<10, 500..<501, 600..<636, 637..<674, 20_000..<90_000, 99_990..<100_000],
    ]
    for gaps in all {
      let samples = signal(100_000, gaps: gaps).map(Float.init)
      var whole = samples.map(Double.init)
      _ = try Preprocessing.fillGaps(of: &whole)
      for block in [999, 32_768, 100_000] {
        var filler = GapFiller(longest: 36)
        var result: [Double] = []
        func take(_ next: () throws -> [Double]) rethrows {
          while true {
            let filled = try next()
            if filled.isEmpty { return }
            XCTAssertLessThanOrEqual(filled.count, 1 << 15)
            result += filled
          }
        }
        for start in stride(from: 0, to: samples.count, by: block) {
          filler.add(Array(samples[start..<min(samples.count, start + block)]))
          take { filler.next() }
        }
        try take { try filler.finish() }
        XCTAssertEqual(result, whole)
        XCTAssertEqual(filler.longGaps, gaps.filter { $0.count > 36 })
      }
    }
    var nothing = GapFiller(longest: 36)
    nothing.add([.nan, .nan])
    XCTAssertEqual(nothing.next(), [])
    XCTAssertThrowsError(try nothing.finish()) { XCTAssertEqual($0 as? SignalError, .noValidSample) }
  }

  func testMomentsOfPiecesAreThoseOfTheWhole() {
    let values = signal(10_000).map { $0 + 1e6 }
    var moments = Moments()
    for start in stride(from: 0, to: values.count, by: 777) {
      moments.add(Array(values[start..<min(values.count, start + 777)]))
    }
    let mean = values.reduce(0, +) / 10_000
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 10_000
    XCTAssertEqual(moments.mean, mean, accuracy: 1e-9 * mean)
    XCTAssertEqual(moments.variance, variance, accuracy: 1e-9 * variance)
  }

  /// The windows of `Patient`, from the same annotations.
  private func assertWindowsAsWhole(
    _ path: String, _ window: WindowShape, file: StaticString = #filePath, line: UInt = #line
  ) throws {
    let patient = try Patient.load(record: path, window: window, labelling: .strict)
    let recording = try Recording(record: path, window: window)
    XCTAssertEqual(recording.lead, patient.lead)
    XCTAssertEqual(recording.sampleCount, patient.sampleCount)
    let survey = try recording.survey(detecting: false)
    let beats = try recording.annotatedBeats("atr")
    var windows = try recording.windows(of: beats, survey)
    var (numbers, all) = ([Int](), Examples(windowLength: window.length))
    while let (some, examples) = try windows.next(100) {
      numbers += some
      all.append(contentsOf: examples)
      XCTAssertLessThanOrEqual(examples.count, 100)
    }
    // The labelling leaves some beats out.
    let places = Dictionary(numbers.enumerated().map { (beats[$0.element], $0.offset) }) { first, _ in first }
    var worst: Float = 0
    for (i, position) in patient.examples.positions.enumerated() {
      guard let place = places[position] else {
        return XCTFail("no window at \(position)", file: file, line: line)
      }
      worst = max(worst, zip(patient.examples.window(i), all.window(place)).map { abs($0 - $1) }.max()!)
      XCTAssertEqual(
        Array(patient.examples.rr[(4 * i)..<(4 * i + 4)]), Array(all.rr[(4 * place)..<(4 * place + 4)]),
        file: file, line: line)
    }
    XCTAssertLessThan(worst, 1e-5, path, file: file, line: line)
    let left = patient.statistics
    XCTAssertEqual(numbers.count, left.beats - left.outsideRecord - left.touchingGaps, file: file, line: line)

    // Some of the beats have the windows that they have among all.
    let chosen = Recording.evenlySpread(20, of: beats.count)
    var some = try recording.windows(of: beats, only: chosen, survey)
    guard let (few, examples) = try some.next(1000) else {
      return XCTFail("no window", file: file, line: line)
    }
    XCTAssertEqual(few, chosen.filter(numbers.contains), file: file, line: line)
    for (i, number) in few.enumerated() {
      let place = numbers.firstIndex(of: number)!
      XCTAssertEqual(examples.window(i), all.window(place), file: file, line: line)
    }
    XCTAssertNil(try some.next(1000))
  }

  func testWindowsEqualThoseOfThePatient() throws {
    try withTemporaryFolder { folder in
      try SmallRecord().write(to: folder)
      try assertWindowsAsWhole("\(folder)/r", .beat)
      var record = SmallRecord(name: "long", frequency: 250, beats: [], frames: 250_000)
      record.beats = stride(from: 20, to: 250_000, by: 210).map { ($0, $0 % 3 == 0 ? "V" : "N") }
      record.gaps = [0..<40, 9000..<9010, 20_000..<20_026, 50_000..<140_000, 249_000..<250_000]
      try record.write(to: folder)
      try assertWindowsAsWhole("\(folder)/long", .beat)
      try assertWindowsAsWhole("\(folder)/long", .rhythm())
      var several = SmallRecord(name: "several", frequency: 128, samplesPerFrame: 2)
      several.gaps = [3000..<3100]
      try several.write(to: folder)
      try assertWindowsAsWhole("\(folder)/several", .beat)
    }
  }

  func testWindowsOfRealRecords() throws {
    guard let data = ProcessInfo.processInfo.environment["HEARTWOOD_DATA"] else {
      throw XCTSkip("HEARTWOOD_DATA is not set: no real records to read")
    }
    for name in ["114", "207"] {
      try assertWindowsAsWhole("\(data)/\(name)", .beat)
      try assertWindowsAsWhole("\(data)/\(name)", .rhythm(rate: 128))
    }
  }

  func testBeatsOfTheSurveyAreTheDetectors() throws {
    try withTemporaryFolder { folder in
      let name = try SimulatedCohort(patients: 1, minutes: 3, seed: 4).write(patient: 1, to: folder)
      let record = try Record.read(at: "\(folder)/\(name)", signals: ["MLII"])
      var detector = try BeatDetector(samplingFrequency: record.header.samplingFrequency)
      let beats = detector.add(record.signals[0].digital) + detector.finish()
      let survey = try Recording(record: "\(folder)/\(name)", window: .beat).survey(detecting: true)
      XCTAssertEqual(survey.beats, beats)
      XCTAssertGreaterThan(beats.count, 100)
    }
  }

  func testTheTraceIsTheLeadAsRecorded() throws {
    try withTemporaryFolder { folder in
      var small = SmallRecord()
      small.gaps = [300..<310]
      try small.write(to: folder)
      let recording = try Recording(record: "\(folder)/r", window: .beat)
      let whole = try Record.read(at: "\(folder)/r").signals[0].physical()
      let (rate, samples) = try recording.trace(-50..<400)
      XCTAssertEqual(rate, 360)
      XCTAssertEqual(samples.map(\.bitPattern), whole.prefix(400).map(\.bitPattern))
      XCTAssertEqual(try recording.trace(9000..<9100).samples, [])
    }
  }

  /// A day at 360 Hz, written as one simulated half hour again and again: what is held does not grow with the record.
  func testADayInFlatMemory() throws {
    try withTemporaryFolder { folder in
      let name = try SimulatedCohort(patients: 1, minutes: 30, seed: 2).write(patient: 1, to: folder)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name).dat"))
      let path = "\(folder)/day.dat"
      _ = FileManager.default.createFile(atPath: path, contents: nil)
      let file = try XCTUnwrap(FileHandle(forWritingAtPath: path))
      for _ in 0..<48 { try file.write(contentsOf: bytes) }
      try file.close()
      let signal = "day.dat 212 200 11 1024 0 0 0"
      try Data("day 2 360\n\(signal) MLII\n\(signal) V5\n".utf8).write(
        to: URL(fileURLWithPath: "\(folder)/day.hea"))
      let short = try Recording(record: "\(folder)/\(name)", window: .beat).survey(detecting: true).beats

      resetPeak()
      let before = try peakKilobytes()
      let recording = try Recording(record: "\(folder)/day", window: .beat)
      let survey = try recording.survey(detecting: true)
      var windows = try recording.windows(of: survey.beats, survey)
      var count = 0
      while let (numbers, _) = try windows.next(1024) { count += numbers.count }
      let growth = try peakKilobytes() - before
      print("24 h: \(survey.beats.count) beats, \(count) windows, peak memory grew by \(growth) KB")
      XCTAssertEqual(Double(survey.beats.count), 48 * Double(short.count), accuracy: 100)
      XCTAssertGreaterThanOrEqual(count, survey.beats.count - 2)
      XCTAssertLessThan(growth, 32 << 10)
    }
  }

  /// Peak resident memory since the last `resetPeak()`: Linux's VmHWM.
  private func peakKilobytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try XCTUnwrap(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try XCTUnwrap(Int(line.split(separator: " ")[1]))
  }

  private func resetPeak() {
    // 5 resets the peak; proc(5). Where that is not allowed, the test measures from an earlier start.
    try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
  }

  func testEvenlySpread() {
    XCTAssertEqual(Recording.evenlySpread(5, of: 3), [0, 1, 2])
    XCTAssertEqual(Recording.evenlySpread(3, of: 9), [1, 4, 7])
    XCTAssertEqual(Recording.evenlySpread(4, of: 0), [])
    let many = Recording.evenlySpread(4096, of: 100_000)
    XCTAssertEqual(Set(many).count, 4096)
    XCTAssertEqual(Set(zip(many, many.dropFirst()).map { $1 - $0 }), [24, 25])
  }

  func testWhatCannotBeReadIsRefused() throws {
    try withTemporaryFolder { folder in
      assertThrows(saying: ["\(folder)/nothing.hea"]) {
        _ = try Recording(record: "\(folder)/nothing", window: .beat)
      }
      try SmallRecord().write(to: folder)
      assertThrows(saying: ["record r", "no lead V1", "MLII"]) {
        _ = try Recording(record: "\(folder)/r", lead: "V1", window: .beat)
      }
      assertThrows(saying: ["record r", "\(folder)/r.qrs"]) {
        _ = try Recording(record: "\(folder)/r", window: .beat).annotatedBeats("qrs")
      }
      func survey(_ record: SmallRecord) throws {
        try record.write(to: folder)
        _ = try Recording(record: "\(folder)/\(record.name)", window: .beat).survey(detecting: true)
      }
      var flat = SmallRecord(name: "flat")
      flat.constant = 7
      assertThrows(saying: ["record flat, lead MLII", "equal"]) { try survey(flat) }
      var gap = SmallRecord(name: "gap")
      gap.gaps = [0..<gap.frames]
      assertThrows(saying: ["record gap, lead MLII", "none of its samples is valid"]) { try survey(gap) }
      assertThrows(saying: ["record short", "10 samples"]) {
        try survey(SmallRecord(name: "short", beats: [(5, "N")], frames: 10))
      }
      assertThrows(saying: ["record slow", "60.0 Hz"]) {
        try survey(SmallRecord(name: "slow", frequency: 60))
      }
    }
  }
}
