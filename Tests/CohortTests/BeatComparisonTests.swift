import Cohort
import WFDB
import XCTest

/// Matching as EC57 has it, on cases made by hand, at 100 Hz: the window is 15 samples.
final class BeatComparisonTests: XCTestCase {
  private func compare(
    _ found: [Int], _ annotated: [Int], leavingOut episodes: [ClosedRange<Int>] = []
  ) -> BeatComparison {
    BeatComparison(found: found, annotated: annotated, leavingOut: episodes, samplingFrequency: 100)
  }

  func testEqualBeatsMatch() {
    let all = compare([100, 200, 300], [100, 200, 300])
    XCTAssertEqual(all.offsets, [0, 0, 0])
    XCTAssertEqual([all.sensitivity, all.positivePredictivity], [1, 1])
  }

  func testTheWindowIs150Milliseconds() {
    let near = compare([115, 185], [100, 200])
    XCTAssertEqual(near.offsets, [15, -15])
    let far = compare([116, 184], [100, 200])
    XCTAssertEqual(far.offsets, [])
    XCTAssertEqual(far.missed, [100, 200])
    XCTAssertEqual(far.extra, [116, 184])
    XCTAssertEqual([far.sensitivity, far.positivePredictivity], [0, 0])
  }

  func testABeatMatchesOneBeatAlone() {
    // Two found at one beat: the nearer is it.
    let twice = compare([92, 103], [100])
    XCTAssertEqual(twice.offsets, [3])
    XCTAssertEqual(twice.extra, [92])
    XCTAssertEqual(compare([97, 108], [100]).extra, [108])
    // One found between two beats: the nearer is found.
    let between = compare([109], [100, 112])
    XCTAssertEqual(between.offsets, [-3])
    XCTAssertEqual(between.missed, [100])
    XCTAssertEqual(between.positivePredictivity, 1)
    XCTAssertEqual(between.sensitivity, 0.5)
    // As near to both: one of them.
    XCTAssertEqual(compare([106], [100, 112]).matched, 1)
  }

  func testWhatIsLeftOver() {
    let more = compare([10, 100, 500, 600], [100])
    XCTAssertEqual(more.extra, [10, 500, 600])
    XCTAssertEqual(more.sensitivity, 1)
    XCTAssertEqual(more.positivePredictivity, 0.25)
    XCTAssertEqual(compare([100], [10, 100, 500]).missed, [10, 500])
    XCTAssertNil(compare([], []).sensitivity)
    XCTAssertNil(compare([], [100]).positivePredictivity)
    XCTAssertEqual(compare([], [100]).sensitivity, 0)
  }

  func testEpisodesOfFlutterAreLeftOut() {
    let annotations = [
      Annotation(sample: 100, code: .normal), Annotation(sample: 200, code: .ventricularFlutterStart),
      Annotation(sample: 240, code: .ventricularFlutterWave),
      Annotation(sample: 300, code: .ventricularFlutterEnd),
      Annotation(sample: 400, code: .normal), Annotation(sample: 500, code: .ventricularFlutterStart),
    ]
    let episodes = BeatComparison.flutterEpisodes(in: annotations)
    XCTAssertEqual(episodes, [200...300, 500...Int.max])
    let outside = compare([100, 210, 250, 400, 700], [100, 220, 400], leavingOut: episodes)
    XCTAssertEqual(outside.offsets, [0, 0])
    XCTAssertEqual(outside.extra, [])
    XCTAssertEqual(outside.missed, [])
  }
}
