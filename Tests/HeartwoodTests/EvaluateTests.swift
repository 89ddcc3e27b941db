import Foundation
import WFDB
import XCTest

/// `heartwood evaluate`: which records it finds, what it writes, what it refuses.
final class EvaluateTests: CommandTestCase {
  private var database = ""
  private var model = ""

  override func setUpWithError() throws {
    try super.setUpWithError()
    (database, _) = try simulate(4, minutes: 3)
    model =
      try train(
        1, "run",
        [
          "--data", database, "--records", "sim001,sim002,sim003", "--targets", "sim004", "--steps", "60",
        ]) + "/model"
  }

  private func judge(_ ranks: Int, _ name: String, _ arguments: [String]) throws -> String {
    let outcome = try Command.heartwood(
      ranks, ["evaluate", "--model", model, "--output", "\(folder)/\(name)"] + arguments)
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    XCTAssertEqual(outcome.errors, "")
    return "\(folder)/\(name)"
  }

  private func expectRefusal(_ code: Int32, _ words: String, _ arguments: [String], line: UInt = #line) throws
  {
    try expectSoon(
      code, words, [1, 2], ["evaluate", "--model", model, "--output", "\(folder)/no"] + arguments, line: line)
  }

  /// A copy of a record of the database, its annotations changed.
  private func copy(
    _ name: String, to other: String, as copy: String, _ change: (inout [Annotation]) -> Void
  ) throws {
    let manager = FileManager.default
    try manager.createDirectory(atPath: other, withIntermediateDirectories: true)
    let header = try String(contentsOfFile: "\(database)/\(name).hea", encoding: .utf8)
    try header.replacingOccurrences(of: name, with: copy).write(
      toFile: "\(other)/\(copy).hea", atomically: true, encoding: .utf8)
    try manager.copyItem(atPath: "\(database)/\(name).dat", toPath: "\(other)/\(copy).dat")
    var file = try AnnotationFile.read(at: "\(database)/\(name).atr")
    change(&file.annotations)
    try file.write(to: "\(other)/\(copy).atr")
  }

  /// Records that cannot be judged: without an ECG lead, constant, with files that are cut off or empty.
  private func unusable(in other: String) throws {
    for (name, part, bytes) in [("cut", "dat", 1000), ("torn", "atr", 301), ("blank", "atr", 0)] {
      try copy("sim004", to: other, as: name) { _ in }
      let path = URL(fileURLWithPath: "\(other)/\(name).\(part)")
      try Data(contentsOf: path).prefix(bytes).write(to: path)
    }
    try copy("sim004", to: other, as: "flat") { _ in }
    let whole = try Record.read(at: "\(other)/flat")
    try Record(
      header: whole.header,
      signals: whole.signals.map {
        Signal(specification: $0.specification, digital: $0.digital.map { _ in 100 })
      }
    ).write(to: other)
    try copy("sim004", to: other, as: "breath") { _ in }
    let header = try String(contentsOfFile: "\(other)/breath.hea", encoding: .utf8)
    try header.replacingOccurrences(of: "MLII", with: "RESP").replacingOccurrences(of: "V1", with: "ABP")
      .write(toFile: "\(other)/breath.hea", atomically: true, encoding: .utf8)
  }

  func testAllRecordsOfTwoFoldersOnAnyRanks() throws {
    let other = "\(folder)/other"
    try copy("sim004", to: other, as: "sunny") { $0.removeAll { $0.code.isBeat && $0.code.symbol != "N" } }
    try copy("sim004", to: other, as: "silent") { $0.removeAll { $0.code.isBeat } }
    try unusable(in: other)
    let arguments = ["--data", database, "--data", other, "--records", "all"]
    let folders = try [1, 2, 3].map { try judge($0, "all\($0)", arguments) }
    for file in ["evaluation.json", "evaluation.csv", "evaluation.html"] {
      let files = try folders.map { try Data(contentsOf: URL(fileURLWithPath: "\($0)/\(file)")) }
      XCTAssertEqual(files[0], files[1], file)
      XCTAssertEqual(files[0], files[2], file)
    }
    let evaluation = try json("\(folders[0])/evaluation.json")
    let records = try XCTUnwrap(evaluation["perRecord"] as? [[String: Any]])
    XCTAssertEqual(
      records.map { $0["name"] as? String }, ["sim001", "sim002", "sim003", "sim004", "sunny"])
    XCTAssertEqual(records.map { $0["isOfOneClass"] as? Bool }, [false, false, false, false, true])
    let leftOut = try XCTUnwrap(evaluation["leftOut"] as? [[String: String]])
    XCTAssertEqual(
      leftOut.map { $0["name"] }, ["blank", "breath", "cut", "flat", "silent", "torn"], "\(leftOut)")
    for (row, words) in zip(
      leftOut, ["blank", "ECG lead", "cut.dat", "all its samples are equal", "no annotated beat", "torn.atr"])
    {
      XCTAssertTrue(row["reason"]?.contains(words) ?? false, "\(row)")
    }
    let figures = records.map { $0["metrics"] as? [String: Any] }
    XCTAssertEqual(figures.map { $0?["balancedAccuracy"] == nil }, [false, false, false, false, true])
    let test = try XCTUnwrap(evaluation["test"] as? [String: Any])
    let means = try XCTUnwrap(test["perPatient"] as? [String: Any])
    XCTAssertEqual(means["leftOut"] as? [String], ["sunny"])
    let balanced = records.prefix(4).compactMap {
      ($0["metrics"] as? [String: Any])?["balancedAccuracy"] as? Double
    }
    XCTAssertEqual(
      try XCTUnwrap(means["balancedAccuracy"] as? Double), balanced.reduce(0, +) / 4, accuracy: 1e-12)
    // Of each class as many beats as the annotations have, each judged one way or the other.
    let classes = try XCTUnwrap(test["aamiClasses"] as? [[String: Any]])
    XCTAssertEqual(classes.map { $0["name"] as? String }, ["N", "S", "V"])
    let beats = classes.compactMap { $0["beats"] as? Int }
    XCTAssertEqual(beats.reduce(0, +), test["examples"] as? Int)
    for row in classes {
      XCTAssertEqual(
        (row["judgedNormal"] as? Int ?? 0) + (row["judgedAbnormal"] as? Int ?? 0), row["beats"] as? Int)
    }

    let lines = try String(contentsOfFile: "\(folders[0])/evaluation.csv", encoding: .utf8)
      .split(separator: "\r\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    XCTAssertEqual(lines.filter { $0[0] == "record" }.count, 5)
    XCTAssertEqual(lines.filter { $0[0] == "all" }.count, 1)
    XCTAssertEqual(
      lines.filter { $0[0] == "class" && $0[1] == "all records" }.map { $0[3] }, ["N", "S", "V"])
    let sunny = try XCTUnwrap(lines.first { $0[1] == "sunny" })
    XCTAssertEqual(sunny[9], "")  // balanced accuracy
    XCTAssertEqual(sunny[11], "")  // AUC
    let page = Page(try Data(contentsOf: URL(fileURLWithPath: "\(folders[0])/evaluation.html")))
    XCTAssertEqual(page.tables[0].map { $0[0] }.last, "all records")
    XCTAssertEqual(page.tables[0].first { $0[0] == "sunny" }?[3], "-")
    XCTAssertEqual(page.tables[1].dropFirst().map { $0[0] }, ["N", "S", "V"])
  }

  /// A model asks for the lead that it was trained on, unless told otherwise.
  func testTheModelsLead() throws {
    let other = try train(
      1, "other-lead",
      [
        "--data", database, "--records", "sim001,sim002,sim003", "--targets", "sim004", "--steps", "60",
        "--lead", "V1",
      ])
    func figures(_ name: String, _ options: [String]) throws -> (lead: String?, confusion: NSObject?) {
      let output = "\(folder)/\(name)"
      let outcome = try Command.heartwood(
        1,
        [
          "evaluate", "--model", "\(other)/model", "--data", database, "--records", "sim004", "--output",
          output,
        ] + options)
      XCTAssertEqual(outcome.code, 0, outcome.errors)
      let evaluation = try json("\(output)/evaluation.json")
      return (
        (evaluation["perRecord"] as? [[String: Any]])?[0]["lead"] as? String,
        (evaluation["test"] as? [String: Any])?["confusion"] as? NSObject
      )
    }
    let (own, asked) = (try figures("own", []), try figures("asked", ["--lead", "MLII"]))
    XCTAssertEqual(own.lead, "V1")
    XCTAssertEqual(asked.lead, "MLII")
    XCTAssertNotEqual(own.confusion, asked.confusion)
    XCTAssertEqual(
      own.confusion,
      (try json("\(other)/summary.json")["test"] as? [String: Any])?["confusion"] as? NSObject)
    let predicted = try Command.heartwood(
      1,
      [
        "predict", "--model", "\(other)/model", "--record", "\(database)/sim004", "--output",
        "\(folder)/predicted",
      ])
    XCTAssertTrue(predicted.output.contains("sim004, lead V1"), predicted.output + predicted.errors)
    // Patients who join are read alike, and so are the sources.
    for (name, options) in [("frozen", ["--borrow"]), ("joint", ["--trunk", "joint"])] {
      let adapt = [
        "adapt", "--model", "\(other)/model", "--data", database, "--record", "sim004", "--seconds", "60",
        "--steps", "20",
      ]
      for (lead, given) in [("", []), ("-named", ["--lead", "V1"]), ("-other", ["--lead", "MLII"])] {
        let outcome = try Command.heartwood(
          1, adapt + options + given + ["--output", "\(folder)/\(name)\(lead)"])
        XCTAssertEqual(outcome.code, 0, outcome.errors)
      }
      let own = try model("\(folder)/\(name)")
      XCTAssertEqual(own, try model("\(folder)/\(name)-named"))
      XCTAssertNotEqual(own, try model("\(folder)/\(name)-other"))
    }
  }

  /// Only beats whose whole window lies after that second are judged.
  func testFrom() throws {
    func beats(_ name: String, _ arguments: [String]) throws -> Int {
      let judged = try judge(1, name, ["--data", database, "--records", "sim004"] + arguments)
      return try XCTUnwrap(
        (json("\(judged)/evaluation.json")["test"] as? [String: Any])?["examples"] as? Int)
    }
    let after = try AnnotationFile.read(at: "\(database)/sim004.atr").annotations.filter {
      $0.code.isBeat && Double($0.sample) >= (60 + 0.4) * 360
    }
    let (all, some) = (try beats("whole", []), try beats("some", ["--from", "60"]))
    XCTAssertLessThan(some, all)
    XCTAssertLessThanOrEqual(abs(after.count - some), 2)  // one at the very start or end
  }

  func testRefusals() throws {
    let data = ["--data", database]
    try expectRefusal(64, "sim004 is named twice", data + ["--records", "sim004,sim003,sim004"])
    try expectRefusal(64, "--records", data + ["--records", "../sim004"])
    try expectRefusal(64, "--from", data + ["--records", "sim004", "--from=-1"])
    try expectRefusal(64, "--annotator ../atr", data + ["--records", "sim004", "--annotator", "../atr"])
    try expectRefusal(64, "--annotator : the", data + ["--records", "sim004", "--annotator", ""])
    try expectRefusal(64, "--data names a folder twice", data + data + ["--records", "sim004"])
    try expectRefusal(
      64, "sim004 is not a task", data + ["--records", "sim001,sim004", "--protocol", "own"])
    try expectRefusal(65, "sim009", data + ["--records", "sim009"])
    try expectRefusal(65, "nowhere is not a folder", ["--data", "\(folder)/nowhere", "--records", "all"])
    try expectRefusal(65, "after second 1000", data + ["--records", "sim004", "--from", "1000"])
    let empty = "\(folder)/empty"
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    try expectRefusal(65, "has both a .hea and an .atr file", ["--data", empty, "--records", "all"])
    try expectRefusal(65, "none of", data + ["--data", empty, "--records", "sim009"])
    try expectRefusal(65, "sim004.qrs does not exist", data + ["--records", "sim004", "--annotator", "qrs"])
    let other = "\(folder)/other"
    try copy("sim004", to: other, as: "sim001") { _ in }
    try expectRefusal(64, "sim001 is in", data + ["--data", other, "--records", "all"])
    try copy("sim004", to: "\(folder)/third", as: "silent") { $0.removeAll { $0.code.isBeat } }
    try expectRefusal(
      65, "silent has no annotated beat", ["--data", "\(folder)/third", "--records", "silent"])
    try expectRefusal(65, "has a beat to judge", ["--data", "\(folder)/third", "--records", "all"])
  }
}
