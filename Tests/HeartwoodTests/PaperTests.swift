import Cohort
import Foundation
import WFDB
import XCTest

/// `heartwood paper` on simulated patients: its files agree with one another, and with themselves however they came about.
final class PaperTests: CommandTestCase {
  // MARK: Figures

  func testCellsHaveTheContractsKeysAndFollowFromTheSeeds() throws {
    for run in [try Run.base(), try Run.allBranches()] {
      let paper = try run.paper()
      let cells = try list(paper, "cells")
      XCTAssertEqual(cells.count, run.cells)
      for cell in cells {
        try expectContract(cell)
        try expectFigures(cell, in: paper)
      }
    }
    let averages = try list(try Run.allBranches().paper(), "averages")
    XCTAssertEqual(averages.count, 1)
    let cells = try list(try Run.allBranches().paper(), "cells")
    for network in ["stl", "mtl"] {
      let bySeed = try cells.map { try numbers(try object($0, network), "bySeed") }
      let expected = (0..<2).map { seed in bySeed.map { $0[seed] }.reduce(0, +) / 3 }
      try expectNumbers(try numbers(try object(averages[0], network), "bySeed"), expected, network)
    }
    try expectGain(averages[0])
  }

  /// Units written by hand: the verdicts, marks and intervals that follow from them are known.
  func testDoctoredUnitsGiveKnownVerdicts() throws {
    let (output, outcome) = try doctored(["--only", "table,patients"])
    let paper = try json("\(output)/paper.json")
    let expected: [String: (gain: Double, half: Double, verdict: String, mark: String)] = [
      "table1-detection": (0.05, 0, "MTL beats STL", "▲"),
      "table1-classification": (-0.055, 0.06353, "no difference shown", "•"),
      "table2-detection": (-0.2, 0, "MTL loses to STL", "▼"),
      "table2-classification": (0.02, 0.1 * 12.706, "no difference shown", "•"),
    ]
    let cells = try list(paper, "cells")
    XCTAssertEqual(cells.count, 4)
    for cell in cells {
      let name = try XCTUnwrap(
        expected.keys.first { "table\(cell["table"]!)-\(cell["problem"]!)" == $0 })
      let (gain, half, verdict, _) = expected[name]!
      let got = try object(cell, "gain")
      XCTAssertEqual(try number(got, "mean"), gain, accuracy: 1e-9, name)
      XCTAssertEqual(try number(got, "low"), gain - half, accuracy: 1e-4, name)
      XCTAssertEqual(try number(got, "high"), gain + half, accuracy: 1e-4, name)
      XCTAssertEqual(cell["verdict"] as? String, verdict, name)
      try expectFigures(cell, in: paper)
    }
    // The same marks wherever the tables are shown.
    for (place, rows) in [
      ("page", try page(output).tables.prefix(4).map { $0[1] }), ("Markdown", try markdown(output)),
      ("terminal", terminal(outcome.output)),
    ] {
      XCTAssertEqual(
        rows.map { String($0[4].prefix(1)) },
        [
          "table1-detection", "table1-classification", "table2-detection", "table2-classification",
        ].map { expected[$0]!.mark }, place)
    }
  }

  func testEveryCellInTheTablesIsTheResults() throws {
    for run in [try Run.base(), try Run.allBranches()] {
      let paper = try run.paper()
      let expected = try tableRows(paper)
      let halves = Set(try list(paper, "cells").map { "\($0["table"]!) \($0["problem"]!)" }).count
      XCTAssertEqual(try page(run.output).tables.prefix(halves).flatMap { $0.dropFirst() }, expected)
      XCTAssertEqual(try markdown(run.output), expected)
      XCTAssertEqual(terminal(run.text), expected)
      for (cell, row) in zip(try list(paper, "cells"), expected) where row[0] != "average" {
        let gain = try object(cell, "gain")
        XCTAssertEqual(row[4].hasPrefix("▲"), try number(gain, "low") > 0, "\(row)")
      }
    }
  }

  func testOneSeedShowsNoSpreadAndNoVerdict() throws {
    let (output, _) = try doctored(["--only", "table,patients", "--seeds", "1"])
    let paper = try json("\(output)/paper.json")
    for cell in try list(paper, "cells") {
      // There, but null: the contract has these keys.
      XCTAssertEqual(try object(cell, "mtl")["sd"] as? NSNull, NSNull())
      XCTAssertEqual(try object(cell, "gain")["low"] as? NSNull, NSNull())
      XCTAssertEqual(cell["verdict"] as? String, "no difference shown")
    }
    for row in try page(output).tables.prefix(4).map({ $0[1] }) {
      XCTAssertTrue(row[4].hasPrefix("• ") && !row[4].contains("["), row[4])
    }
    XCTAssertTrue(try XCTUnwrap(paper["notes"] as? [String]).contains { $0.hasPrefix("One seed") })
  }

