import Foundation
import SharedTrunk
import XCTest

/// Bad usage and bad input: one line on standard error that names the matter, the contract's code, no hang.
final class FailureTests: CommandTestCase {
  /// An error that nobody listens to any more keeps its exit code.
  func testClosedStandardError() throws {
    let script = #"(sleep 0.3; exec "$0" inspect /nowhere/1 2>&1) | true"#
    let outcome = try Command.run("/bin/bash", ["-o", "pipefail", "-c", script, Command.binary])
    XCTAssertEqual(outcome.code, 65, outcome.errors)
  }

  func testUsage() throws {
    try expectSoon(64, "--frobnicate", [2], ["train", "--frobnicate", "--output", "\(folder)/a"])
    try expectSoon(64, "squares", [3], ["train", "--problem", "squares", "--output", "\(folder)/a"])
    try expectSoon(
      64, "--batch 0", [1], ["train", "--simulate", "3", "--batch", "0", "--output", "\(folder)/a"])
    try expectSoon(
      64, "8 ranks for 2 tasks", [8],
      ["train", "--simulate", "3", "--minutes", "1", "--output", "\(folder)/a"])
    try expectSoon(
      64, "HEARTWOOD_DATA", [2], ["train", "--output", "\(folder)/a"], environment: ["HEARTWOOD_DATA": ""])
    try expect(
      64, "205", 1,
      ["train", "--data", folder, "--records", "106,205", "--targets", "205", "--output", "\(folder)/a"])
    settle()
    XCTAssertFalse(FileManager.default.fileExists(atPath: "\(folder)/a/model/model.json"))
  }

  func testUsageOfTheExperiments() throws {
    let run = ["train", "--simulate", "4", "--minutes", "1", "--output", "\(folder)/a"]
    let (pooled, rhythms) = (["--scenario", "consistent"], ["--problem", "classification"])
    let patients = pooled + ["--tasks", "patient"]
    try expectSoon(64, "--tasks patient", [2], run + pooled + rhythms + ["--tasks", "patient"])
    try expectSoon(64, "--rhythm", [2], run + ["--rhythm", "VT"])
    try expectSoon(64, "--rhythm", [1], run + pooled + rhythms + ["--rhythm", "VT"])
    try expectSoon(64, "--rhythm", [1], run + rhythms + ["--rhythm", "SVT"])
    try expectSoon(64, "--split low", [2], run + pooled + rhythms + ["--split", "low"])
    for experiment in [pooled, pooled + rhythms] {
      try expectSoon(64, "--borrow", [1], run + experiment + ["--borrow"])
      try expectSoon(64, "--protocol own", [1], run + experiment + ["--protocol", "own"])
      for baseline in ["alone", "finetuned", "borrowed", "balanced"] {
        try expectSoon(
          64, "--baseline \(baseline)", [1], run + experiment + ["--baseline", "pooled,\(baseline)"])
      }
    }
    for experiment in [[], rhythms, patients] {
      try expectSoon(64, "--pairing same", [1], run + experiment + ["--pairing", "same"])
      try expectSoon(64, "--baseline borrowed", [1], run + experiment + ["--baseline", "borrowed"])
    }
    try expectSoon(
      64, "--baseline balanced", [1], run + pooled + ["--learning", "stl", "--baseline", "balanced"])
    for baselines in ["average", "pooled,wide"] {
      try expectSoon(64, "--learning stl", [2], run + ["--learning", "stl", "--baseline", baselines])
    }
    settle()
    XCTAssertFalse(FileManager.default.fileExists(atPath: "\(folder)/a"))
  }

  func testMoreRanksThanRhythms() throws {
    let (database, names) = try simulate(6, minutes: 13)
    let run = [
      "train", "--problem", "classification", "--scenario", "consistent", "--data", database, "--records",
      names.joined(separator: ","), "--output", "\(folder)/a",
    ]
    // Known before any record is read, and only once the rhythms are counted.
    try expectSoon(64, "5 ranks for 4 tasks", [5], run)
    try expectSoon(64, "3 ranks for 2 tasks (VT, AFIB)", [3], run)
  }

