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
    let targets = try XCTUnwrap(
      (try json("\(run)/summary.json")["test"] as? [String: Any])?["examples"] as? Int)
    // A target's windows (128 samples) and RR features (4), sent once by the rank that read them, and the counts before them.
    XCTAssertEqual(kinds["targetBeats"], 4 * (128 + 4) * targets + 16)
  }

  private func bytesByKind(_ run: String) throws -> [String: Int] {
    let wire = try XCTUnwrap(try json("\(run)/summary.json")["wire"] as? [String: Any])
    return try XCTUnwrap(wire["bytesByKind"] as? [String: Int])
  }
}
