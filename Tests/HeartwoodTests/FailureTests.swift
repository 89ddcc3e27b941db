import Foundation
import SharedTrunk
import XCTest

/// Bad usage and bad input: one line on standard error that names the matter, the contract's code, no hang.
final class FailureTests: CommandTestCase {
  func testUsage() throws {
    try expect(64, "--frobnicate", 2, ["train", "--frobnicate", "--output", "\(folder)/a"])
    try expect(64, "squares", 3, ["train", "--problem", "squares", "--output", "\(folder)/a"])
    try expect(64, "--batch 0", 1, ["train", "--simulate", "3", "--batch", "0", "--output", "\(folder)/a"])
    try expect(
      64, "8 ranks for 2 tasks", 8, ["train", "--simulate", "3", "--minutes", "1", "--output", "\(folder)/a"])
    try expect(
      64, "HEARTWOOD_DATA", 2, ["train", "--output", "\(folder)/a"], environment: ["HEARTWOOD_DATA": ""])
    try expect(
      64, "205", 1,
      ["train", "--data", folder, "--records", "106,205", "--targets", "205", "--output", "\(folder)/a"])
    XCTAssertFalse(FileManager.default.fileExists(atPath: "\(folder)/a/model/model.json"))
  }

  func testData() throws {
    _ = try Command.heartwood(
      1, ["simulate", "--patients", "3", "--minutes", "2", "--output", "\(folder)/db"])
    let run = ["train", "--data", "\(folder)/db", "--targets", "sim003", "--steps", "10", "--output"]
    // A record missing on the second rank alone.
    try expect(65, "sim009", 2, run + ["\(folder)/a", "--records", "sim001,sim009"])
    try expect(65, "no lead AVR", 2, run + ["\(folder)/b", "--records", "sim001,sim002", "--lead", "AVR"])
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
    try expect(70, "not finite", 2, run + ["\(folder)/mtl"])
    try expect(70, "not finite", 2, run + ["\(folder)/stl", "--learning", "stl"])
  }

  func testOptionsThatWouldBeIgnoredAreRefused() throws {
    let run = ["train", "--simulate", "3", "--minutes", "1", "--output", "\(folder)/a"]
    try expect(64, "--slot-dropout", 1, run + ["--learning", "stl", "--slot-dropout"])
    try expect(64, "--exchange", 1, run + ["--fusion", "hard", "--exchange", "gather"])
    try expect(64, "--split", 1, run + ["--split", "low"])
    try expect(
      64, "--protocol", 1, run + ["--scenario", "consistent", "--tasks", "patient", "--protocol", "mean"])
    try expect(64, "--batch", 1, run + ["--batch", "65536", "--simulate", "100000"])
    try expect(
      64, "--targets", 1, ["train", "--data", folder, "--targets", "106.hea", "--output", "\(folder)/a"])
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
      try expect(65, "model.json", 2, judge)
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
    let processes = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap {
      pid_t($0)
    }
    return processes.first { process in
      guard let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ"),
        let arguments = FileManager.default.contents(atPath: "/proc/\(process)/cmdline")
      else { return false }
      let variables = environment.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return variables.contains("OMPI_COMM_WORLD_RANK=\(rank)")
        && String(decoding: arguments, as: UTF8.self).contains(run)
    }
  }

  private func expect(
    _ code: Int32, _ words: String, _ ranks: Int, _ arguments: [String], environment: [String: String] = [:],
    line: UInt = #line
  ) throws {
    let outcome = try Command.heartwood(ranks, arguments, environment: environment)
    XCTAssertEqual(outcome.code, code, outcome.errors, line: line)
    XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors, line: line)
    XCTAssertTrue(outcome.errors.contains(words), outcome.errors, line: line)
  }
}
