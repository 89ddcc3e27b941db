import Cohort
import Foundation
import SharedTrunk
import XCTest

/// Figures over patients and AAMI classes, by hand and against numpy's (Fixtures/make_figures.py).
final class FiguresTests: XCTestCase {
  private struct Fixture: Decodable {
    struct Patient: Decodable {
      let name: String
      let symbols: [String]
      let labels: [Int32]
      let scores: [Float]
    }
    struct Means: Decodable {
      let balancedAccuracy: Double
      let macroF1: Double
      let auc: Double
    }
    let patients: [Patient]
    let pooled: Means
    let means: Means
    let classes: [AAMIFigures]
  }

  private func metrics(_ labels: [Int32], _ abnormal: [Float]) -> Metrics {
    Metrics(labels: labels, probabilities: abnormal.flatMap { [1 - $0, $0] }, classes: 2, seed: 1)
  }

  func testAgainstNumpy() throws {
    let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: fixtures("figures.json")))
    let (labels, scores) = (fixture.patients.flatMap(\.labels), fixture.patients.flatMap(\.scores))
    let pooled = metrics(labels, scores)
    XCTAssertEqual(try XCTUnwrap(pooled.balancedAccuracy), fixture.pooled.balancedAccuracy, accuracy: 1e-12)
    XCTAssertEqual(pooled.macroF1, fixture.pooled.macroF1, accuracy: 1e-12)
    XCTAssertEqual(try XCTUnwrap(pooled.auc), fixture.pooled.auc, accuracy: 1e-12)
    let means = PatientMeans(fixture.patients.map { ($0.name, metrics($0.labels, $0.scores)) })
    XCTAssertEqual(means.leftOut, ["p3"])
    XCTAssertEqual(means.patients, 4)
    XCTAssertEqual(try XCTUnwrap(means.balancedAccuracy), fixture.means.balancedAccuracy, accuracy: 1e-12)
    XCTAssertEqual(try XCTUnwrap(means.macroF1), fixture.means.macroF1, accuracy: 1e-12)
    XCTAssertEqual(try XCTUnwrap(means.auc), fixture.means.auc, accuracy: 1e-12)
    let classes = AAMIFigures.all(
      fixture.patients.flatMap(\.symbols).map(AAMIClass.init(symbol:)),
      verdicts: scores.map { $0 > 0.5 ? 1 : 0 })
    XCTAssertEqual(classes, fixture.classes)
  }

  func testMeansByHand() {
    let one = metrics([0, 0, 1, 1], [0.1, 0.9, 0.8, 0.7])  // recalls 1/2 and 1
    let other = metrics([0, 1], [0.1, 0.9])
    let lacking = metrics([0, 0], [0.9, 0.1])
    let means = PatientMeans([("a", one), ("b", lacking), ("c", other)])
    XCTAssertEqual(means.balancedAccuracy, 0.875)
    XCTAssertEqual(means.auc, 0.75)  // the abnormal two above one of the normal two; and 1
    XCTAssertEqual(means.leftOut, ["b"])
    let none = PatientMeans([("b", lacking)])
    XCTAssertNil(none.balancedAccuracy)
    XCTAssertNil(none.auc)
    XCTAssertEqual(none.patients, 0)
  }

  func testAAMIClassesByHand() {
    let kinds = ["N", "L", "V", "A", "V", "+"].map(AAMIClass.init(symbol:))
    let figures = AAMIFigures.all(kinds, verdicts: [0, 1, 1, 0, 0, 1])
    XCTAssertEqual(figures.map(\.name), ["N", "S", "V"])
    XCTAssertEqual(figures.map(\.beats), [2, 1, 2])
    XCTAssertEqual(figures.map(\.judgedNormal), [1, 1, 1])
    XCTAssertEqual(figures.map(\.judgedAbnormal), [1, 0, 1])
    XCTAssertEqual(figures.map(\.recognised), [0.5, 0, 0.5])
  }
}
