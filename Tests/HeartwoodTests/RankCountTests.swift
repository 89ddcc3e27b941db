import Foundation
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

  func testPooledSingleTaskLearningHasTheSameBitsOnEveryNumberOfRanks() throws {
    try sameBits(["--learning", "stl"])
    try sameBits(["--learning", "stl", "--baseline", "balanced"], ranks: [1, 3])
  }

  func testHardSharingHasTheSameBitsOnEveryNumberOfRanks() throws {
    try sameBits(["--fusion", "hard"], ranks: [1, 2, 5])
  }

  func testTheSameCommandTwiceHasTheSameBits() throws {
    let runs = try ["a", "b"].map { try train(2, $0, cohort + training + ["--slot-dropout"]) }
    XCTAssertEqual(try model(runs[0]), try model(runs[1]))
    let other = try train(2, "c", cohort + training + ["--slot-dropout", "--seed", "2"])
    XCTAssertNotEqual(try model(runs[0])["trunk.safetensors"], try model(other)["trunk.safetensors"])
  }

  func testGatherAgreesWithReduce() throws {
    let options = cohort + ["--steps", "100", "--slot-dropout", "--dropout", "0.2"]
    let reference = try train(1, "reduce", options)
    for ranks in [1, 2, 3, 5] {
      let run = try train(ranks, "gather\(ranks)", options + ["--exchange", "gather"])
      try compare(run, reference, ranks)
    }
    try compare(try train(3, "float", options + ["--sum", "float"]), reference, 3)
  }

  private func sameBits(_ options: [String], ranks: [Int] = [1, 2, 3, 5]) throws {
    let name = options.joined()
    let runs = try ranks.map { try train($0, "\(name)\($0)", cohort + training + options) }
    let reference = try model(runs[0])
    XCTAssertGreaterThan(reference.count, 2)
    for (count, run) in zip(ranks, runs) {
      XCTAssertEqual(try model(run), reference, "\(count) ranks, \(options)")
    }
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
