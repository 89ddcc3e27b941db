import Foundation
import XCTest

/// `heartwood paper --transfer`: a new patient's minute, each way to use it.
final class AdaptationStudyTests: CommandTestCase {
  private let names = [
    "MTL, adapt frozen, borrowing", "MTL, adapt frozen", "MTL, adapt joint, borrowing", "MTL, not adapted",
    "STL finetuned", "STL alone", "STL balanced",
  ]

  func testTheStudyOnAnyRanks() throws {
    let (database, records) = try simulate(4, minutes: 3)
    let run = [
      "paper", "--data", database, "--records", records.joined(separator: ","), "--target", "sim004",
      "--branches", "cnn", "--seeds", "2", "--quick", "--only", "adaptation",
    ]
    try expect(64, "--transfer", 2, run + ["--output", "\(folder)/no"])
    var studies: [NSObject] = []
    for ranks in [1, 2] {
      let output = "\(folder)/paper\(ranks)"
      let outcome = try Command.heartwood(ranks, run + ["--transfer", "--output", output])
      XCTAssertEqual(outcome.code, 0, outcome.errors)
      XCTAssertTrue(outcome.output.contains("A new patient with 60 s of labels"), outcome.output)
      let results = try json("\(output)/paper.json")
      let found = try XCTUnwrap(results["studies"] as? [[String: Any]])
      XCTAssertEqual(found.map { $0["id"] as? String }, ["adaptation-cnn"])
      XCTAssertEqual(found[0]["targets"] as? [String], records)
      let entrants = try XCTUnwrap(found[0]["entrants"] as? [[String: Any]])
      XCTAssertEqual(entrants.map { $0["name"] as? String }, names)
      for entrant in entrants {
        let scores = try XCTUnwrap(
          (entrant["balancedAccuracy"] as? [String: Any])?["bySeed"] as? [Double])
        XCTAssertEqual(scores.count, 2)
        XCTAssertGreaterThan(scores.min()!, 0.5, "\(entrant["name"] ?? "")")
      }
      studies.append(found as NSObject)
      XCTAssertTrue(
        try XCTUnwrap(results["choices"] as? [[String: Any]]).contains {
          $0["matter"] as? String == "A new patient with 60 s of labels"
        })
    }
    XCTAssertEqual(studies[0], studies[1])
  }

  /// The work of `adapt` is that of the study: the same figures for the same model and seed.
  func testTheCommandGivesTheStudysFigures() throws {
    let (database, records) = try simulate(4, minutes: 3)
    let outcome = try Command.heartwood(
      1,
      [
        "paper", "--data", database, "--records", records.joined(separator: ","), "--target", "sim004",
        "--branches", "cnn", "--seeds", "1", "--quick", "--only", "adaptation", "--transfer", "--output",
        "\(folder)/paper",
      ])
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    let unit = try json("\(folder)/paper/units/quick/adaptation-cnn_sim004_seed1.json")
    let judged = try XCTUnwrap(unit["entrants"] as? [[String: Any]])
    let run = try train(
      2, "run",
      ["--data", database, "--records", "sim001,sim002,sim003", "--targets", "sim004", "--steps", "80"])
    for (entrant, options) in [(0, ["--borrow"]), (1, []), (2, ["--trunk", "joint", "--borrow"])] {
      let output = "\(folder)/adapted\(entrant)"
      let adapted = try Command.heartwood(
        2,
        [
          "adapt", "--model", "\(run)/model", "--data", database, "--record", "sim004", "--seconds", "60",
          "--steps", "160", "--output", output,
        ] + options)
      XCTAssertEqual(adapted.code, 0, adapted.errors)
      let summary = try json("\(output)/summary.json")
      for (part, number) in [("after", entrant), ("before", 3)] {
        let metrics = try XCTUnwrap(judged[number]["metrics"] as? [String: Any])
        XCTAssertEqual(
          (summary[part] as? [String: Any])?["confusion"] as? NSObject, metrics["confusion"] as? NSObject,
          names[number])
      }
    }
  }
}