  // MARK: Files

  func testTheTableForSpreadsheetsIsTheResults() throws {
    for run in [try Run.base(), try Run.allBranches()] {
      let paper = try run.paper()
      let lines = try csv("\(run.output)/tables.csv")
      let rows = lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(lines[0], $0)) }
      var expected: [[String: String]] = []
      func add(_ kind: String, _ cell: [String: Any], _ place: [String: String]) throws {
        let published = try object(cell, "published")
        func row(_ network: String, _ more: [String: String]) throws -> [String: String] {
          let figure = try object(cell, network.lowercased())
          return place.merging(more) { $1 }.merging([
            "kind": kind, "network": network, "table": "\(cell["table"]!)", "problem": "\(cell["problem"]!)",
            "published stl": exact(published["stl"]), "published mtl": exact(published["mtl"]),
            "mean": exact(figure["mean"]), "sd": exact(figure["sd"]), "seeds": "\(figure["seeds"]!)",
          ]) { $1 }
        }
        func against(_ name: String, _ other: [String: Any]) throws -> [String: String] {
          let gain = try object(other, "gain")
          return [
            "gain over": name, "gain": exact(gain["mean"]), "gain low": exact(gain["low"]),
            "gain high": exact(gain["high"]), "verdict": "\(other["verdict"]!)",
            "judged by": cell["protocol"] as? String ?? "",
          ]
        }
        expected += [try row("STL", [:]), try row("MTL", against("STL", cell))]
        if let strongest = cell["strongest"] as? [String: Any] {
          expected.append(try row("MTL", against("\(strongest["name"]!)", strongest)))
        }
      }
      for cell in try list(paper, "cells") {
        try add(
          "cell", cell,
          [
            "scenario": "\(cell["scenario"]!)", "branch": "\(cell["branch"]!)", "study": "\(cell["study"]!)",
          ])
      }
      for average in try list(paper, "averages") { try add("average", average, [:]) }
      for study in try list(paper, "studies") {
        for entrant in try list(study, "entrants") {
          let (figure, gain) = (try object(entrant, "balancedAccuracy"), entrant["gain"] as? [String: Any])
          func mean(_ key: String) -> Any? { (entrant[key] as? [String: Any])?["mean"] }
          expected.append([
            "kind": "network", "branch": "\(study["branch"]!)", "study": "\(study["id"]!)",
            "network": "\(entrant["name"]!)", "mean": exact(figure["mean"]), "sd": exact(figure["sd"]),
            "seeds": "\(figure["seeds"]!)", "judged by": "\(entrant["protocol"]!)",
            "gain over": gain == nil ? "" : "\(study["reference"]!)", "gain": exact(gain?["mean"]),
            "gain low": exact(gain?["low"]), "gain high": exact(gain?["high"]),
            "parameters": "\(entrant["parameters"]!)", "macro-F1": exact(mean("macroF1")),
            "AUC": exact(mean("auc")), "sensitivity": exact(mean("sensitivity")),
            "specificity": exact(mean("specificity")),
          ])
        }
      }
      XCTAssertTrue(rows.allSatisfy { $0["share of steps"] == "0.2" })
      XCTAssertEqual(try number(try object(paper, "run"), "shareOfSteps"), 0.2)
      XCTAssertEqual(
        rows.map { $0.filter { !$0.value.isEmpty && $0.key != "share of steps" } },
        expected.map { $0.filter { !$0.value.isEmpty } })
    }
  }

  /// The page stands alone, and shows no number that is not in `paper.json`: one of a tuning, one with all branches, one with a strip.
  func testThePageStandsAloneAndItsNumbersAreTheResults() throws {
    let (tuned, _) = try doctored(["--only", "table,patients,tuning"], tuning: true)
    XCTAssertEqual(try list(try json("\(tuned)/paper.json"), "tuning").count, 4)
    for (output, least) in [
      (try Run.base().output, 300), (try Run.allBranches().output, 100), (tuned, 300),
    ] {
      let text = try String(contentsOfFile: "\(output)/report.html", encoding: .utf8)
      XCTAssertLessThan(text.utf8.count, 2_000_000)
      for word in ["<script", "<link", "<img", "href", "src", "url(", "@import"] {
        XCTAssertFalse(text.contains(word), word)
      }
      let page = try page(output)
      var shown: [Int: Set<String>] = [:]
      let known = Numbers(in: try json("\(output)/paper.json"))
      let decimals = page.texts.flatMap(Numbers.decimals)
      XCTAssertGreaterThan(decimals.count, least)
      for number in decimals {
        let places = number.count - number.firstIndex(of: ".")!.utf16Offset(in: number) - 1
        shown[places] = shown[places] ?? known.rounded(places)
        XCTAssertTrue(shown[places]!.contains(number), "\(number) is shown, but not in paper.json")
      }
    }
  }

  func testTuningsSummariesFollowFromTheirPoints() throws {
    let (output, _) = try doctored(["--only", "table,patients,tuning"], tuning: true)
    let paper = try json("\(output)/paper.json")
    let grid = try object(paper, "tuningGrid")
    XCTAssertEqual(try numbers(grid, "learningRates"), [1e-3, 3e-3, 1e-2])
    XCTAssertEqual(try numbers(grid, "widths"), [32, 64, 128])
    XCTAssertEqual(try numbers(grid, "shares"), [0.5, 1, 2])
    let rows = try list(paper, "tuning")
    XCTAssertEqual(
      rows.map { "\($0["study"]!) \($0["system"]!)" },
      ["table1-detection-chronological-cnn MTL", "table1-detection-chronological-cnn STL pooled"]
        + ["table2-detection-cnn MTL", "table2-detection-cnn STL balanced"])
    for row in rows {
      // The mean over units of what `tuningPoints` made.
      let units: [Double] = "\(row["study"]!)".hasPrefix("table1") ? [0, 1] : [0, 1, 2, 3]
      let tests = (0..<27).map { point in
        units.reduce(0) { $0 + Self.tuningTest(point, unit: $1) } / Double(units.count)
      }
      let test = try object(row, "test")
      XCTAssertEqual(row["settings"] as? Int, 27)
      XCTAssertEqual(try number(test, "best"), tests.max()!, accuracy: 1e-12)
      XCTAssertEqual(try number(test, "worst"), tests.min()!, accuracy: 1e-12)
      XCTAssertEqual(try number(test, "median"), tests.sorted()[13], accuracy: 1e-12)
      XCTAssertEqual(try number(test, "sd"), try XCTUnwrap(deviation(tests)), accuracy: 1e-12)
      // Each unit chooses by its own validation data: the odd ones another setting than the even ones.
      let chosen = try list(row, "chosen")
      XCTAssertEqual(chosen.count, units.count)
      for (unit, setting) in zip(units, chosen) {
        let point = Self.bestByValidation(Int(unit))
        XCTAssertEqual(try number(setting, "test"), Self.tuningTest(point, unit: unit), accuracy: 1e-12)
        XCTAssertEqual(try number(setting, "learningRate"), point == 11 ? 3e-3 : 1e-2)
        XCTAssertEqual(setting["width"] as? Int, point == 11 ? 32 : 128)
        XCTAssertEqual(setting["steps"] as? Int, "\(row["study"]!)".hasPrefix("table1") ? 240 : 160)
      }
      XCTAssertEqual(
        try number(row, "chosenTest"),
        mean(units.map { Self.tuningTest(Self.bestByValidation(Int($0)), unit: $0) }), accuracy: 1e-12)
    }
  }

  // MARK: Ranks and cuts

  /// Part of the base run again, on one rank.
  func testOneRankGivesTheSameCells() throws {
    let output = "\(folder)/one"
    let outcome = try Command.heartwood(1, Run.arguments(output) + ["--only", Self.part])
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    try expectSameAsBase(output, cells: 3, units: 8, kept: 0)
  }

  /// Cut off twice, a unit damaged, one of another seed in another's place, one of other data.
  func testACutRunGoesOnAndEndsWithTheSameCells() throws {
    let output = "\(folder)/cut"
    let units = "\(output)/units/quick"
    let part = ["table1-detection", "table1-classification-chronological", "table2-classification"]
    func names() -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: units)) ?? []).filter { $0.hasSuffix(".json") }
        .sorted()
    }
    func cut(by signal: Int32, when ready: @escaping () -> Bool) throws -> Outcome {
      try Command.heartwood(2, Run.arguments(output) + ["--only", "table,patients"]) { launcher in
        let deadline = Date().addingTimeInterval(60)
        while Date() < deadline, launcher.isRunning, !ready() { usleep(10_000) }
        kill(launcher.processIdentifier, signal)
      }
    }
    let pair = (1...2).map { "table1-detection-random-cnn_seed\($0).json" }
    let killed = try cut(by: SIGKILL) { Set(names()).isSuperset(of: pair) }
    XCTAssertEqual(killed.code, SIGKILL)
    XCTAssertFalse(FileManager.default.fileExists(atPath: "\(output)/paper.json"))
    let before = names().count
    let stopped = try cut(by: SIGTERM) { names().count > max(before, 3) }
    XCTAssertEqual(stopped.code, 75)
    XCTAssertEqual(
      stopped.errorLines,
      ["heartwood: stopped; what is done is kept in \(units), and the same command goes on from there"])
    XCTAssertFalse(FileManager.default.fileExists(atPath: "\(output)/paper.json"))

    // Of what there is, three files are spoilt that the rest of the run needs.
    let left = names().filter { name in part.contains { name.hasPrefix($0) } }
    let others = left.filter { !pair.contains($0) }
    XCTAssertGreaterThanOrEqual(others.count, 2)
    try FileManager.default.removeItem(atPath: "\(units)/\(pair[1])")
    try FileManager.default.copyItem(atPath: "\(units)/\(pair[0])", toPath: "\(units)/\(pair[1])")
    let whole = try Data(contentsOf: URL(fileURLWithPath: "\(units)/\(others[0])"))
    try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: "\(units)/\(others[0])"))
    try change("\(units)/\(others[1])") { $0["key"] = "0123456789abcdef" }

    let outcome = try Command.heartwood(
      2, Run.arguments(output) + ["--only", part.joined(separator: ",")])
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    try expectSameAsBase(output, cells: 3, units: 12, kept: left.count - 3)
  }

  /// Another unseen patient in the same folder: verdicts kept of one are not drawn over the other's ECG.
  func testAnotherTargetInTheSameFolderHasItsOwnStrip() throws {
    let base = try Run.base()
    for (output, target, kept) in [(base.output, "sim004", 0), ("\(folder)/other", "sim002", 7)] {
      if output != base.output {
        try FileManager.default.copyItem(atPath: base.output, toPath: output)
        let outcome = try Command.heartwood(
          2, Run.arguments(output, target: target) + ["--only", "table2-detection"])
        XCTAssertEqual(outcome.code, 0, outcome.errors)
      }
      let paper = try json("\(output)/paper.json")
      XCTAssertEqual(try object(paper, "run")["kept"] as? Int, kept)
      let strip = try object(paper, "strip")
      XCTAssertEqual(strip["record"] as? String, target)
      let beats = try list(strip, "beats")
      XCTAssertGreaterThan(beats.count, 10)
      let annotations = try AnnotationFile.read(at: "\(try Run.database().get())/\(target).atr").annotations
      for beat in beats {
        let sample = Int((try number(beat, "second") * 360).rounded())
        let annotation = try XCTUnwrap(annotations.first { $0.sample == sample && $0.code.isBeat })
        XCTAssertEqual(beat["annotated"] as? String, annotation.code.symbol == "N" ? "normal" : "abnormal")
      }
    }
  }

  /// A patient with no tachycardia, and the only one who has it, cannot be judged on it, and records without two rhythms cannot be told
  /// apart; that is a note, not a failure.
  func testWhatTheDataCannotMakeIsLeftOut() throws {
    for (name, records) in [("none", "sim001,sim003,sim005"), ("alone", "sim001,sim002,sim003")] {
      let output = "\(folder)/\(name)"
      let outcome = try Command.heartwood(
        2,
        [
          "paper", "--data", try Run.database().get(), "--records", records, "--rhythm-records", "sim005",
          "--target", "sim003", "--branches", "cnn", "--seeds", "1",
          "--only", "table2-classification,table1-classification,table1-detection-low", "--output", output,
        ])
      XCTAssertEqual(outcome.code, 0, outcome.errors)
      let paper = try json("\(output)/paper.json")
      XCTAssertEqual(paper["rhythmTargets"] as? [String], [])
      XCTAssertEqual(
        try list(paper, "studies").map { $0["id"] as? String }, ["table1-detection-low-cnn"])
      let notes = try XCTUnwrap(paper["notes"] as? [String])
      XCTAssertTrue(notes.contains { $0.contains("cannot be tested on it") })
      XCTAssertTrue(notes.contains { $0.hasPrefix("Left out, table1-classification-chronological: ") })
      _ = try page(output)
    }
  }

  override class func tearDown() {
    Run.removeAll()
    super.tearDown()
  }
}

