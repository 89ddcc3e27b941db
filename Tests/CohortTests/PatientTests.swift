import Cohort
import WFDB
import XCTest

final class PatientTests: XCTestCase {
  func testWindowsHoldTheirBeats() throws {
    try withTemporaryFolder { folder in
      var record = SmallRecord()
      record.beats[5].symbol = "V"
      record.beats[6].symbol = "Q"
      record.rhythms = [(10, "(N"), (2000, "(AFIB")]
      let patient = try Patient.load(record: record.write(to: folder), labelling: .strict)
      XCTAssertEqual(patient.name, "r")
      XCTAssertEqual(patient.lead, "MLII")
      XCTAssertEqual(patient.statistics.beats, 23)
      XCTAssertEqual(patient.statistics.symbols, ["N": 21, "V": 1, "Q": 1])
      XCTAssertEqual(patient.statistics.classes, [.normal: 21, .ventricular: 1, .unknown: 1])
      XCTAssertEqual(patient.statistics.rhythms, ["(N": 6, "(AFIB": 17])
      XCTAssertEqual(patient.statistics.unlabelled, 1)
      let examples = patient.examples
      XCTAssertEqual(examples.count, 22)
      XCTAssertEqual(examples.classCounts(), [21, 1])
      XCTAssertEqual(examples.labels[5], 1)
      XCTAssertEqual(examples.symbols[5], "V")
      XCTAssertEqual(examples.rhythms[6], "(AFIB")
      XCTAssertEqual(examples.positions[6], 2400)
      XCTAssertEqual(examples.windows.count, 22 * 128)
      XCTAssertEqual(examples.rr.count, 22 * 4)
      // The R peak is 0.4 s into the window: sample 51 of 128.
      for i in 0..<examples.count {
        let window = Array(examples.window(i))
        XCTAssertEqual(window.firstIndex(of: window.max()!), 51)
      }
      let subset = examples[[5, 0, 5]]
      XCTAssertEqual(subset.labels, [1, 0, 1])
      XCTAssertEqual(subset.window(2), examples.window(5)[...].withNewStart(256))
      XCTAssertEqual(subset.rr[8..<12].map { $0 }, examples.rr[20..<24].map { $0 })
      XCTAssertEqual(subset.positions, [1800, 300, 1800])
      var halves = examples[Array(0..<7)]
      halves.append(contentsOf: examples[Array(7..<22)])
      XCTAssertEqual(halves, examples)
    }
  }

  /// What is drawn is what is judged: every window is a slice of the trace.
  func testWindowsAreCutFromTheTrace() throws {
    for (samplesPerFrame, window) in [(1, WindowShape.beat), (1, .rhythm(rate: 64)), (2, .rhythm(rate: 128))]
    {
      try withTemporaryFolder { folder in
        var record = SmallRecord()
        record.leads = [("V5", "mV"), ("MLII", "mV")]
        record.samplesPerFrame = samplesPerFrame
        let path = try record.write(to: folder)
        for lead in [nil, "V5"] {
          let patient = try Patient.load(record: path, window: window, lead: lead, labelling: .strict)
          let trace = try Patient.trace(record: path, lead: lead, rate: window.rate)
          XCTAssertEqual(trace.lead, lead ?? "MLII")
          XCTAssertEqual(trace.samples.count, Int((7200 * window.rate / 360).rounded(.up)))
          XCTAssertGreaterThan(patient.examples.count, 20)
          for (i, position) in patient.examples.positions.enumerated() {
            let range = window.range(around: position, samplingFrequency: 360)
            XCTAssertEqual(Array(patient.examples.window(i)), Array(trace.samples[range]))
          }
        }
        assertThrows(saying: ["record r ", "no lead V9"]) {
          _ = try Patient.trace(record: path, lead: "V9", rate: window.rate)
        }
      }
    }
  }

  func testRenumberedKeepsThoseWithANewNumberAndNothingElseChanges() {
    let examples = Examples(
      windowLength: 2, windows: (0..<10).map(Float.init), rr: (0..<20).map(Float.init),
      labels: [3, 0, 1, 3, 2])
    let kept = examples.renumbered([3: 0, 1: 5])
    XCTAssertEqual(kept, examples[[0, 2, 3]].relabelled([0, 5, 0]))
    XCTAssertEqual(kept.windows, [0, 1, 4, 5, 6, 7])
    XCTAssertEqual(kept.rr, [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15])
    XCTAssertEqual(kept.labels, [0, 5, 0])
    XCTAssertEqual(examples.renumbered([:]).count, 0)
    XCTAssertEqual(examples.relabelled([0, 0, 0, 0, 0]).windows, examples.windows)
  }

