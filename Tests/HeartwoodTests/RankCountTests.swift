import Foundation
import Layers
import SharedTrunk
import XCTest

/// The same run on another number of ranks, or by the other exchange.
final class RankCountTests: CommandTestCase {
  private let cohort = ["--simulate", "6", "--minutes", "4"]
  /// Several looks at the validation data, so that early stopping has a choice to make; dropout on.
  private let training = ["--steps", "120", "--batch", "8", "--rr", "--dropout", "0.2"]

  func testReduceHasTheSameBitsOnEveryNumberOfRanks() throws {
    try sameBits(["--slot-dropout"])
  }

  func testByMPIAloneHasTheSameBits() throws {
    let shared = try train(3, "shared", cohort + training)
    let run = try train(3, "mpi", cohort + training, environment: ["HEARTWOOD_SHARED_MEMORY": "0"])
    XCTAssertEqual(try model(run), try model(shared))
    XCTAssertEqual(
      try json("\(run)/summary.json")["wire"] as? NSObject,
      try json("\(shared)/summary.json")["wire"] as? NSObject)
  }

  /// A rank at another CPU level than the others: AVX2 and AVX-512 round alike, and with a plain one all are plain.
  func testRanksOfOtherCPUs() throws {
    let program = "\(folder)/rank-by-rank"
    try Data(
      """
      #!/bin/sh
      if [ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 1 ]; then export HEARTWOOD_CPU_LEVEL=$LEVEL_OF_ONE; fi
      exec '\(Command.binary)' "$@"
      """.utf8
    ).write(to: URL(fileURLWithPath: program))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    for level in [CPULevel.avx2, .plain] where level < .supported {
      let mixed = "\(folder)/mixed-\(level)"
      let outcome = try Command.heartwood(
        3, ["train", "--output", mixed] + cohort + training,
        environment: ["HEARTWOOD_BINARY": program, "LEVEL_OF_ONE": "\(level)"])
      XCTAssertEqual(outcome.code, 0, outcome.errors)
      XCTAssertEqual(outcome.output.contains("all ranks compute at level plain"), level == .plain)
      let alike = try train(
        2, "alike-\(level)", cohort + training,
        environment: level == .plain ? ["HEARTWOOD_CPU_LEVEL": "plain"] : [:])
      XCTAssertEqual(try model(mixed), try model(alike), "\(level)")
    }
  }

  func testPooledSingleTaskLearningHasTheSameBitsOnEveryNumberOfRanks() throws {
    try sameBits(["--learning", "stl"])
    try sameBits(["--learning", "stl", "--baseline", "balanced"], ranks: [1, 3])
  }

  func testHardSharingHasTheSameBitsOnEveryNumberOfRanks() throws {
    try sameBits(["--fusion", "hard"], ranks: [1, 2, 5])
  }

  func testAnchoredFormHasTheSameBitsOnEveryNumberOfRanks() throws {
    for branch in branches { try sameBits(["--fusion", "anchored", "--branch", branch], ranks: [1, 2, 5]) }
    try sameBits(["--learning", "stl", "--own-statistics"], ranks: [1, 3])
    try sameBits(["--own-statistics"], ranks: [1, 3])
  }

  func testInconsistentDetectionHasTheSameBits() throws {
    for branch in ["rnn", "lstm"] { try sameBits(["--branch", branch]) }
  }

  /// A rhythm against the rest; some patients lack it and borrow.
  func testInconsistentClassificationHasTheSameBits() throws {
    let data = try sixPatients(minutes: 6, target: "sim006")
    for branch in branches {
      let run = try sameBits(
        ["--problem", "classification", "--borrow", "--branch", branch], data: data)
      let borrowed = try tasks(run).map { $0["borrowedExamples"] as? Int ?? 0 }
      XCTAssertGreaterThan(borrowed.min() ?? 0, 0, "a few minutes hold too little tachycardia")
    }
  }

  /// One task a patient, each judged by its own slot; some patients borrow.
  func testConsistentDetectionByPatientsHasTheSameBits() throws {
    let data = try sixPatients(minutes: 3)
    for branch in branches {
      let run = try sameBits(
        ["--scenario", "consistent", "--tasks", "patient", "--borrow", "--branch", branch], data: data,
        ranks: [1, 2, 3, 5, 6])
      XCTAssertTrue(try tasks(run).contains { ($0["borrowedExamples"] as? Int ?? 0) > 0 })
      let options = try XCTUnwrap(json("\(run)/model/model.json")["options"] as? [String: Any])
      XCTAssertEqual(options["slotDropout"] as? Bool, true)
    }
  }

  /// The paper's two tasks over the beats of all patients.
  func testConsistentDetectionHasTheSameBits() throws {
    let data = try sixPatients(minutes: 4)
    for branch in branches {
      let run = try sameBits(
        ["--scenario", "consistent", "--branch", branch], data: data, ranks: [1, 2])
      XCTAssertEqual(
        try tasks(run).map { $0["name"] as? String }, ["mostly-normal", "mostly-abnormal"])
    }
  }

  /// One task a rhythm.
  func testConsistentClassificationHasTheSameBits() throws {
    let data = try sixPatients(minutes: 13)
    for branch in branches {
      let run = try sameBits(
        ["--problem", "classification", "--scenario", "consistent", "--branch", branch], data: data,
        ranks: [1, 2])
      XCTAssertEqual(try tasks(run).map { $0["name"] as? String }, ["VT", "AFIB"])
    }
  }