/// Runs that several tests look at, each made once.
private struct Run {
  let output: String
  let text: String
  let cells: Int

  /// One branch, all studies, two seeds.
  static func base() throws -> Run { try baseRun.get() }
  /// Every branch, a single study.
  static func allBranches() throws -> Run { try allBranchesRun.get() }
  static func database() -> Result<String, any Error> { databaseFolder }

  func paper() throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(output)/paper.json"))
    return try XCTUnwrap(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  static func arguments(_ output: String, target: String = "sim004", branches: String = "cnn") -> [String] {
    [
      "paper", "--data", (try? databaseFolder.get()) ?? "", "--records", "sim001,sim002,sim003,sim004",
      "--target", target, "--branches", branches, "--seeds", "2", "--quick", "--output",
      output,
    ]
  }

  static func removeAll() { try? FileManager.default.removeItem(atPath: folder) }

  private static let folder = NSTemporaryDirectory() + "heartwood-paper-\(UUID().uuidString)"

  /// Six patients, whose thirteen minutes hold two rhythms in training and in test.
  private static let databaseFolder = Result<String, any Error> {
    let path = "\(folder)/database"
    let outcome = try Command.heartwood(
      1, ["simulate", "--patients", "6", "--minutes", "13", "--seed", "2", "--output", path])
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    return path
  }

  private static let baseRun = Result {
    try make("base", ["--only", "table,patients"], cells: 4)
  }

  private static let allBranchesRun = Result {
    try make("branches", ["--only", "table1-detection-random"], branches: "cnn,rnn,lstm", cells: 3)
  }

  private static func make(_ name: String, _ options: [String], branches: String = "cnn", cells: Int) throws
    -> Run
  {
    let output = "\(folder)/\(name)"
    let outcome = try Command.heartwood(2, arguments(output, branches: branches) + options)
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    XCTAssertEqual(outcome.errors, "")
    print("paper, \(name): \(outcome.seconds) s")
    return Run(output: output, text: outcome.output, cells: cells)
  }
}

// MARK: Reading JSON

private func object(_ parent: [String: Any], _ key: String) throws -> [String: Any] {
  try XCTUnwrap(parent[key] as? [String: Any], key)
}

private func list(_ parent: [String: Any], _ key: String) throws -> [[String: Any]] {
  try XCTUnwrap(parent[key] as? [[String: Any]], key)
}

private func number(_ parent: [String: Any], _ key: String) throws -> Double {
  try XCTUnwrap(parent[key] as? Double, key)
}

private func numbers(_ parent: [String: Any], _ key: String) throws -> [Double] {
  try XCTUnwrap(parent[key] as? [Double], key)
}

private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

private func deviation(_ values: [Double]) -> Double? {
  values.count < 2
    ? nil
    : (values.map { pow($0 - mean(values), 2) }.reduce(0, +) / Double(values.count - 1)).squareRoot()
}

/// As the CSV has it.
private func exact(_ value: Any?) -> String { (value as? Double).map { String(format: "%.6f", $0) } ?? "" }

/// All numbers of `paper.json`, those within its strings too, but not the points of curves and traces, among which any number
/// would be found.
private struct Numbers {
  private var values: [Double] = []
  private var written: Set<String> = []

