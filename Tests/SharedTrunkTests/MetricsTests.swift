import SharedTrunk
import XCTest

/// Figures worked out by hand, and those of scikit-learn for the same numbers.
final class MetricsTests: XCTestCase {
  private func metrics(_ labels: [Int32], _ abnormal: [Float]) -> Metrics {
    Metrics(labels: labels, probabilities: abnormal.flatMap { [1 - $0, $0] }, classes: 2, seed: 1)
  }

  func testAgainstHandAndScikitLearn() throws {
    // roc_auc_score, balanced_accuracy_score and f1_score(average="macro") of y and p > 0.5.
    let result = metrics([0, 0, 0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.6, 0.3, 0.3, 0.3, 0.9, 0.7])
    XCTAssertEqual(result.confusion, [[4, 1], [1, 2]])
    XCTAssertEqual(try XCTUnwrap(result.auc), 13.0 / 15, accuracy: 1e-12)  // 2 ties count half
    XCTAssertEqual(try XCTUnwrap(result.balancedAccuracy), (0.8 + 2.0 / 3) / 2, accuracy: 1e-12)
    XCTAssertEqual(result.macroF1, (0.8 + 2.0 / 3) / 2, accuracy: 1e-12)
    XCTAssertEqual(result.sensitivity, 2.0 / 3)
    XCTAssertEqual(result.specificity, 0.8)
    XCTAssertEqual(result.balancedExamples, 6)
    XCTAssertEqual(result.examples, 8)
  }

  /// f, t, _ = roc_curve(y, p, drop_intermediate=False); numpy.interp(numpy.linspace(0, 1, 11), f, t); roc_auc_score(y, p), with p in
  /// float32 as here.
  func testROCCurveAgainstScikitLearn() throws {
    let labels: [Int32] = [0, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0]
    let scores: [Float] = [0.1, 0.4, 0.35, 0.8, 0.8, 0.65, 0.4, 0.4, 0.2, 0.9, 0.05, 0.65]
    let expected = [
      0.166666666667, 0.266666666667, 0.366666666667, 0.466666666667, 0.533333333333, 0.583333333333,
      0.633333333333, 0.833333333333, 0.833333333333, 0.833333333333, 1,
    ]
    let positives = labels.map { $0 == 1 }
    func curve(at rates: [Double]) throws -> [Double] {
      try XCTUnwrap(Metrics.rocCurve(positives: positives, scores: scores, at: rates))
    }
    for (found, expected) in zip(try curve(at: (0...10).map { Double($0) / 10 }), expected) {
      XCTAssertEqual(found, expected, accuracy: 1e-11)
    }
    // Corners lie at sixths: the curve is straight within each of 600 steps, and their middles give the whole area.
    let middles = try curve(at: (0..<600).map { (Double($0) + 0.5) / 600 })
    let area = try XCTUnwrap(metrics(labels, scores).auc)
    XCTAssertEqual(area, 0.5833333333333334, accuracy: 1e-12)
    XCTAssertEqual(middles.reduce(0, +) / 600, area, accuracy: 1e-12)
  }

  func testROCCurveOfOneSideOrOfNothingToTellApart() throws {
    XCTAssertNil(Metrics.rocCurve(positives: [true, true], scores: [0.1, 0.2], at: [0.5]))
    XCTAssertNil(Metrics.rocCurve(positives: [false], scores: [0.1], at: [0.5]))
    XCTAssertNil(Metrics.rocCurve(positives: [], scores: [], at: [0.5]))
    XCTAssertEqual(
      Metrics.rocCurve(positives: [true, false, false], scores: [0.4, 0.4, 0.4], at: [0, 0.25, 1]),
      [0, 0.25, 1])
    XCTAssertEqual(
      Metrics.rocCurve(positives: [true, true, false], scores: [0.9, 0.8, 0.1], at: [0, 0.5, 1]), [1, 1, 1])
  }

  func testAllTiedIsChance() {
    let result = metrics([0, 1, 0, 1], [0.4, 0.4, 0.4, 0.4])
    XCTAssertEqual(result.auc, 0.5)
    XCTAssertEqual(result.balancedAccuracy, 0.5)
    XCTAssertEqual(result.accuracy, 0.5)
  }

  func testOneClassAloneHasNoRankingAndNoBalancedAccuracy() {
    let result = metrics([0, 0, 0], [0.1, 0.9, 0.2])
    XCTAssertNil(result.auc)
    XCTAssertNil(result.balancedAccuracy)
    XCTAssertNil(result.sensitivity)
    XCTAssertNil(result.accuracy)
    XCTAssertEqual(result.balancedExamples, 0)
    XCTAssertEqual(result.specificity ?? 0, 2.0 / 3, accuracy: 1e-12)
  }

  func testNumbersThatAreNotFiniteEnd() {
    XCTAssertEqual(metrics([0, 1, 0, 1], [.nan, .nan, 0.2, 0.9]).examples, 4)
  }

  func testTheBalancedSubsetIsTheSameForASeed() {
    let labels = (0..<200).map { Int32($0 % 5 == 0 ? 1 : 0) }
    let scores = (0..<200).map { Float(($0 * 37) % 101) / 101 }
    XCTAssertEqual(metrics(labels, scores), metrics(labels, scores))
    XCTAssertEqual(metrics(labels, scores).balancedExamples, 80)
  }
}
