import Cohort
import Foundation
import XCTest

/// What a patient's own beats say of the patient (the numbers against numpy's: SharedTrunkTests/AnchoredStepsTests).
final class OwnStatisticsTests: XCTestCase {
  /// Three beats of two samples, RR intervals 0.8, 1 and 1.2 s before them and as much after.
  private let beats = Examples(
    windowLength: 2, windows: [0, 1, 2, 5, 4, 3],
    rr: [0, 0, 0, 0, 0, 0, 0.2, 0, 0, 0, 0.4, 0], labels: [0, 1, 0])

  func testMedians() {
    let all = OwnStatistics(of: beats)
    XCTAssertEqual(all.medianBeat, [2, 3])
    XCTAssertEqual(all.rrMedian, 1, accuracy: 1e-6)
    XCTAssertEqual(all.rrSpread, 0.2 / 1.349, accuracy: 1e-6)
    let one = OwnStatistics(of: beats, at: [1])
    XCTAssertEqual(one.medianBeat, [2, 5])
    XCTAssertEqual(one.rrSpread, 0.02)
    // Between two, half-way.
    XCTAssertEqual(OwnStatistics(of: beats, at: [0, 2]).medianBeat, [2, 2])
  }

  func testLabelsDoNotMatter() {
    XCTAssertEqual(OwnStatistics(of: beats.relabelled([1, 0, 1])), OwnStatistics(of: beats))
  }

  func testInputs() {
    let inputs = OwnStatistics(of: beats).inputs(beats)
    XCTAssertEqual(inputs.windowLength, 4)
    XCTAssertEqual(inputs.featureCount, RRFeatures.count + OwnStatistics.featureCount)
    XCTAssertEqual(inputs.windows, [0, 2, 1, 3, 2, 2, 5, 3, 4, 2, 3, 3])
    XCTAssertEqual(inputs.labels, beats.labels)
    let first = inputs.rr[0..<10].map { $0 }
    XCTAssertEqual(Array(first[0..<4]), Array(beats.rr[0..<4]))
    XCTAssertEqual(first[4], -0.2, accuracy: 1e-6)  // pre / median - 1
    XCTAssertEqual(first[6], -0.2 / (0.2 / 1.349), accuracy: 1e-5)  // in spreads
    XCTAssertEqual(first[8], 0, accuracy: 1e-5)  // [0, 1] and [2, 3] rise alike
    XCTAssertEqual(first[9], Float(log(0.05 + (8.0 / 13).squareRoot())), accuracy: 1e-5)
    // The last beat falls where the median rises.
    XCTAssertEqual(inputs.rr[28], 2, accuracy: 1e-5)
    let subset = inputs[[2, 0]]
    XCTAssertEqual(subset.windows, [4, 2, 3, 3, 0, 2, 1, 3])
    XCTAssertEqual(subset.rr[10..<20].map { $0 }, first)
  }

  /// A lead without a beat that differs from zero, and intervals beyond the clip, stay finite.
  func testDegenerateBeats() {
    let flat = Examples(
      windowLength: 3, windows: [0, 0, 0, 0, 0, 0], rr: [3, 3, 3, 3, -3, -3, -0.8, -3], labels: [0, 0])
    let inputs = OwnStatistics(of: flat).inputs(flat)
    XCTAssertTrue(inputs.rr.allSatisfy(\.isFinite))
    XCTAssertTrue(inputs.rr[4..<8].allSatisfy { abs($0) <= 3 })
  }
}