  init(in value: Any) { collect(value) }

  private mutating func collect(_ value: Any) {
    switch value {
    case let object as [String: Any]:
      for (key, value) in object where !["samples", "losses", "roc", "rocRates", "beats"].contains(key) {
        collect(value)
      }
    case let list as [Any]: for value in list { collect(value) }
    case let text as String: written.formUnion(Self.decimals(text))
    case let number as NSNumber: values.append(number.doubleValue)
    default: break
    }
  }

  /// Without signs, with so many decimals.
  func rounded(_ places: Int) -> Set<String> {
    Set(values.map { String(format: "%.\(places)f", abs($0)) }).union(written)
  }

  /// The decimal numbers in a text, without signs.
  static func decimals(_ text: String) -> [String] {
    let dots = CharacterSet(charactersIn: ".")
    let parts = text.split { character in !(character.isASCII && (character.isNumber || character == ".")) }
    return parts.map { String($0).trimmingCharacters(in: dots) }.filter { $0.contains(".") }
  }
}

// MARK: Checks

extension PaperTests {
  /// DESIGN.md's keys.
  private func expectContract(_ cell: [String: Any]) throws {
    XCTAssertNotNil(cell["table"] as? Int)
    for key in ["problem", "scenario", "branch", "protocol", "note"] {
      XCTAssertFalse(try XCTUnwrap(cell[key] as? String, key).isEmpty)
    }
    for key in ["stl", "mtl"] {
      _ = try number(try object(cell, "published"), key)
      XCTAssertEqual(try object(cell, key)["seeds"] as? Int, 2)
    }
  }