  func testDataOfTheExperiments() throws {
    let (database, _) = try simulate(5, minutes: 4)
    let run = ["train", "--data", database, "--problem", "classification", "--output"]
    let known = ["--scenario", "consistent"]
    // Every second patient has tachycardia, every third fibrillation.
    try expectSoon(
      65, "only none of the four rhythms", [2], run + ["\(folder)/a", "--records", "sim001,sim005"] + known)
    try expectSoon(
      65, "only AFIB of the four rhythms", [1], run + ["\(folder)/b", "--records", "sim001,sim003"] + known)
    try expectSoon(65, "none of MIT-BIH's records", [2], run + ["\(folder)/c"] + known)
    try expect(
      65, "no source record has a beat that is VT", 2,
      run + ["\(folder)/d", "--records", "sim001,sim003", "--targets", "sim002", "--borrow"])
    try expect(
      65, "no source record has a beat that is AFL", 2,
      run + ["\(folder)/e", "--records", "sim001,sim002", "--targets", "sim003", "--rhythm", "AFL"])
  }

  func testPaper() throws {
    let (database, names) = try simulate(4, minutes: 1)
    let output = "\(folder)/paper"
    let run = [
      "paper", "--data", database, "--records", names.joined(separator: ","), "--target", "sim004",
      "--branches",
      "cnn", "--output", output,
    ]
    try expectSoon(64, "--only table3", [2], run + ["--only", "table3"])
    try expectSoon(64, "--seeds 0", [2], run + ["--seeds", "0"])
    try expectSoon(64, "--target sim009", [2], run + ["--target", "sim009"])
    try expectSoon(64, "--branches", [2], run + ["--branches", "cnn,gru"])
    try expectSoon(64, "two sources", [2], run + ["--records", "sim003,sim004"])
    try expectSoon(
      64, "HEARTWOOD_DATA", [2], ["paper", "--output", output], environment: ["HEARTWOOD_DATA": ""])
    settle()
    XCTAssertFalse(FileManager.default.fileExists(atPath: output))
    // What the data lack is found by all ranks before any work, and said once.
    let poor = ["--records", "sim001,sim003,sim004", "--only"]
    let refused: [(Int32, String, [String])] = [
      (65, "sim009", ["--records", "sim001,sim009,sim004"]),
      (65, "sim009", ["--rhythm-records", "sim001,sim009"]),
      (65, "table1-classification-chronological: only AFIB", poor + ["table1-classification"]),
      (65, "table2-classification: no record can be judged", poor + ["table2-classification"]),
      (64, "--only table1-detection-rnn", ["--only", "table1-detection-rnn"]),
    ]
    for (number, (code, words, options)) in refused.enumerated() {
      try expectSoon(code, words, [2], run + options + ["--output", "\(output)-\(number)"])
    }
    try expectSoon(
      65, "none of MIT-BIH's records", [2], ["paper", "--data", database, "--output", "\(output)-none"])
    settle()
    for number in refused.indices {
      let units = try FileManager.default.contentsOfDirectory(atPath: "\(output)-\(number)/units")
      XCTAssertEqual(units.filter { $0.hasSuffix(".json") }, [])
    }

    try Data("in the way".utf8).write(to: URL(fileURLWithPath: "\(folder)/file"))
    try expect(73, "file/paper", 2, run + ["--output", "\(folder)/file/paper"])
    let used = "\(output)-0"
    // Each command's folder is its own, and one run's at a time.
    try expect(
      73, "holds work of `heartwood paper`", 2,
      ["train", "--simulate", "3", "--minutes", "1", "--output", used])
    let lock = open("\(used)/.lock", O_RDWR)
    XCTAssertEqual(flock(lock, LOCK_EX | LOCK_NB), 0)
    try expect(73, "another run of paper", 2, run + ["--only", "table1-detection-low", "--output", used])
    close(lock)
    try train(1, "trained", ["--simulate", "3", "--minutes", "1", "--steps", "10"])
    try expect(73, "holds a run of train", 2, run + ["--output", "\(folder)/trained"])
  }

