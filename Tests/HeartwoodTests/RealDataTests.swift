import Foundation
import XCTest

/// The figures that the README claims, on real recordings.
final class RealDataTests: CommandTestCase {
  private let six = ["106", "114", "119", "201", "203", "205"]

  /// Each of the six in turn unseen, balanced accuracy, mean of seeds 1 to 3: at least 0.88, and above single-task learning of the same
  /// runs; 205 alone at least 0.91.
  func testEachOfTheSixInTurn() throws {
    let runs = try six.map { try unseen($0) }
    report("each of the six in turn", runs)
    let means = networks.indices.map { network in mean(runs.flatMap { $0.prefix(3).map { $0[network] } }) }
    XCTAssertGreaterThanOrEqual(means[0], 0.88)
    XCTAssertGreaterThan(means[0], means[1])
    XCTAssertGreaterThan(means[0], means[2])
    let target = runs[six.firstIndex(of: "205")!]
    report("205", [target])
    XCTAssertGreaterThanOrEqual(mean(target.prefix(3).map { $0[0] }), 0.91)
  }

  /// `paper`, seeds 1 and 2: what known patients, VT on unseen 205 and Table I's detection must come to.
  func testPaper() throws {
    let data = try realData()
    let output = "\(folder)/paper"
    let outcome = try Command.heartwood(
      2,
      [
        "paper", "--data", data, "--seeds", "2", "--only",
        "patients-detection-chronological,table2-classification,table1-detection-random",
        // No other patient with VT than these two in turn.
        "--rhythm-records", "203,205", "--output", output,
      ])
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    let paper = try json("\(output)/paper.json")
    XCTAssertEqual((paper["run"] as? [String: Any])?["source"] as? String, "mitdb")
    let (known, seen) = (
      ["cnn": 0.97, "rnn": 0.965, "lstm": 0.955], ["cnn": 0.975, "rnn": 0.94, "lstm": 0.975]
    )
    for branch in ["cnn", "rnn", "lstm"] {
      let study = try XCTUnwrap(
        (paper["studies"] as? [[String: Any]])?.first {
          $0["id"] as? String == "patients-detection-chronological-\(branch)"
        })
      XCTAssertEqual(study["reference"] as? String, "STL borrowed")
      let entrants = try XCTUnwrap(study["entrants"] as? [[String: Any]])
      XCTAssertEqual(entrants[0]["name"] as? String, "MTL")
      let own = try figure(entrants[0], "balancedAccuracy")
      let gain = try figure(entrants[0], "gain")
      print(String(format: "known patients, %@: %.4f, gain over STL borrowed %.4f", branch, own, gain))
      XCTAssertGreaterThanOrEqual(own, known[branch]!)
      XCTAssertGreaterThan(gain, 0)

      let tachycardia = try cell(paper, 2, "classification", branch)
      let (unseen, over) = (try figure(tachycardia, "mtl"), try figure(tachycardia, "gain"))
      print(String(format: "VT on unseen 205, %@: %.4f, gain over STL borrowed %.4f", branch, unseen, over))
      XCTAssertGreaterThanOrEqual(unseen, seen[branch]!)
      XCTAssertGreaterThanOrEqual(over, 0.04)
      XCTAssertTrue(try XCTUnwrap(tachycardia["note"] as? String).hasPrefix("STL is STL borrowed"))

      let detection = try cell(paper, 1, "detection", branch)
      let ours = try figure(detection, "mtl")
      let published = try XCTUnwrap((detection["published"] as? [String: Any])?["mtl"] as? Double)
      print(String(format: "Table I, detection, %@: %.4f, published %.4f", branch, ours, published))
      XCTAssertGreaterThan(ours, published)
      XCTAssertEqual(detection["abovePublished"] as? Bool, true)
    }
    print(String(format: "paper on real recordings: %.0f s", outcome.seconds))
  }

  private func cell(_ paper: [String: Any], _ table: Int, _ problem: String, _ branch: String) throws
    -> [String: Any]
  {
    try XCTUnwrap(
      (paper["cells"] as? [[String: Any]])?.first {
        $0["table"] as? Int == table && $0["problem"] as? String == problem
          && $0["branch"] as? String == branch
      })
  }

  private func figure(_ parent: [String: Any], _ key: String) throws -> Double {
    try XCTUnwrap((parent[key] as? [String: Any])?["mean"] as? Double, key)
  }

  /// `inspect --json` prints the contract's keys.
  func testInspect() throws {
    let data = try realData()
    let outcome = try Command.heartwood(1, ["inspect", "\(data)/106", "--json"])
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    let summary = try XCTUnwrap(
      JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    XCTAssertEqual(
      Set(summary.keys), ["record", "frequency", "samples", "signals", "annotations", "comments"])
    XCTAssertEqual(
      (summary["annotations"] as? [String: Any])?["symbols"] as? [String: Int],
      ["N": 1507, "V": 520, "+": 41, "~": 30])
  }

  private let networks = ["MTL", "STL pooled", "STL patient-balanced"]

  /// Balanced accuracy of the networks on one of the six, the others being sources: a row a seed, from 1.
  private func unseen(_ target: String) throws -> [[Double]] {
    let data = try realData()
    let sources = six.filter { $0 != target }.joined(separator: ",")
    let seeds = ProcessInfo.processInfo.environment["HEARTWOOD_SEEDS"].flatMap { Int($0) } ?? 3
    return try (1...max(seeds, 3)).map { seed in
      let run = try train(
        5, "\(target)-\(seed)",
        [
          "--problem", "detection", "--scenario", "inconsistent", "--branch", "cnn", "--protocol", "mean",
          "--records",
          sources, "--targets", target, "--baseline", "pooled,balanced", "--seed", "\(seed)", "--data", data,
        ])
      let summary = try json("\(run)/summary.json")
      return try ([summary] + XCTUnwrap(summary["baselines"] as? [[String: Any]])).map {
        try XCTUnwrap(($0["test"] as? [String: Any])?["balancedAccuracy"] as? Double)
      }
    }
  }

  /// Mean over targets and seeds, and the standard deviation over seeds of the mean over targets.
  private func report(_ title: String, _ runs: [[[Double]]]) {
    let seeds = runs[0].count
    for (network, name) in networks.enumerated() {
      let bySeed = (0..<seeds).map { seed in mean(runs.map { $0[seed][network] }) }
      let spread = (bySeed.map { pow($0 - mean(bySeed), 2) }.reduce(0, +) / Double(seeds - 1)).squareRoot()
      print(
        String(
          format: "unseen %@, seeds 1 to %d, balanced accuracy, %@: %.3f, sd %.3f", title, seeds, name,
          mean(bySeed),
          spread))
    }
  }

  private func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(numbers.count) }
}
