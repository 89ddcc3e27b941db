import Foundation
import SharedTrunk
import WFDB
import XCTest

/// `heartwood adapt`: a new patient joins a trained model.
final class AdaptTests: CommandTestCase {
  private var database = ""
  private var trained = ""

  override func setUpWithError() throws {
    try super.setUpWithError()
    (database, _) = try simulate(4, minutes: 4)
    trained = try learn("run", ["--rr"])
  }

  /// A model of the first three patients; the fourth is to join.
  private func learn(_ name: String, _ options: [String]) throws -> String {
    try train(
      2, name,
      [
        "--data", database, "--records", "sim001,sim002,sim003", "--targets", "sim004", "--steps", "80",
      ] + options)
  }

  @discardableResult
  private func adapt(
    _ ranks: Int, _ name: String, _ options: [String] = [], model: String? = nil, data: String? = nil
  ) throws -> String {
    let run = "\(folder)/\(name)"
    let outcome = try Command.heartwood(
      ranks,
      [
        "adapt", "--model", model ?? "\(trained)/model", "--data", data ?? database, "--record", "sim004",
        "--seconds", "60", "--steps", "60", "--output", run,
      ] + options)
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    XCTAssertEqual(outcome.errors, "")
    return run
  }

  private func figures(_ run: String, _ part: String) throws -> NSObject {
    let test = try XCTUnwrap(json("\(run)/summary.json")[part] as? [String: Any])
    return test["confusion"] as! NSObject
  }

  func testFrozenAddsATaskAndLeavesTheOthers() throws {
    for options in [
      [], ["--slot-dropout"], ["--branch", "lstm"], ["--exchange", "gather", "--branch", "rnn"],
    ] {
      let name = options.joined()
      let trained = try options.isEmpty ? self.trained : learn("run\(name)", options)
      let runs = try [1, 2, 3].map { try adapt($0, "frozen\(name)\($0)", model: "\(trained)/model") }
      let (before, after) = (try model(trained), try model(runs[0]))
      for run in runs {
        XCTAssertEqual(try model(run), after, "\(run)")
        XCTAssertEqual(try figures(run, "after"), try figures(runs[0], "after"))
      }
      for (file, data) in before where file.hasSuffix(".safetensors") {
        XCTAssertEqual(after[file], data, "\(name) \(file)")
      }
      XCTAssertEqual(Set(after.keys).subtracting(before.keys), ["task-sim004.safetensors"])
      let seeded = try adapt(1, "seeded\(name)", ["--seed", "2"], model: "\(trained)/model")
      XCTAssertNotEqual(try model(seeded)["task-sim004.safetensors"], after["task-sim004.safetensors"])

      // The model answers by the new patient's task as the run said, and as before for the others and for strangers.
      var parts: [String?] = []
      func judged(_ model: String, _ records: String, _ options: [String]) throws -> [String: Any] {
        let output = "\(folder)/judged-\(UUID().uuidString)"
        let outcome = try Command.heartwood(
          1,
          [
            "evaluate", "--model", "\(model)/model", "--data", database, "--records", records, "--output",
            output,
          ] + options)
        XCTAssertEqual(outcome.code, 0, outcome.errors)
        let evaluation = try json("\(output)/evaluation.json")
        parts = try XCTUnwrap(evaluation["perRecord"] as? [[String: Any]]).map { $0["part"] as? String }
        return try XCTUnwrap(evaluation["test"] as? [String: Any])
      }
      let own = try judged(runs[0], "sim004", ["--protocol", "own", "--from", "60"])
      XCTAssertEqual(own["confusion"] as? NSObject, try figures(runs[0], "after"))
      XCTAssertEqual(parts, ["adapted on the first 60.0 s"])
      _ = try judged(runs[0], "sim001,sim004", ["--protocol", "own", "--from", "59"])
      XCTAssertEqual(parts, ["seen in training", "seen in training"])
      for (records, options) in [
        ("sim001,sim002,sim003", ["--protocol", "own"]), ("sim004", []),
        ("sim001,sim002,sim003,sim004", ["--protocol", "broadcast"]),
      ] {
        let (old, new) = (try judged(trained, records, options), try judged(runs[0], records, options))
        XCTAssertEqual(old["confusion"] as? NSObject, new["confusion"] as? NSObject, "\(name) \(records)")
        XCTAssertEqual(old["auc"] as? NSObject, new["auc"] as? NSObject, "\(name) \(records)")
      }
    }
  }