  func testBeatsNearTheEndsAreLeftOutAndCounted() throws {
    try withTemporaryFolder { folder in
      var record = SmallRecord()
      // A window reaches 51 of 128 Hz before and 77 after: 144 and 216 samples of 360 Hz.
      record.beats = [
        (142, "N"), (144, "N"), (1000, "V"), (6983, "N"), (6987, "N"), (7199, "N"), (7200, "N"), (9000, "N"),
      ]
      let patient = try Patient.load(record: record.write(to: folder), labelling: .strict)
      XCTAssertEqual(patient.examples.positions, [144, 1000, 6983])
      XCTAssertEqual(patient.statistics.outsideRecord, 5)
      let wide = try Patient.load(record: folder + "/r", window: .rhythm(rate: 64), labelling: .strict)
      XCTAssertEqual(wide.examples.positions, [1000])
      XCTAssertEqual(wide.examples.windowLength, 128)
      let fine = try Patient.load(record: folder + "/r.hea", window: .rhythm(rate: 128), labelling: .strict)
      XCTAssertEqual(fine.examples.windowLength, 256)
      let window = Array(fine.examples.window(0))
      XCTAssertEqual(window.firstIndex(of: window.max()!), 128)
    }
  }

  func testLongGapsCostTheirBeatsAndShortOnesDoNot() throws {
    try withTemporaryFolder { folder in
      var record = SmallRecord()
      record.gaps = [1250..<1280, 2950..<3000]
      let patient = try Patient.load(record: record.write(to: folder), labelling: .strict)
      XCTAssertEqual(patient.statistics.invalidSamples, 80)
      // The long gap lies in the windows of the beats at 3000 and, 50 samples after its end, not of that at 2700.
      XCTAssertEqual(patient.statistics.touchingGaps, 1)
      XCTAssertFalse(patient.examples.positions.contains(3000))
      XCTAssert(patient.examples.positions.contains(1200))
      XCTAssert(patient.examples.windows.allSatisfy(\.isFinite))
    }
  }

  func testTheLeadIsMLIIOrTheFirstECG() throws {
    func lead(of leads: [(String, String)], asked: String? = nil) throws -> String {
      var lead = ""
      try withTemporaryFolder { folder in
        var record = SmallRecord()
        record.leads = leads.map { (name: $0.0, units: $0.1) }
        lead = try Patient.load(record: record.write(to: folder), lead: asked, labelling: .strict).lead
      }
      return lead
    }
    XCTAssertEqual(try lead(of: [("V5", "mV"), ("MLII", "mV")]), "MLII")
    XCTAssertEqual(try lead(of: [("RESP", "mV"), ("ABP", "mmHg"), ("V5", "mV"), ("V1", "mV")]), "V5")
    XCTAssertEqual(try lead(of: [("EEG (C4-A1)", "mV"), ("ECG", "uV")]), "ECG")
    XCTAssertEqual(try lead(of: [("V5", "mV"), ("MLII", "mV")], asked: "V5"), "V5")
    XCTAssertEqual(try lead(of: [("RESP", "mV"), ("MLII", "mV")], asked: "RESP"), "RESP")
    assertThrows(saying: ["record r ", "no lead V9", "V5, MLII"]) {
      _ = try lead(of: [("V5", "mV"), ("MLII", "mV")], asked: "V9")
    }
    assertThrows(saying: ["record r ", "RESP, ABP", "name the lead"]) {
      _ = try lead(of: [("RESP", "mV"), ("ABP", "mmHg")])
    }
  }

  func testSeveralSamplesAFrameAndAnotherTimeResolution() throws {
    try withTemporaryFolder { folder in
      var record = SmallRecord()
      record.frequency = 180
      record.samplesPerFrame = 2
      record.timeResolution = 720
      record.beats[7].symbol = "V"
      let patient = try Patient.load(record: record.write(to: folder), labelling: .strict)
      XCTAssertEqual(patient.sampleCount, 7200)
      XCTAssertEqual(patient.examples.positions, record.beats.map(\.sample))
      for i in 0..<patient.examples.count {
        let window = Array(patient.examples.window(i))
        XCTAssertEqual(window.firstIndex(of: window.max()!), 51)
      }
    }
  }