  /// Means, spreads, gain and verdicts by the seeds' own figures; of the study, by its entrants'.
  private func expectFigures(_ cell: [String: Any], in paper: [String: Any]) throws {
    for key in ["stl", "mtl"] {
      let figure = try object(cell, key)
      let bySeed = try numbers(figure, "bySeed")
      XCTAssertEqual(try number(figure, "mean"), mean(bySeed), accuracy: 1e-12)
      XCTAssertEqual(try number(figure, "sd"), try XCTUnwrap(deviation(bySeed)), accuracy: 1e-12)
    }
    try expectGain(cell)
    let (mtl, stl) = (try object(cell, "mtl"), try object(cell, "stl"))
    XCTAssertNil(cell["abovePublished"], "the published figures are of other records")
    XCTAssertEqual(
      cell["verdict"] as? String, try verdict(try numbers(mtl, "bySeed"), try numbers(stl, "bySeed")))

    let study = try XCTUnwrap(
      try list(paper, "studies").first { $0["id"] as? String == cell["study"] as? String })
    let entrants = try list(study, "entrants")
    let target = (study["targets"] as? [String])?.firstIndex { $0 == paper["target"] as? String }
    func bySeed(_ entrant: [String: Any]) throws -> [Double] {
      try numbers(
        try target.map { try list(entrant, "byTarget")[$0] } ?? object(entrant, "balancedAccuracy"), "bySeed")
    }
    func named(_ name: Any?) throws -> [String: Any] {
      try XCTUnwrap(entrants.first { $0["name"] as? String == name as? String })
    }
    XCTAssertEqual(cell["scenario"] as? String == "inconsistent", target != nil)
    try expectNumbers(try bySeed(entrants[0]), try numbers(mtl, "bySeed"), "MTL")
    try expectNumbers(try bySeed(named(study["reference"])), try numbers(stl, "bySeed"), "STL")
    let best = try object(cell, "strongest")
    let strongest = try named(best["name"])
    try expectNumbers(try bySeed(strongest), try numbers(try object(best, "figure"), "bySeed"), "strongest")
    let over = try interval(try numbers(mtl, "bySeed"), try bySeed(strongest))
    XCTAssertEqual(try number(try object(best, "gain"), "mean"), over.centre, accuracy: 1e-12)
    XCTAssertEqual(try number(try object(best, "gain"), "low"), over.centre - over.half, accuracy: 1e-12)
    for other in entrants where "\(other["name"]!)".hasPrefix("STL") {
      XCTAssertGreaterThanOrEqual(mean(try bySeed(strongest)), mean(try bySeed(other)))
    }
    XCTAssertEqual(
      best["verdict"] as? String, try verdict(try numbers(mtl, "bySeed"), try bySeed(strongest)))
    // Each entrant by its confusion matrix, seeds and targets together, and by its patients.
    for entrant in entrants {
      let confusion = try XCTUnwrap(entrant["confusion"] as? [[Int]])
      XCTAssertEqual(
        confusion.joined().reduce(0, +), try XCTUnwrap(study["examples"] as? Int) * 2, "\(entrant["name"]!)")
      let byTarget = try list(entrant, "byTarget")
      let whole = try numbers(try object(entrant, "balancedAccuracy"), "bySeed")
      for seed in whole.indices where !byTarget.isEmpty {
        XCTAssertEqual(
          whole[seed], mean(try byTarget.map { try numbers($0, "bySeed")[seed] }), accuracy: 1e-12)
      }
    }
  }

