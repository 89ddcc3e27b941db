import Cohort
import WFDB
import XCTest

final class BeatTests: XCTestCase {
  func testEverySymbolHasTheClassOfEC57() {
    let classes: [(AAMIClass, String)] = [
      (.normal, "NLRejBn"), (.supraventricular, "AaJS"), (.ventricular, "VEr"), (.fusion, "F"),
      (.unknown, "/fQ?"),
    ]
    var symbols: Set<String> = []
    for (aamiClass, members) in classes {
      for symbol in members.map(String.init) {
        XCTAssertEqual(AAMIClass(symbol: symbol), aamiClass, symbol)
        symbols.insert(symbol)
      }
    }
    // All of WFDB's beat codes but the flutter wave, and no other.
    let beats = AnnotationCode.allCases.filter { $0.isBeat && $0 != .ventricularFlutterWave }.map(\.symbol)
    XCTAssertEqual(symbols, Set(beats))
    for code in AnnotationCode.allCases where !beats.contains(code.symbol) {
      XCTAssertNil(AAMIClass(symbol: code.symbol))
    }
  }

  func testARhythmHoldsUntilTheNext() {
    func annotation(_ sample: Int, _ symbol: String, _ text: String = "") -> Annotation {
      Annotation(sample: sample, code: AnnotationCode(symbol: symbol)!, auxiliary: text)
    }
    let beats = Beat.beats(in: [
      annotation(10, "N"), annotation(20, "+", "(AFIB"), annotation(30, "V"), annotation(35, "~"),
      annotation(36, "+", "note"), annotation(37, "\"", "(VT"), annotation(38, "!"), annotation(60, "A"),
      annotation(50, "+", "(VT\0"), annotation(70, "/"),
    ])
    XCTAssertEqual(beats.map(\.sample), [10, 30, 60, 70])
    XCTAssertEqual(beats.map(\.symbol), ["N", "V", "A", "/"])
    XCTAssertEqual(beats.map(\.rhythm), ["", "(AFIB", "(VT", "(VT"])
    XCTAssertEqual(beats.map(\.aamiClass), [.normal, .ventricular, .supraventricular, .unknown])
  }

  func testLabellings() {
    func label(_ symbol: String, rhythm: String = "(N", _ labelling: Labelling) -> Int32? {
      labelling.label(of: Beat(sample: 0, symbol: symbol, rhythm: rhythm)!)
    }
    let symbols = "NLRejBnAaJSVErF/fQ?".map(String.init)
    XCTAssertEqual(
      symbols.map { label($0, .strict) }, [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, nil, nil])
    XCTAssertEqual(
      symbols.map { label($0, .aami) }, [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, nil, nil, nil, nil])
    let tachycardia = Labelling.rhythm(.ventricularTachycardia)
    XCTAssertEqual(label("V", rhythm: "(VT", tachycardia), 1)
    XCTAssertEqual(label("V", rhythm: "(AFIB", tachycardia), 0)
    XCTAssertNil(label("Q", rhythm: "(VT", tachycardia))
    XCTAssertEqual(tachycardia.classNames, ["other", "VT"])
    let rhythms = ["(VT", "(SVTA", "(AFIB", "(AFL", "(N", "(SVTA)", "AFL", ""]
    XCTAssertEqual(
      rhythms.map { label("N", rhythm: $0, .rhythms) }, [0, 1, 2, 3, nil, nil, nil, nil])
    XCTAssertEqual(
      symbols.compactMap { label($0, rhythm: "(AFL", .rhythms) }, [Int32](repeating: 3, count: 17))
    XCTAssertNil(label("Q", rhythm: "(AFL", .rhythms))
    XCTAssertNil(label("?", rhythm: "(AFL", .rhythms))
    XCTAssertEqual(Labelling.rhythms.classNames, ["VT", "SVTA", "AFIB", "AFL"])
  }

  /// Model files hold these words.
  func testEveryLabellingComesBackFromItsRawValue() {
    let all: [Labelling] = [.strict, .aami, .rhythms] + Rhythm.allCases.map { .rhythm($0) }
    let words = ["strict", "aami", "rhythms", "VT", "SVTA", "AFIB", "AFL"]
    XCTAssertEqual(all.map(\.rawValue), words)
    XCTAssertEqual(words.map { Labelling(rawValue: $0) }, all)
    for word in ["", "Strict", "(VT", "vt", "rhythm", "other"] {
      XCTAssertNil(Labelling(rawValue: word), word)
    }
  }

  func testRRFeaturesByHand() {
    // Intervals of 1 s, but one beat 0.6 s after its forerunner and 1.4 s before the next.
    var beats = (0..<30).map { $0 * 100 }
    beats[15] -= 40
    let features = RRFeatures.features(beats: beats, samplingFrequency: 100)
    func row(_ i: Int) -> [Double] { features[(4 * i)..<(4 * i + 4)].map(Double.init) }
    XCTAssertEqual(features.count, 120)
    for (value, expected) in zip(row(15), [-0.4, 0.4, -0.2, log(1.4 / 0.6)]) {
      XCTAssertEqual(value, expected, accuracy: 1e-6)
    }
    for (value, expected) in zip(row(14), [0, -0.4, 0.2, log(0.6)]) {
      XCTAssertEqual(value, expected, accuracy: 1e-6)
    }
    // The ends: the median stands for what is missing.
    for i in [0, 29] {
      for (value, expected) in zip(row(i), [0, 0, 0.2, 0]) { XCTAssertEqual(value, expected, accuracy: 1e-6) }
    }
  }

  func testTheMedianReachesTenIntervalsEachWay() {
    // Intervals of 1 s up to beat 20, of 2 s from there: the median of beat i turns when its window holds 11 long ones.
    var beats = [0]
    for k in 1...40 { beats.append(beats[k - 1] + (k <= 20 ? 100 : 200)) }
    let features = RRFeatures.features(beats: beats, samplingFrequency: 100)
    // Beat i looks at the intervals i - 11 ... i + 9; those from 20 on are long.
    XCTAssertEqual(features[4 * 20], 0)
    XCTAssertEqual(features[4 * 21], 0)
    XCTAssertEqual(features[4 * 20 + 1], 1)
    XCTAssertEqual(features[4 * 10 + 1], 0)
    // Of an even number of intervals the mean of the middle two: beat 31 of 41 has 20 ... 40 cut at 39.
    XCTAssertEqual(features[4 * 31], 0)
  }

  func testRRFeaturesAreClippedAndFinite() {
    for beats in [[], [5], [5, 5], [5, 5, 5], [0, 1, 100_000], [0, 100_000, 100_001]] {
      let features = RRFeatures.features(beats: beats, samplingFrequency: 360)
      XCTAssertEqual(features.count, 4 * beats.count)
      XCTAssert(features.allSatisfy { $0.isFinite && abs($0) <= 3 })
    }
    XCTAssertEqual(RRFeatures.features(beats: [7], samplingFrequency: 360), [0, 0, 0, 0])
    XCTAssertEqual(RRFeatures.features(beats: [0, 1, 100_000], samplingFrequency: 360)[4 + 3], 3)
  }
}