  func testJointTrainsAllOnAnyRanks() throws {
    for options in [[], ["--slot-dropout", "--branch", "lstm"]] {
      let trained = try options.isEmpty ? self.trained : learn("run\(options.joined())", options)
      let runs = try [1, 2, 3].map {
        try adapt($0, "joint\(options.count)\($0)", ["--trunk", "joint"], model: "\(trained)/model")
      }
      let (before, after) = (try model(trained), try model(runs[0]))
      for run in runs {
        XCTAssertEqual(try model(run), after, run)
        XCTAssertEqual(try figures(run, "after"), try figures(runs[0], "after"))
      }
      for (file, data) in before { XCTAssertNotEqual(after[file], data, file) }
      for (name, votes) in [("sim001", "yes"), ("sim004", "no")] {
        let file = "task-\(name).safetensors"
        let tensors = try Safetensors(decoding: try XCTUnwrap(after[file]), file: file)
        XCTAssertEqual(tensors.metadata["votes"], votes, name)
      }
      XCTAssertEqual(Set(after.keys).subtracting(before.keys), ["task-sim004.safetensors"])
    }
  }

  /// Nothing annotated after the first seconds has a say in the weights, RR features included.
  func testLaterAnnotationsChangeNothing() throws {
    let reference = try model(try adapt(1, "reference"))
    let changed = "\(folder)/changed"
    let manager = FileManager.default
    try manager.copyItem(atPath: database, toPath: changed)
    var file = try AnnotationFile.read(at: "\(database)/sim004.atr")
    let end = 60 * 360
    // Every later beat of the other class, every second one gone, the rest a little later.
    var odd = false
    file.annotations = file.annotations.compactMap { annotation in
      guard annotation.sample >= end, annotation.code.isBeat else { return annotation }
      odd.toggle()
      guard odd else { return nil }
      return Annotation(
        sample: annotation.sample + 9,
        code: annotation.code == .normal ? .prematureVentricularContraction : .normal)
    }
    try file.write(to: "\(changed)/sim004.atr")
    for ranks in [1, 2] {
      let other = try adapt(ranks, "changed\(ranks)", data: changed)
      XCTAssertEqual(try model(other), reference)
      XCTAssertNotEqual(try figures(other, "after"), try figures("\(folder)/reference", "after"))
    }
    // One changed a second before has.
    var early = try AnnotationFile.read(at: "\(database)/sim004.atr")
    let last = try XCTUnwrap(early.annotations.lastIndex { $0.sample < end - 360 && $0.code.isBeat })
    early.annotations[last].code =
      early.annotations[last].code == .normal ? .prematureVentricularContraction : .normal
    try early.write(to: "\(changed)/sim004.atr")
    XCTAssertNotEqual(try model(try adapt(1, "early", data: changed)), reference)
  }

  /// Where the seconds hold too few beats of a class, simulated ones stand in, and the summary says how many.
  func testStandIns() throws {
    let normal = "\(folder)/normal"
    try FileManager.default.copyItem(atPath: database, toPath: normal)
    var file = try AnnotationFile.read(at: "\(database)/sim004.atr")
    file.annotations.removeAll { $0.code.isBeat && $0.code != .normal && $0.sample < 60 * 360 }
    try file.write(to: "\(normal)/sim004.atr")
    let beats = try XCTUnwrap(
      json("\(adapt(1, "normal", data: normal))/summary.json")["trainBeats"] as? [String: [Int]])
    XCTAssertEqual(beats["own"]?[1], 0)
    XCTAssertEqual(beats["standIns"], [0, 100])
    let summary = try json("\(folder)/normal/summary.json")
    let confusion = try XCTUnwrap((summary["after"] as? [String: Any])?["confusion"] as? [[Int]])
    XCTAssertGreaterThan(confusion[1][1], 0, "abnormal beats are never found")
    XCTAssertGreaterThan(confusion[0][0], confusion[0][1])
  }