  private func expectGain(_ cell: [String: Any]) throws {
    let gain = try object(cell, "gain")
    let (centre, half) = try interval(
      try numbers(try object(cell, "mtl"), "bySeed"), try numbers(try object(cell, "stl"), "bySeed"))
    XCTAssertEqual(try number(gain, "mean"), centre, accuracy: 1e-12)
    XCTAssertEqual(try number(gain, "low"), centre - half, accuracy: 1e-12)
    XCTAssertEqual(try number(gain, "high"), centre + half, accuracy: 1e-12)
  }

  /// The mean of the seeds' differences and half its 95 % interval: 12.706 is Student's t of two seeds.
  private func interval(_ ours: [Double], _ others: [Double]) throws -> (centre: Double, half: Double) {
    let differences = zip(ours, others).map { $0 - $1 }
    XCTAssertEqual(differences.count, 2)
    return (mean(differences), try XCTUnwrap(deviation(differences)) * 12.706 / 2.squareRoot())
  }

  private func verdict(_ ours: [Double], _ others: [Double]) throws -> String {
    let (centre, half) = try interval(ours, others)
    return centre - half > 0
      ? "MTL beats STL" : centre + half < 0 ? "MTL loses to STL" : "no difference shown"
  }

  private func expectNumbers(_ ours: [Double], _ others: [Double], _ what: String) throws {
    XCTAssertEqual(ours.count, others.count, what)
    for (a, b) in zip(ours, others) { XCTAssertEqual(a, b, accuracy: 1e-12, what) }
  }

  /// What of the base run is made again: three of its four cells.
  private static let part =
    "table1-detection-random,table1-classification-chronological-cnn,table2-classification"

