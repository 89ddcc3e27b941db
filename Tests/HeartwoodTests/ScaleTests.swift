import Foundation
import XCTest

/// `heartwood scale`, a short run: its files, and that what must not change with ranks and patients does not.
final class ScaleTests: CommandTestCase {
  private let short = [
    "--seconds", "0.01", "--steps", "5", "--repetitions", "2", "--branch", "rnn", "--batch", "8",
  ]

  private func run(
    _ ranks: Int, _ name: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> (results: [String: Any], outcome: Outcome) {
    let output = "\(folder)/\(name)"
    let outcome = try Command.heartwood(
      ranks, ["scale", "--output", output] + short + arguments,
      environment: ["HEARTWOOD_DATA": ""].merging(environment) { $1 })
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    XCTAssertEqual(outcome.errors, "")
    return (try json("\(output)/scale.json"), outcome)
  }

  private func list(_ results: [String: Any], _ name: String) throws -> [[String: Any]] {
    try XCTUnwrap(results[name] as? [[String: Any]], name)
  }

  func testTwoRanks() throws {
    let copy = "\(folder)/copy.json"
    let (results, outcome) = try run(
      2, "two", ["--patients", "1,2,4,5,16", "--json", copy, "--network", "slow=100,0.1"])
    XCTAssertEqual(try json(copy) as NSObject, results as NSObject)
    XCTAssertTrue(outcome.output.contains("random numbers"), outcome.output)
    XCTAssertFalse(outcome.output.contains("exchanged by MPI"), outcome.output)

    let steps = try list(results, "steps")
    let pairs = steps.map { [$0["ranks"] as? Int, $0["patients"] as? Int] }
    XCTAssertEqual(Set(pairs), Set([1, 2, 4, 5, 16].map { [1, $0] } + [2, 4, 5, 16].map { [2, $0] }))
    for step in steps {
      // Two sums of 8 x 128 and 8 x 64 numbers of eight bytes, a status and the loss with each, two words between the ranks.
      XCTAssertEqual(step["bytesPerRank"] as? Int, 8 * (8 * 128 + 2 + 8 * 64 + 2 + 2), "\(step)")
      XCTAssertEqual((step["byRepetition"] as? [Double])?.count, 2)
      XCTAssertEqual(step["seconds"] as? Double, (step["byRepetition"] as? [Double])?.min())
      let (seconds, leftOut) = (
        try XCTUnwrap(step["seconds"] as? Double), try XCTUnwrap(step["leftOut"] as? Double)
      )
      XCTAssertEqual(try XCTUnwrap(step["error"] as? Double), leftOut / seconds - 1, accuracy: 1e-9)
      XCTAssertGreaterThan(try XCTUnwrap(step["computing"] as? Double), 0)
    }
    let sums = try list(results, "sums")
    XCTAssertEqual(Set(sums.map { $0["ranks"] as? Int }), [2])
    XCTAssertTrue(sums.contains { $0["bytes"] as? Int == 8 * (8 * 128 + 2) })

    // Errors are those of the points.
    let check = try XCTUnwrap(try list(results, "checks").first)
    let errors = try steps.map { abs(try XCTUnwrap($0["error"] as? Double)) }
    XCTAssertEqual(check["points"] as? Int, steps.count)
    XCTAssertEqual(try XCTUnwrap(check["worstError"] as? Double), errors.max()!, accuracy: 1e-9)

    let weak = try list(results, "weak")
    XCTAssertEqual(Set(weak.map { $0["patients"] as? Int }), [1, 2], "of as many patients a rank")
    let strong = try list(results, "strong")
    XCTAssertEqual(Set(strong.map { $0["patients"] as? Int }), [2, 4, 5, 16])

    let forecasts = try list(results, "forecasts")
    XCTAssertEqual(
      Set(forecasts.map { $0["network"] as? String }), ["slow"], "one host has no network to measure")
    XCTAssertEqual(forecasts.compactMap { $0["patients"] as? Int }.max(), 100_000)
    for forecast in forecasts {
      XCTAssertTrue((0...1).contains(try XCTUnwrap(forecast["efficiency"] as? Double)))
    }
    try checkFiles("two", steps: steps.count, sums: sums.count, forecasts: forecasts.count)
  }

  /// The model is of sums in shared memory: without it that is said.
  func testByMPIAlone() throws {
    let (results, outcome) = try run(
      2, "mpi", ["--patients", "2,4"], environment: ["HEARTWOOD_SHARED_MEMORY": "0"])
    XCTAssertEqual(results["sharesMemory"] as? Bool, false)
    XCTAssertTrue(outcome.output.contains("did not share memory but exchanged by MPI"), outcome.output)
  }

  private func checkFiles(_ name: String, steps: Int, sums: Int, forecasts: Int, accuracies: Int = 0) throws {
    let csv = try String(contentsOfFile: "\(folder)/\(name)/scale.csv", encoding: .utf8)
    let lines = csv.components(separatedBy: "\r\n").dropLast()
    XCTAssertEqual(lines.count, 1 + steps + sums + forecasts + accuracies)
    for line in lines {
      // Names in quotes may hold commas.
      let plain = line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 0 }.map { $0.element }.joined()
      XCTAssertEqual(plain.split(separator: ",", omittingEmptySubsequences: false).count, 15, line)
    }
    let file = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)/report.html"))
    let page = Page(file)
    XCTAssertTrue(page.tables.contains { $0.count == 1 + steps })
    XCTAssertTrue(page.texts.contains { $0.contains("random data, not of any patient") })
    let text = String(decoding: file, as: UTF8.self)
    XCTAssertFalse(
      text.contains("src=") || text.contains("href=") || text.contains("url("), "loads something")
  }

  func testOneRankHasNoSumsAndSaysWhatDataItLacks() throws {
    let (results, outcome) = try run(1, "one", ["--patients", "1,2,6,12", "--accuracy"])
    XCTAssertTrue(outcome.output.contains("Accuracy is left out: no data"), outcome.output)
    let accuracy = try XCTUnwrap(results["accuracy"] as? [String: Any])
    XCTAssertTrue(try XCTUnwrap(accuracy["omitted"] as? String).contains("HEARTWOOD_DATA"))
    XCTAssertEqual(try list(results, "sums").count, 0)
    XCTAssertEqual(try list(results, "steps").count, 4)
    XCTAssertEqual(
      Set(try list(results, "forecasts").map { $0["network"] as? String }).count, 3, "none is measured")
  }

  /// On patients simulated for the test. The figures do not hang on how the work is dealt out.
  func testAccuracyAgainstTheNumberOfSources() throws {
    let (database, _) = try simulate(4, minutes: 5)
    let arguments = [
      "--patients", "2", "--accuracy", "--data", database, "--sources", "2,9", "--seeds", "1",
    ]
    let (results, outcome) = try run(1, "alone", arguments)
    let (together, _) = try run(2, "together", arguments)
    let accuracy = try XCTUnwrap(results["accuracy"] as? [String: Any])
    XCTAssertEqual(accuracy as NSObject, together["accuracy"] as? NSObject)
    XCTAssertTrue(outcome.output.contains("patients never seen"), outcome.output)
    let points = try XCTUnwrap(accuracy["points"] as? [[String: Any]])
    let targets = try XCTUnwrap(accuracy["targets"] as? [String])
    XCTAssertEqual(
      points.map { $0["sources"] as? Int }, [2, 2, 2, 2, 2], "there are no nine sources")
    for point in points {
      let byTarget = try XCTUnwrap(point["byTarget"] as? [Double])
      XCTAssertEqual(byTarget.count, targets.count)
      XCTAssertTrue(byTarget.allSatisfy { (0...1).contains($0) })
      let figure = try XCTUnwrap(point["balancedAccuracy"] as? [String: Any])
      XCTAssertEqual(
        try XCTUnwrap(figure["mean"] as? Double), byTarget.reduce(0, +) / Double(byTarget.count),
        accuracy: 1e-9)
      let isMultiTask = (point["form"] as? String)?.hasPrefix("STL") == false
      XCTAssertEqual(point["gain"] != nil, isMultiTask)
    }
    try checkFiles(
      "alone", steps: try list(results, "steps").count, sums: 0,
      forecasts: try list(results, "forecasts").count, accuracies: points.count)
  }

  func testUsage() throws {
    let run = ["scale", "--output", "\(folder)/a"]
    try expect(64, "--ranks 3: the job has 2", 2, run + ["--ranks", "1,3"])
    try expect(64, "--patients", 1, run + ["--ranks", "2", "--patients", "1"])
    try expect(64, "patients", 1, run + ["--patients", "1,0"])
    try expect(64, "ranks", 1, run + ["--ranks", "1,1"])
    try expect(64, "--batch 0", 1, run + ["--batch", "0"])
    try expect(64, "network", 1, run + ["--network", "fast=1"])
    try expect(64, "--network", 1, run + ["--network", "measured=1,1"])
    try expect(64, "--accuracy", 1, run + ["--sources", "2"])
    try expect(64, "--output", 1, ["scale"])
    let cores = ProcessInfo.processInfo.activeProcessorCount
    if cores <= 8 {  // so many ranks are a burden elsewhere
      try expect(64, "more ranks than cores everywhere", cores + 1, run + ["--ranks", "\(cores + 1)"])
    }
    XCTAssertFalse(FileManager.default.fileExists(atPath: "\(folder)/a"))
    try expect(73, "/proc/nowhere", 1, ["scale", "--output", "/proc/nowhere"])
    try FileManager.default.createDirectory(atPath: "\(folder)/units", withIntermediateDirectories: true)
    try expect(73, "holds a run already", 1, ["scale", "--output", folder])
    try expect(
      65, "nowhere", 1,
      ["scale", "--patients", "2", "--accuracy", "--data", "\(folder)/nowhere", "--output", "\(folder)/b"]
        + short)
  }
}