  /// What only one rank finds ends the job, though the other has work for long.
  func testAFailureOfOneRankEndsThePaper() throws {
    let (database, names) = try simulate(4, minutes: 1)
    let units = "\(folder)/paper/units"
    let blocked = "table1-detection-random-cnn_seed2.json"
    try FileManager.default.createDirectory(atPath: "\(units)/\(blocked)", withIntermediateDirectories: true)
    let outcome = try Command.heartwood(
      2,
      [
        "paper", "--data", database, "--records", names.joined(separator: ","), "--target", "sim004",
        "--branches", "cnn", "--only", "table1-detection-random", "--seeds", "200", "--output",
        "\(folder)/paper",
      ]
    ) { launcher in
      let deadline = Date().addingTimeInterval(60)
      while Date() < deadline, launcher.isRunning { usleep(50_000) }
      launcher.terminate()
    }
    XCTAssertEqual(outcome.code, 74, outcome.errors)
    XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors)
    XCTAssertTrue(outcome.errors.contains("table1-detection-random-cnn_seed2"), outcome.errors)
    let done = try FileManager.default.contentsOfDirectory(atPath: units).filter { $0.hasSuffix(".json") }
    XCTAssertLessThan(done.count, 20)
    XCTAssertFalse(FileManager.default.fileExists(atPath: "\(folder)/paper/paper.json"))
  }

  func testData() throws {
    _ = try Command.heartwood(
      1, ["simulate", "--patients", "3", "--minutes", "2", "--output", "\(folder)/db"])
    let run = ["train", "--data", "\(folder)/db", "--targets", "sim003", "--steps", "10", "--output"]
    // A record missing on the second rank alone.
    try expect(65, "sim009", 2, run + ["\(folder)/a", "--records", "sim001,sim009"])
    // A run that its data end has not begun: the same folder again, for the next mistake.
    try expect(65, "no lead AVR", 2, run + ["\(folder)/a", "--records", "sim001,sim002", "--lead", "AVR"])
    try Data("sim002 2 360 nonsense\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/db/sim002.hea"))
    try expect(65, "sim002", 2, run + ["\(folder)/c", "--records", "sim001,sim002"])
    try expect(65, "not-there", 1, ["inspect", "\(folder)/not-there"])
  }

  func testOutput() throws {
    try Data("in the way".utf8).write(to: URL(fileURLWithPath: "\(folder)/file"))
    let run = ["train", "--simulate", "3", "--minutes", "1", "--steps", "10", "--output"]
    try expect(73, "file/run", 2, run + ["\(folder)/file/run"])
    try train(1, "done", ["--simulate", "3", "--minutes", "1", "--steps", "10"])
    try expect(73, "holds a run already", 2, run + ["\(folder)/done"])
    // A run that was cut off is not written over either.
    try FileManager.default.removeItem(atPath: "\(folder)/done/summary.json")
    try expect(73, "holds a run already", 1, run + ["\(folder)/done"])
  }

  func testAnExplodingRunStopsAndNamesTheTask() throws {
    try expect(
      70, "task sim00", 2,
      ["train", "--simulate", "3", "--minutes", "1", "--learning-rate", "1e30", "--output", "\(folder)/a"])
  }

  func testWeightsThatOverflowInTheLastStepAreFound() throws {
    let run = [
      "train", "--simulate", "3", "--minutes", "1", "--steps", "1", "--learning-rate", "1e38", "--output",
    ]
    try expectSoon(70, "not finite", [2], run + ["\(folder)/mtl"])
    try expectSoon(70, "not finite", [2], run + ["\(folder)/stl", "--learning", "stl"])
  }

  func testOptionsThatWouldBeIgnoredAreRefused() throws {
    let run = ["train", "--simulate", "3", "--minutes", "1", "--output", "\(folder)/a"]
    try expectSoon(64, "--slot-dropout", [1], run + ["--learning", "stl", "--slot-dropout"])
    try expectSoon(64, "--exchange", [1], run + ["--fusion", "hard", "--exchange", "gather"])
    try expectSoon(64, "--split", [1], run + ["--split", "low"])
    try expectSoon(
      64, "--protocol", [1], run + ["--scenario", "consistent", "--tasks", "patient", "--protocol", "mean"])
    try expectSoon(64, "--batch", [1], run + ["--batch", "65536", "--simulate", "100000"])
    try expectSoon(64, "--labelling", [1], run + ["--problem", "classification", "--labelling", "aami"])
    try expectSoon(
      64, "--pairing", [1], run + ["--scenario", "consistent", "--learning", "stl", "--pairing", "same"])
    try expectSoon(64, "--borrow", [1], run + ["--learning", "stl", "--borrow"])
    try expectSoon(
      64, "--targets", [1], ["train", "--data", folder, "--targets", "106.hea", "--output", "\(folder)/a"])
  }

  func testADamagedModelIsRefused() throws {
    let run = try train(1, "run", ["--simulate", "3", "--minutes", "1", "--steps", "10", "--dropout", "0.2"])
    let file = "\(run)/model/model.json"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let judge = [
      "evaluate", "--model", "\(run)/model", "--data", "\(run)/simulated", "--records", "sim003", "--output",
      "\(folder)/judged",
    ]
    let changes = [
      ("\"pool\" : 8", "\"pool\" : 0"), ("\"batch\" : 16", "\"batch\" : 0"),
      ("\"kernel\" : 7", "\"kernel\" : 1000"),
      ("\"dropout\" : 0.2", "\"dropout\" : 2"), ("\"before\" : 0.4", "\"before\" : 1e300"),
      (ModelDescription.format, "heartwood-model-9"), ("\"sim002\"", "\"sim001\""), ("strict", "lenient"),
      ("\"classes\" : 2", "\"classes\" : 3"), ("{", "["),
    ]
    for (before, after) in changes {
      let changed = text.replacingOccurrences(of: before, with: after)
      XCTAssertNotEqual(changed, text, before)
      try Data(changed.utf8).write(to: URL(fileURLWithPath: file))
      try expect(65, "model.json", 1, judge)
    }
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    let trunk = "\(run)/model/trunk.safetensors"
    let whole = try Data(contentsOf: URL(fileURLWithPath: trunk))
    for cut in [whole.dropLast(4), whole.prefix(5), whole + Data(count: 8), Data()] {
      try Data(cut).write(to: URL(fileURLWithPath: trunk))
      try expect(65, "trunk.safetensors", 2, judge)
    }
  }

  func testAKilledRankEndsTheJob() throws {
    for victim in 0..<3 {
      let run = "\(folder)/killed\(victim)"
      let outcome = try Command.heartwood(
        3, ["train", "--simulate", "4", "--minutes", "2", "--steps", "1000000", "--output", run]
      ) { _ in
        let log = "\(run)/metrics.jsonl"
        let deadline = Date().addingTimeInterval(30)
        while Date() < deadline, (try? Data(contentsOf: URL(fileURLWithPath: log)))?.isEmpty ?? true {
          usleep(20_000)
        }
        if let process = Self.process(ofRank: victim, run: run) { kill(process, SIGKILL) }
      }
      XCTAssertNotEqual(outcome.code, 0)
      XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors)
      XCTAssertTrue(outcome.errors.contains("rank \(victim) was lost"), outcome.errors)
    }
  }

  /// The process whose environment says it is that rank of that run.
  private static func process(ofRank rank: Int, run: String) -> pid_t? {
    Command.ranks(of: run).first { process in
      let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
      let variables = environment.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return variables.contains("OMPI_COMM_WORLD_RANK=\(rank)") || variables.contains("PMI_RANK=\(rank)")
    }
  }
}