  /// The same units byte for byte, studies and cells as the base run has.
  private func expectSameAsBase(_ output: String, cells: Int, units: Int, kept: Int) throws {
    let base = try Run.base()
    let (ours, theirs) = (try json("\(output)/paper.json"), try base.paper())
    XCTAssertEqual(try object(ours, "run")["units"] as? Int, units)
    XCTAssertEqual(try object(ours, "run")["kept"] as? Int, kept)
    XCTAssertEqual(try list(ours, "cells").count, cells)
    for (key, name) in [("cells", "study"), ("studies", "id")] {
      let mine = try list(ours, key)
      let ids = mine.map { $0[name] as? String }
      let base = try list(theirs, key).filter { ids.contains($0[name] as? String) }
      XCTAssertEqual(mine as NSObject, base as NSObject, key)
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(output)/units/quick")
      .filter { $0.hasSuffix(".json") }
    XCTAssertGreaterThanOrEqual(names.count, units)
    for name in names {
      XCTAssertEqual(
        FileManager.default.contents(atPath: "\(output)/units/quick/\(name)"),
        FileManager.default.contents(atPath: "\(base.output)/units/quick/\(name)"), name)
    }
  }

  // MARK: Doctored units

  /// The base run's folder with units of known figures in the cells, and perhaps of a tuning, made into results again.
  private func doctored(_ options: [String], tuning: Bool = false) throws -> (output: String, Outcome) {
    let output = "\(folder)/doctored"
    let units = "\(output)/units/quick"
    try? FileManager.default.removeItem(atPath: output)
    try FileManager.default.copyItem(atPath: try Run.base().output, toPath: output)
    for (unit, reference, figures) in [
      ("table1-detection-random-cnn", "STL pooled", [(0.95, 0.9), (0.96, 0.91)]),
      ("table1-classification-chronological-cnn", "STL pooled", [(0.8, 0.85), (0.81, 0.87)]),
      ("table2-detection-cnn_sim004", "STL balanced", [(0.7, 0.9), (0.701, 0.901)]),
      ("table2-classification-cnn_sim004", "STL borrowed", [(0.92, 0.8), (0.8, 0.88)]),
    ] {
      for (index, (mtl, stl)) in figures.enumerated() {
        try change("\(units)/\(unit)_seed\(index + 1).json") { unit in
          var entrants = unit["entrants"] as! [[String: Any]]
          for i in entrants.indices {
            var metrics = entrants[i]["metrics"] as! [String: Any]
            let name = entrants[i]["name"] as! String
            if name == "MTL" { metrics["balancedAccuracy"] = mtl }
            if name == reference { metrics["balancedAccuracy"] = stl }
            entrants[i]["metrics"] = metrics
          }
          unit["entrants"] = entrants
        }
      }
    }
    if tuning { try addTuning(to: units) }
    let outcome = try Command.heartwood(1, Run.arguments(output) + options)
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    let run = try object(try json("\(output)/paper.json"), "run")
    XCTAssertEqual(run["kept"] as? Int, run["units"] as? Int)
    return (output, outcome)
  }

  /// Of the 27 settings: learning rate 0.003, width 32, twice the steps; or 0.01, 128 and twice the steps.
  private static func bestByValidation(_ unit: Int) -> Int { unit % 2 == 0 ? 11 : 26 }
  private static func tuningTest(_ point: Int, unit: Double) -> Double {
    0.9 - 0.001 * Double((point * 7) % 27) + 0.0001 * unit
  }

  private func addTuning(to units: String) throws {
    let targets = (1...4).map { "sim00\($0)_seed1" }
    try addTuning("table1-detection-chronological-cnn", "STL pooled", 120, ["seed1", "seed2"], in: units)
    try addTuning("table2-detection-cnn", "STL balanced", 80, targets, in: units)
  }

  private func addTuning(
    _ study: String, _ reference: String, _ steps: Double, _ names: [String], in units: String
  ) throws {
    let (rates, widths, shares) = ([1e-3, 3e-3, 1e-2], [32, 64, 128], [0.5, 1, 2])
    for (number, name) in names.enumerated() {
      var points: [[String: Any]] = []
      for system in ["MTL", reference] {
        for point in 0..<27 {
          let validation = point == Self.bestByValidation(number) ? 0.99 : 0.5 + 0.01 * Double(point)
          points.append([
            "system": system, "learningRate": rates[point / 9], "width": widths[point / 3 % 3],
            "steps": Int(steps * shares[point % 3]), "validation": validation,
            "test": Self.tuningTest(point, unit: Double(number)),
          ])
        }
      }
      // The study's own unit of that seed and target has the same key.
      let path = "\(units)/tuning_\(study)_\(name).json"
      try FileManager.default.copyItem(atPath: "\(units)/\(study)_\(name).json", toPath: path)
      try change(path) { unit in
        unit["entrants"] = nil
        unit["classes"] = nil
        unit["points"] = points
      }
    }
  }

  private func change(_ path: String, _ change: (inout [String: Any]) -> Void) throws {
    var object = try json(path)
    change(&object)
    try JSONSerialization.data(withJSONObject: object).write(to: URL(fileURLWithPath: path))
  }

  // MARK: Reading tables

  /// The rows that the tables must show: cells in the paper's order, averages behind their three.
  private func tableRows(_ paper: [String: Any]) throws -> [[String]] {
    func rate(_ value: Double) -> String { String(format: "%.3f", value) }
    func signed(_ value: Double) -> String { (value < 0 ? "" : "+") + rate(value) }
    func figure(_ figure: [String: Any]) throws -> String {
      "\(rate(try number(figure, "mean"))) ± \(rate(try number(figure, "sd")))"
    }
    let marks = ["MTL beats STL": "▲", "no difference shown": "•", "MTL loses to STL": "▼"]
    func gained(_ parent: [String: Any]) throws -> String {
      let gain = try object(parent, "gain")
      return "\(marks["\(parent["verdict"]!)"]!) \(signed(try number(gain, "mean"))) "
        + "[\(signed(try number(gain, "low"))), \(signed(try number(gain, "high")))]"
    }
    func row(_ cell: [String: Any], _ network: String, _ rest: [String]) throws -> [String] {
      let published = try object(cell, "published")
      let figures = try ["stl", "mtl"].map { String(format: "%.4f", try number(published, $0)) }
      return [
        network, figures.joined(separator: ", "), try figure(try object(cell, "stl")),
        try figure(try object(cell, "mtl")), try gained(cell),
      ] + rest
    }
    var rows: [[String]] = []
    for (table, problem) in [
      (1, "detection"), (1, "classification"), (2, "detection"), (2, "classification"),
    ] {
      func belongs(_ cell: [String: Any]) -> Bool {
        cell["table"] as? Int == table && cell["problem"] as? String == problem
      }
      for cell in try list(paper, "cells") where belongs(cell) {
        let strongest = try object(cell, "strongest")
        let mean = try number(try object(strongest, "figure"), "mean")
        rows.append(
          try row(
            cell, "\(cell["branch"]!)".uppercased(),
            ["\(strongest["name"]!) \(rate(mean))", try gained(strongest)]))
      }
      for average in try list(paper, "averages") where belongs(average) {
        rows.append(try row(average, "average", ["-", "-"]))
      }
    }
    return rows
  }

  private func page(_ output: String) throws -> Page {
    Page(try Data(contentsOf: URL(fileURLWithPath: "\(output)/report.html")))
  }

  /// The rows of the tables of cells in `tables.md`: those before the first heading of a study.
  private func markdown(_ output: String) throws -> [[String]] {
    let lines = try String(contentsOfFile: "\(output)/tables.md", encoding: .utf8).split(separator: "\n")
      .prefix { !$0.hasPrefix("## ") }
    let rows = lines.filter { $0.hasPrefix("|") && !$0.hasPrefix("| network") && !$0.hasPrefix("| ---") }
    return rows.map { $0.dropFirst(2).dropLast(2).components(separatedBy: " | ") }
  }

  /// The rows of the tables on standard output, each cut into columns by its rule.
  private func terminal(_ text: String) -> [[String]] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0) }
    return lines.indices.filter { lines[$0].starts(with: "-------  ") }.flatMap { rule in
      var columns: [Range<Int>] = []
      for part in String(lines[rule]).components(separatedBy: "  ") {
        let start = columns.last.map { $0.upperBound + 2 } ?? 0
        columns.append(start..<start + part.count)
      }
      return lines[(rule + 1)...].prefix { !$0.isEmpty }.map { row in
        columns.map { column in
          String(row[min(column.lowerBound, row.count)..<min(column.upperBound, row.count)])
            .trimmingCharacters(in: .whitespaces)
        }
      }
    }
  }

  /// The fields of every line (RFC 4180).
  private func csv(_ path: String) throws -> [[String]] {
    var (lines, fields, field): ([[String]], [String], String) = ([], [], "")
    var (quoted, wasQuoted) = (false, false)
    for scalar in try String(contentsOfFile: path, encoding: .utf8).unicodeScalars {
      switch scalar {
      case "\"" where quoted: (quoted, wasQuoted) = (false, true)
      case "\"":
        if wasQuoted { field += "\"" }  // a doubled one
        quoted = true
      case "," where !quoted, "\n" where !quoted:
        fields.append(field)
        (field, wasQuoted) = ("", false)
        if scalar == "\n" {
          lines.append(fields)
          fields = []
        }
      case "\r" where !quoted: break
      default: field.unicodeScalars.append(scalar)
      }
    }
    XCTAssertFalse(quoted)
    XCTAssertTrue(lines.allSatisfy { $0.count == lines[0].count })
    return lines
  }
}