  func testFormsOfSingleTaskLearningHaveTheSameBits() throws {
    let data = try sixPatients(minutes: 3)
    let known = ["--scenario", "consistent", "--tasks", "patient", "--learning", "stl", "--baseline"]
    try sameBits(known + ["borrowed", "--borrow"], data: data, ranks: [1, 2, 3, 5, 6])
    try sameBits(known + ["alone", "--branch", "rnn"], data: data, ranks: [1, 2, 3, 5, 6])
    try sameBits(known + ["finetuned", "--branch", "lstm"], data: data, ranks: [1, 2, 3, 5, 6])
    try sameBits(
      ["--learning", "stl", "--baseline", "finetuned"], data: try sixPatients(minutes: 3, target: "sim006"))
    try sameBits(["--learning", "stl", "--baseline", "wide", "--branch", "rnn"])
    try sameBits(
      ["--scenario", "consistent", "--learning", "stl", "--baseline", "wide"], data: data, ranks: [1, 2])
  }

  func testHardSharingOfLSTMsHasTheSameBits() throws {
    try sameBits(["--fusion", "hard", "--branch", "lstm"])
    try sameBits(
      ["--fusion", "hard", "--branch", "lstm", "--problem", "classification", "--scenario", "consistent"],
      data: try sixPatients(minutes: 13), ranks: [1, 2])
  }

  func testTheSameCommandTwiceHasTheSameBits() throws {
    let runs = try ["a", "b"].map { try train(2, $0, cohort + training + ["--slot-dropout"]) }
    XCTAssertEqual(try model(runs[0]), try model(runs[1]))
    let other = try train(2, "c", cohort + training + ["--slot-dropout", "--seed", "2"])
    XCTAssertNotEqual(try model(runs[0])["trunk.safetensors"], try model(other)["trunk.safetensors"])
  }

  func testGatherAgreesWithReduce() throws {
    for (branch, counts) in [("cnn", [1, 2, 3, 5]), ("rnn", [2, 5]), ("lstm", [2, 5])] {
      let options =
        cohort + ["--steps", "100", "--slot-dropout", "--dropout", "0.2", "--branch", branch]
      let reference = try train(1, "\(branch)-reduce", options)
      for ranks in counts {
        let run = try train(ranks, "\(branch)-gather\(ranks)", options + ["--exchange", "gather"])
        try compare(run, reference, ranks)
      }
      try compare(try train(3, "\(branch)-float", options + ["--sum", "float"]), reference, 3)
    }
  }

  private let branches = ["cnn", "rnn", "lstm"]

  /// Options that name six simulated patients, all known or one a target.
  private func sixPatients(minutes: Int, target: String? = nil) throws -> [String] {
    let database = try simulate(6, minutes: minutes)
    return [
      "--data", database.folder, "--records", database.names.filter { $0 != target }.joined(separator: ","),
    ] + (target.map { ["--targets", $0] } ?? [])
  }

  /// The same model and the same figures, every other run by AVX2 where the others are by AVX-512; returns the first run's folder.
  @discardableResult
  private func sameBits(_ options: [String], data: [String]? = nil, ranks: [Int] = [1, 2, 3, 5]) throws
    -> String
  {
    let name = options.joined() + (data == nil ? "" : "-data")
    let runs = try ranks.enumerated().map { number, count in
      try train(
        count, "\(name)\(count)", (data ?? cohort) + training + options,
        environment: number % 2 == 1 ? ["HEARTWOOD_CPU_LEVEL": "avx2"] : [:])
    }
    let reference = try model(runs[0])
    XCTAssertGreaterThan(reference.count, 1)
    let figures = try json("\(runs[0])/summary.json")
    for (count, run) in zip(ranks, runs) {
      XCTAssertEqual(try model(run), reference, "\(count) ranks, \(options)")
      let others = try json("\(run)/summary.json")
      XCTAssertEqual(others["ranks"] as? Int, count)
      for key in ["test", "perTask", "validation", "loss", "data"] {
        XCTAssertEqual(
          others[key] as? NSObject, figures[key] as? NSObject, "\(key), \(count) ranks, \(options)")
      }
    }
    return runs[0]
  }

  private func tasks(_ run: String) throws -> [[String: Any]] {
    try XCTUnwrap(json("\(run)/summary.json")["tasks"] as? [[String: Any]])
  }

  /// Losses of all steps to 1e-4; weights to 1e-3 of each tensor's largest.
  private func compare(_ run: String, _ reference: String, _ ranks: Int) throws {
    let pairs = zip(try losses(run), try losses(reference))
    let worstLoss = pairs.map { abs($0 - $1) / abs($1) }.max()!
    var worstWeight: Float = 0
    for (name, data) in try model(reference) where name.hasSuffix(".safetensors") {
      let expected = try Safetensors(decoding: data, file: name)
      let got = try Safetensors(decoding: try XCTUnwrap(try model(run)[name]), file: name)
      for (tensor, numbers) in expected.tensors {
        let others = try XCTUnwrap(got.tensors[tensor]).values
        let scale = numbers.values.map(abs).max()!
        worstWeight = max(worstWeight, zip(others, numbers.values).map { abs($0 - $1) }.max()! / scale)
      }
    }
    print(
      "\(URL(fileURLWithPath: run).lastPathComponent) on \(ranks) ranks: losses \(worstLoss), weights \(worstWeight)"
    )
    XCTAssertLessThan(worstLoss, 1e-4)
    XCTAssertLessThan(worstWeight, 1e-3)
  }

  private func losses(_ run: String) throws -> [Double] {
    let lines = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    let steps = try lines.compactMap {
      (try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["loss"] as? Double
    }
    XCTAssertEqual(steps.count, 100)
    return steps
  }
}