  func testARecordOfSeveralSegments() throws {
    try withTemporaryFolder { folder in
      var segment = SmallRecord()
      segment.leads = [("RESP", "mV"), ("MLII", "mV")]
      for name in ["a", "b"] {
        segment.name = name
        try segment.write(to: folder)
      }
      try Header(
        name: "whole", signalCount: 2, samplingFrequency: 360, sampleCount: 14_400, signals: [],
        segments: [.init(name: "a", sampleCount: 7200), .init(name: "b", sampleCount: 7200)]
      ).write(to: folder)
      let beats = segment.beats.map(\.sample)
      let annotations = (beats + beats.map { $0 + 7200 }).map { Annotation(sample: $0, code: .normal) }
      try AnnotationFile(annotations).write(to: folder + "/whole.atr")
      let patient = try Patient.load(record: folder + "/whole", labelling: .strict)
      XCTAssertEqual(patient.lead, "MLII")
      XCTAssertEqual(patient.sampleCount, 14_400)
      XCTAssertEqual(patient.examples.count, 46)
    }
  }

  /// Annotations far outside the record must not overflow anything.
  func testWildTimesAreLeftOut() throws {
    try withTemporaryFolder { folder in
      let path = try SmallRecord().write(to: folder)
      let wild = [-5_000_000_000, -1, 1000, 1001, 7200, 5_000_000_000].map {
        Annotation(sample: $0, code: .normal)
      }
      try AnnotationFile(wild).write(to: path + ".atr")
      let patient = try Patient.load(record: path, labelling: .strict)
      XCTAssertEqual(patient.examples.positions, [1000, 1001])
      XCTAssertEqual(patient.statistics.outsideRecord, 4)
      try AnnotationFile(wild, timeResolution: 1e-12).write(to: path + ".atr")
      assertThrows(saying: ["record r has 6 beats"]) {
        _ = try Patient.load(record: path, labelling: .strict)
      }
    }
  }

  func testWhatCannotBeUsedIsNamed() throws {
    func load(_ change: (inout SmallRecord) -> Void) throws {
      try withTemporaryFolder { folder in
        var record = SmallRecord()
        record.name = "q7"
        change(&record)
        _ = try Patient.load(record: record.write(to: folder), labelling: .strict)
      }
    }
    assertThrows(saying: ["q7", "annotation file", "q7.atr"]) { try load { $0.writesAnnotations = false } }
    assertThrows(saying: ["q7", "no annotated beat", "1 annotations"]) {
      try load {
        $0.beats = []
        $0.rhythms = [(5, "(N")]
        $0.constant = 3
      }
    }
    assertThrows(saying: ["q7", "2 beats", "none"]) { try load { $0.beats = [(5, "N"), (900, "Q")] } }
    assertThrows(saying: ["q7", "MLII", "equal"]) { try load { $0.constant = 100 } }
    assertThrows(saying: ["q7", "MLII", "none of its samples is valid"]) { try load { $0.gaps = [0..<7200] } }
    assertThrows(saying: ["q7", "MLII", "50.0 Hz"]) { try load { $0.frequency = 50 } }
    assertThrows(saying: ["nowhere/1.hea"]) { _ = try Patient.load(record: "nowhere/1", labelling: .strict) }
  }

  func testTheFingerprintSeesTheDataAndTheSettings() throws {
    func fingerprint(
      window: WindowShape = .beat, labelling: Labelling = .strict, _ change: (inout SmallRecord) -> Void
    )
      throws -> UInt64
    {
      var fingerprint: UInt64 = 0
      try withTemporaryFolder { folder in
        var record = SmallRecord()
        change(&record)
        fingerprint = try Patient.load(record: record.write(to: folder), window: window, labelling: labelling)
          .fingerprint
      }
      return fingerprint
    }
    let first = try fingerprint { _ in }
    XCTAssertEqual(first, try fingerprint { _ in })
    let others = [
      try fingerprint { $0.name = "s" },
      try fingerprint { $0.beats[3].symbol = "V" },
      try fingerprint { $0.gaps = [7190..<7191] },
      try fingerprint { $0.rhythms = [(3, "(N")] },
      try fingerprint { $0.frequency = 361 },
      try fingerprint(window: .rhythm()) { _ in },
      try fingerprint(labelling: .aami) { _ in },
    ]
    XCTAssertEqual(Set(others + [first]).count, 8)
    // FNV-1a's published value for "a", which the length of a text would change.
    var hash = Fingerprint()
    XCTAssertEqual(hash.value, 0xcbf2_9ce4_8422_2325)
    hash.add([Int32]())
    XCTAssertEqual(
      hash.value, (0..<8).reduce(0xcbf2_9ce4_8422_2325) { value, _ in value &* 0x0000_0100_0000_01b3 })
  }
}

extension ArraySlice {
  /// The same elements, counted from `start`, to compare slices of different arrays.
  fileprivate func withNewStart(_ start: Int) -> ArraySlice {
    (Array(repeating: first!, count: start) + self)[start...]
  }
}