  /// With `--borrow` half of them are the sources', which must be there.
  func testBorrowedStandIns() throws {
    let borrowed = try adapt(1, "borrowed", ["--borrow"])
    XCTAssertEqual(try model(try adapt(3, "borrowed3", ["--borrow"])), try model(borrowed))
    XCTAssertEqual(try json("\(borrowed)/summary.json")["borrow"] as? Bool, true)
    let own = try model(try adapt(1, "own"))
    let beats = try XCTUnwrap(json("\(borrowed)/summary.json")["trainBeats"] as? [String: [Int]])
    XCTAssertLessThan(try XCTUnwrap(beats["own"]?[1]), 10, "the minute needs no stand-ins")
    XCTAssertNotEqual(own["task-sim004.safetensors"], try model(borrowed)["task-sim004.safetensors"])
  }

  func testRefusals() throws {
    var refusals = 0
    func refuse(_ code: Int32, _ words: String, _ options: [String], model: String? = nil, line: UInt = #line)
      throws
    {
      let given = Set(options)
      let defaults = [("--data", database), ("--record", "sim004"), ("--seconds", "60")]
        .filter { !given.contains($0.0) }.flatMap { [$0.0, $0.1] }
      for ranks in [1, 2] {
        defer { refusals += 1 }
        try expectSoon(
          code, words, [ranks],
          ["adapt", "--model", model ?? "\(trained)/model", "--output", "\(folder)/no\(refusals)"] + defaults
            + options, line: line)
      }
    }
    try refuse(64, "--record sim001 is a task of the model already", ["--record", "sim001"])
    try refuse(64, "--record x/sim001 is a task of the model already", ["--record", "x/sim001"])
    try refuse(64, "--record ../sim004", ["--record", "../sim004"])
    try refuse(64, "--seconds 0", ["--seconds", "0"])
    try refuse(64, "--seconds 10000000000.0", ["--seconds", "1e10"])
    try refuse(64, "record sim004 has only 240.0 s", ["--seconds", "500"])
    try refuse(64, "--trunk", ["--trunk", "thawed"])
    try refuse(64, "--steps 0", ["--steps", "0"])
    try refuse(65, "no labelled beat whose window lies in its first 0.5 s", ["--seconds", "0.5"])
    try refuse(65, "no beat to judge after 239.5 s", ["--seconds", "239.5"])
    try refuse(65, "sim009", ["--record", "sim009"])
    try refuse(65, "nowhere", [], model: "\(folder)/nowhere")
    try expect(
      64, "4 ranks for 3 tasks", 4,
      [
        "adapt", "--model", "\(trained)/model", "--data", database, "--record", "sim004", "--seconds", "60",
        "--output", "\(folder)/no",
      ])
    let single = try learn("stl", ["--learning", "stl"])
    try refuse(64, "only multi-task networks of fusion concat", [], model: "\(single)/model")
    let hard = try learn("hard", ["--fusion", "hard"])
    try refuse(64, "only multi-task networks of fusion concat", [], model: "\(hard)/model")
    let paper = try train(
      1, "paper",
      [
        "--scenario", "consistent", "--data", database, "--records", "sim001,sim002,sim003", "--steps", "20",
      ])
    try refuse(64, "its tasks are no patients", [], model: "\(paper)/model")
    let known = try train(
      1, "known",
      [
        "--scenario", "consistent", "--tasks", "patient", "--data", database, "--records",
        "sim001,sim002,sim003",
        "--steps", "20",
      ])
    try refuse(64, "--trunk joint", ["--trunk", "joint"], model: "\(known)/model")
    try refuse(64, "--borrow: the model's tasks", ["--borrow"], model: "\(known)/model")
    try adapt(1, "known-frozen", model: "\(known)/model")
    // Joint training needs the sources' recordings.
    let alone = "\(folder)/alone"
    try FileManager.default.createDirectory(atPath: alone, withIntermediateDirectories: true)
    for part in ["hea", "dat", "atr"] {
      try FileManager.default.copyItem(
        atPath: "\(database)/sim004.\(part)", toPath: "\(alone)/sim004.\(part)")
    }
    try refuse(65, "sim001", ["--trunk", "joint", "--data", alone])
    try refuse(65, "sim001", ["--borrow", "--data", alone])
    try adapt(1, "without-sources", data: alone)
    try expect(
      73, "holds a run already", 2,
      [
        "adapt", "--model", "\(trained)/model", "--data", database, "--record", "sim004", "--seconds", "60",
        "--output", "\(folder)/without-sources",
      ])
  }
}
