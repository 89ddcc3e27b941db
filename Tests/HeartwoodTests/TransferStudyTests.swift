import Foundation
import XCTest

/// `heartwood paper --transfer`: many sources, every form tried on patients never seen.
final class TransferStudyTests: CommandTestCase {
  func testEveryFormIsJudgedOnEveryTarget() throws {
    let (database, records) = try simulate(4, minutes: 5)
    let run = [
      "paper", "--transfer", "--data", database, "--records", records.joined(separator: ","), "--target",
      "sim004", "--branches", "cnn", "--seeds", "1", "--quick", "--only", "transfer",
    ]
    var results: [NSObject] = []
    for ranks in [1, 2] {
      let output = "\(folder)/paper\(ranks)"
      let outcome = try Command.heartwood(ranks, run + ["--output", output])
      XCTAssertEqual(outcome.code, 0, outcome.errors)
      XCTAssertTrue(outcome.output.contains("Many sources, each patient in turn never seen, CNN"))
      let found = try XCTUnwrap(json("\(output)/paper.json")["transfer"] as? [[String: Any]])
      XCTAssertEqual(found.map { $0["branch"] as? String }, ["cnn"])
      results.append(found as NSObject)
      try check(found[0], units: "\(output)/units/quick")
      let page = try String(contentsOfFile: "\(output)/report.html", encoding: .utf8)
      XCTAssertTrue(page.contains("STL pooled, own statistics"))
    }
    XCTAssertEqual(results[0], results[1])
  }

  /// The figures are those of the units' counts.
  private func check(_ transfer: [String: Any], units: String) throws {
    let targets = try XCTUnwrap(transfer["targets"] as? [String])
    XCTAssertGreaterThan(targets.count, 1, "too few abnormal beats were simulated")
    let judged = try targets.map {
      try XCTUnwrap(json("\(units)/transfer-detection-cnn_\($0)_seed1.json")["judged"] as? [[String: Any]])
    }
    let forms = try XCTUnwrap(transfer["forms"] as? [[String: Any]])
    XCTAssertEqual(forms.count, 19)
    for form in forms {
      let name = try XCTUnwrap(form["name"] as? String)
      for condition in try XCTUnwrap(form["conditions"] as? [[String: Any]]) {
        let kind = condition["condition"] as? String
        let confusions = try judged.map { unit in
          try XCTUnwrap(
            unit.first { $0["form"] as? String == name && $0["condition"] as? String == kind }?["confusion"]
              as? [[Int]])
        }
        let together = (0..<2).map { row in
          (0..<2).map { column in confusions.reduce(0) { $0 + $1[row][column] } }
        }
        func mean(_ figure: String) throws -> Double {
          try XCTUnwrap((condition[figure] as? [String: Any])?["mean"] as? Double)
        }
        let each = confusions.map(balancedAccuracy)
        XCTAssertEqual(
          try mean("perPatient"), each.reduce(0, +) / Double(each.count), accuracy: 1e-9, name)
        XCTAssertEqual(try mean("pooled"), balancedAccuracy(together), accuracy: 1e-9, name)
        for (got, expected) in zip(try XCTUnwrap(condition["byTarget"] as? [Double]), each) {
          XCTAssertEqual(got, expected, accuracy: 1e-9, name)
        }
        let isReference = name == transfer["reference"] as? String
        let isHard = kind?.contains("% abnormal") ?? true
        XCTAssertEqual(condition["gain"] == nil, isReference || isHard, "\(name), \(kind ?? "")")
      }
    }
  }

  private func balancedAccuracy(_ confusion: [[Int]]) -> Double {
    (0..<2).map { Double(confusion[$0][$0]) / Double(confusion[$0].reduce(0, +)) }.reduce(0, +) / 2
  }

  func testWhatTheDataLackIsSaid() throws {
    let (database, records) = try simulate(3, minutes: 1, seed: 2)
    let run = [
      "paper", "--data", database, "--records", records.joined(separator: ","), "--target", "sim003",
      "--output", "\(folder)/no", "--only", "transfer",
    ]
    try expect(64, "--transfer", 1, run)
    try expect(65, "it takes three records", 1, run + ["--transfer", "--transfer-records", "sim001,sim002"])
  }
}
