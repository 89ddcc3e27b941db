import Foundation
import XCTest

/// The anchored form, and networks that read beats beside their patients' statistics, from the command line.
final class AnchoredTests: CommandTestCase {
  private func data(minutes: Int = 4) throws -> [String] { try patients(minutes).options }

  private func patients(_ minutes: Int = 4) throws -> (folder: String, options: [String]) {
    let database = try simulate(4, minutes: minutes).folder
    return (database, ["--data", database, "--records", "sim001,sim002,sim003"])
  }

  /// Only gradients and counts cross the wire, and what is private stays out of the model.
  func testSourcesKeepWhatIsTheirs() throws {
    let run = try train(
      3, "run", try data() + ["--targets", "none", "--fusion", "anchored", "--steps", "20"])
    XCTAssertEqual(try model(run).keys.sorted(), ["model.json", "trunk.safetensors"])
    let summary = try json("\(run)/summary.json")
    XCTAssertNil(summary["test"])
    XCTAssertEqual((summary["perTask"] as? [[String: Any]])?.count, 3)
    let wire = try XCTUnwrap(summary["wire"] as? [String: Any])
    XCTAssertEqual(wire["collectivesPerStep"] as? Int, 1)
    let kinds = try XCTUnwrap(wire["bytesByKind"] as? [String: Int])
    for kind in ["activations", "borrowedBeats", "pooledBeats", "targetBeats"] {
      XCTAssertEqual(kinds[kind], 0, kind)
    }
    let step = try XCTUnwrap(wire["bytesPerStepPerRank"] as? Int)
    XCTAssertEqual(kinds["gradients"], 3 * 20 * step)
    // Validation: three figures' worth of counts a patient, no beat's label or verdict among them (a verdict a byte were 1000 and more).
    XCTAssertLessThan(try XCTUnwrap(kinds["metrics"]), 3 * 3 * 700)
  }

  /// A model trained on one list of records judges another as the run did.
  func testEvaluateGivesTheRunsFigures() throws {
    let (database, sources) = try patients()
    for (name, options) in [
      ("anchored", ["--fusion", "anchored", "--branch", "lstm"]),
      ("stl", ["--learning", "stl", "--own-statistics"]), ("concat", ["--own-statistics"]),
    ] {
      let run = try train(2, name, sources + ["--targets", "sim004", "--steps", "60"] + options)
      let judged = try Command.heartwood(
        1,
        [
          "evaluate", "--model", "\(run)/model", "--data", database, "--records", "sim004", "--output",
          "\(run)/judged",
        ])
      XCTAssertEqual(judged.code, 0, judged.errors)
      let trained = try XCTUnwrap(try json("\(run)/summary.json")["test"] as? [String: Any])
      let again = try XCTUnwrap(try json("\(run)/judged/evaluation.json")["test"] as? [String: Any])
      for key in ["confusion", "auc", "macroF1"] {
        XCTAssertEqual(trained[key] as? NSObject, again[key] as? NSObject, "\(name) \(key)")
      }
    }
  }

  /// Known patients with own statistics: judged by their own slots, from a model folder too; nobody can join them.
  func testKnownPatients() throws {
    let (database, sources) = try patients()
    let run = try train(
      2, "known",
      sources + ["--scenario", "consistent", "--tasks", "patient", "--own-statistics", "--steps", "60"])
    XCTAssertEqual(try json("\(run)/model/model.json")["protocol"] as? String, "own")
    for ranks in [1, 2] {
      let outcome = try Command.heartwood(
        ranks,
        [
          "evaluate", "--model", "\(run)/model", "--data", database, "--records", "sim002", "--output",
          "\(run)/judged",
        ])
      XCTAssertEqual(outcome.code, 0, outcome.errors)
    }
    try expect(
      64, "their patients' statistics", 1,
      [
        "adapt", "--model", "\(run)/model", "--data", database, "--record", "sim004", "--seconds", "60",
        "--output", "\(folder)/no",
      ])
  }

  func testRefusals() throws {
    let sources = try data()
    func refuse(_ words: String, _ options: [String], line: UInt = #line) throws {
      try expect(
        64, words, 1, ["train", "--output", "\(folder)/no"] + sources + options, line: line)
    }
    try refuse(
      "--scenario inconsistent",
      ["--fusion", "anchored", "--scenario", "consistent", "--tasks", "patient"])
    try refuse("--protocol mean", ["--fusion", "anchored", "--protocol", "mean"])
    try refuse("--protocol typical", ["--protocol", "typical"])
    try refuse("--borrow", ["--fusion", "anchored", "--borrow"])
    try refuse("--baseline wide", ["--fusion", "anchored", "--baseline", "wide"])
    try refuse("one task a patient", ["--scenario", "consistent", "--own-statistics"])
  }

  /// A description that says what cannot be is refused, whatever it says.
  func testHostileDescriptions() throws {
    let (database, sources) = try patients(2)
    let run = try train(
      1, "run", sources + ["--targets", "sim004", "--fusion", "anchored", "--steps", "10"])
    let path = "\(run)/model/model.json"
    let sound = try String(contentsOfFile: path, encoding: .utf8)
    func change(_ key: String, to value: String) throws -> String {
      let range = try XCTUnwrap(
        sound.range(of: "\"\(key)\" : [^,\n]*", options: .regularExpression), "no \(key)")
      return sound.replacingCharacters(in: range, with: "\"\(key)\" : \(value)")
    }
    for (key, values) in [
      ("inputChannels", ["-1", "0", "1", "3", "4611686018427387904"]), ("extraFeatures", ["11", "-1"]),
      ("residualRank", ["-1", "1000000000000"]), ("towers", ["0", "-3", "1000000"]),
      ("guess", ["-1", "3e38"]), ("timing", ["1.5"]), ("heads", ["\"oneVersusRest\""]),
      ("format", ["\"heartwood-model-2\""]),
    ] {
      for value in values {
        try change(key, to: value).write(toFile: path, atomically: true, encoding: .utf8)
        try expect(
          65, "model.json", 1,
          [
            "evaluate", "--model", "\(run)/model", "--data", database, "--records", "sim004", "--output",
            "\(folder)/no",
          ])
      }
    }
  }
}
