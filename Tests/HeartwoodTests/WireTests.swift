import Cohort
import Foundation
import XCTest

/// What crosses the wire, as `summary.json` counts it.
final class WireTests: CommandTestCase {
  func testBytesOfAStepDoNotGrowWithThePatients() throws {
    let (batch, width) = (16, 64)
    for patients in [2, 5, 20] {
      let ranks = min(patients - 1, 3)
      let run = try train(
        ranks, "p\(patients)", ["--simulate", "\(patients)", "--minutes", "2", "--steps", "10"])
      let wire = try XCTUnwrap(try json("\(run)/summary.json")["wire"] as? [String: Any])
      XCTAssertEqual(wire["collectivesPerStep"] as? Int, 2)
      // Two sums of B x 64 numbers, a status and a loss in each, eight bytes a number.
      XCTAssertEqual(wire["bytesPerStepPerRank"] as? Int, 2 * 8 * (batch * width + 2), "\(patients) patients")
    }
  }

  func testSourcesStayOnTheirRank() throws {
    let run = try train(2, "run", ["--simulate", "3", "--minutes", "2", "--steps", "10"])
    let kinds = try bytesByKind(run)
    XCTAssertEqual(
      Set(kinds.keys),
      ["activations", "borrowedBeats", "gradients", "metrics", "pooledBeats", "status", "targetBeats"])
    XCTAssertEqual(kinds["borrowedBeats"], 0)
    XCTAssertEqual(kinds["pooledBeats"], 0)
    // Each source's own slot is judged on its last 15 %.
    let summary = try json("\(run)/summary.json")
    for result in try XCTUnwrap(summary["perTask"] as? [[String: Any]]) {
      let beats = try XCTUnwrap((result["metrics"] as? [String: Any])?["examples"] as? Int)
      XCTAssertGreaterThan(beats, 10, "\(result["name"] ?? "") \(result["part"] ?? "")")
    }
    for task in try XCTUnwrap(summary["tasks"] as? [[String: Any]]) {
      XCTAssertGreaterThan(try XCTUnwrap(task["testExamples"] as? Int), 10)
    }
    let targets = try XCTUnwrap(
      (try json("\(run)/summary.json")["test"] as? [String: Any])?["examples"] as? Int)
    // A target's windows (128 samples) and RR features (4), sent once by the rank that read them, and the counts before them.
    XCTAssertEqual(kinds["targetBeats"], 4 * (128 + 4) * targets + 16)
  }

  /// Borrowed beats cross the wire under their own name, and tasks over the beats of all patients send those once.
  func testBeatsThatLeaveTheirRankAreCounted() throws {
    let beat = 4 * (128 + 4 + 1)  // window, RR features, label
    func counts(_ run: String, _ key: String) throws -> [Int] {
      try XCTUnwrap(json("\(run)/summary.json")["tasks"] as? [[String: Any]]).map { $0[key] as? Int ?? 0 }
    }
    let (database, names) = try simulate(4, minutes: 3)
    let known = ["--data", database, "--records", names.joined(separator: ","), "--steps", "10"]
    let borrowing = try train(
      2, "borrowing", known + ["--scenario", "consistent", "--tasks", "patient", "--borrow"])
    let borrowed = try XCTUnwrap(try bytesByKind(borrowing)["borrowedBeats"])
    // Of one class every rank offers what it has: three lists, and the length before each.
    XCTAssertGreaterThan(try counts(borrowing, "borrowedExamples").max() ?? 0, 0)
    XCTAssertEqual((borrowed - 2 * 3 * 8) % beat, 0)
    XCTAssertGreaterThanOrEqual(
      borrowed - 2 * 3 * 8, beat * (try counts(borrowing, "borrowedExamples").max() ?? 0))
    XCTAssertEqual(try bytesByKind(borrowing)["pooledBeats"], 0)

    let pooled = try train(2, "pooled", known + ["--scenario", "consistent", "--split", "random"])
    let beats = try names.reduce(0) {
      $0
        + (try Patient.load(record: "\(database)/\($1)", labelling: .strict)).examples.count
    }
    // Three parts of three lists each, and a length before each.
    XCTAssertEqual(try bytesByKind(pooled)["pooledBeats"], beat * beats + 2 * 9 * 8)
    XCTAssertEqual(try bytesByKind(pooled)["borrowedBeats"], 0)
    XCTAssertEqual(try bytesByKind(pooled)["targetBeats"], 0)
  }

  private func bytesByKind(_ run: String) throws -> [String: Int] {
    let wire = try XCTUnwrap(try json("\(run)/summary.json")["wire"] as? [String: Any])
    return try XCTUnwrap(wire["bytesByKind"] as? [String: Int])
  }
}
