import Foundation
import XCTest

/// `heartwood bench`: figures that fit together, and the comparison with PyTorch.
final class BenchTests: CommandTestCase {
  func testFiguresFitTogether() throws {
    let figures = try bench(2, ["--branch", "rnn", "--tasks", "3"])
    let step = try XCTUnwrap(figures["stepMilliseconds"] as? [String: Double])
    let order = ["min", "p10", "median", "p90", "max"].compactMap { step[$0] }
    XCTAssertEqual(order.count, 5)
    XCTAssertEqual(order, order.sorted())
    XCTAssertEqual(try number(figures, "examplesPerSecond") * step["median"]! / 1e3, 3 * 4, accuracy: 1e-6)
    XCTAssertEqual((figures["peakMemoryMB"] as? [Double])?.count, 2)
    // Two sums of B x 128 and B x 64 numbers, a status and a loss in each, two words between the ranks, eight bytes a number.
    XCTAssertEqual(try number(figures, "bytesPerStepPerRank"), 8 * (4 * 128 + 2 + 4 * 64 + 2 + 2))

    let ranks = try XCTUnwrap(figures["perRank"] as? [[String: Any]])
    XCTAssertEqual(ranks.count, 2)
    for rank in ranks {
      let phases = try XCTUnwrap(rank["phases"] as? [String: Double])
      XCTAssertEqual(phases.count, 7)
      XCTAssertTrue(phases.values.allSatisfy { $0 > 0 }, "\(phases)")
      XCTAssertEqual(try number(rank, "compute"), phases.values.reduce(0, +), accuracy: 1e-9)
      XCTAssertEqual(try number(rank, "exchange"), try number(ranks[0], "exchange"))
      XCTAssertGreaterThanOrEqual(try number(rank, "wait"), 0)
    }
    XCTAssertEqual(
      try number(figures, "exchangeToBareAllreduce") * number(figures, "bareAllreduceMilliseconds"),
      try number(ranks[0], "exchange"), accuracy: 1e-9)
    XCTAssertEqual(try number(figures, "ranksSharingMemory"), 2)

    let peak = try XCTUnwrap(figures["machine"] as? [[String: Double]]).reduce(0) {
      $0 + max($1["peakBefore"]!, $1["peakAfter"]!) * $1["cores"]!
    }
    XCTAssertEqual(
      try number(figures, "percentOfPeak") * peak / 100, try number(figures, "gflops"), accuracy: 1e-9)
    XCTAssertGreaterThan(try number(figures, "secondsFromLaunchToFirstStep"), 0)
  }

  func testOtherExchanges() throws {
    let float = try bench(2, ["--sum", "float"])
    XCTAssertEqual(try number(float, "bytesPerStepPerRank"), 4 * (4 * 128 + 2 + 4 * 64 + 2 + 4))
    XCTAssertNotNil(float["bareAllreduceMilliseconds"])
    XCTAssertEqual(try number(float, "ranksSharingMemory"), 1)
    let gather = try bench(2, ["--exchange", "gather"])
    XCTAssertEqual(try number(gather, "collectivesPerStep"), 3)
    XCTAssertGreaterThan(try number((gather["perRank"] as! [[String: Any]])[0], "exchange"), 0)
    XCTAssertNil(gather["bareAllreduceMilliseconds"])
    let alone = try bench(1, [])
    XCTAssertNil(alone["bareAllreduceMilliseconds"])
    XCTAssertNil(alone["secondsFromLaunchToFirstStep"])
  }

  func testCheckpointsAreTimed() throws {
    let saved = "\(folder)/saved"
    let figures = try bench(2, ["--checkpoints", saved, "--rounds", "2"])
    let checkpoint = try XCTUnwrap(figures["checkpoint"] as? [String: Any])
    XCTAssertGreaterThan(try number(checkpoint, "megabytes"), 0)
    let stalls = try ["stall", "stallByItself"].map { try XCTUnwrap(checkpoint[$0] as? [String: Any]) }
    let longest = try stalls.map { stall in
      XCTAssertEqual(try number(stall, "count"), 2)
      return try number(try XCTUnwrap(stall["milliseconds"] as? [String: Any]), "max")
    }
    XCTAssertLessThanOrEqual(longest[1], longest[0])
    XCTAssertEqual(
      try number(checkpoint, "percentAtTenSeconds") * 100, try number(checkpoint, "costMilliseconds"),
      accuracy: 1e-9)
    XCTAssertFalse(FileManager.default.fileExists(atPath: saved), "of no use to anybody")
    try expect(73, "cannot create --checkpoints \(folder)", 2, ["bench", "--checkpoints", folder])
  }

  func testWrongUse() throws {
    try expect(64, "--steps 0", 1, ["bench", "--steps", "0"])
    try expect(64, "--peer goes with --compare", 1, ["bench", "--peer", "gloo-sharded"])
    try expect(64, "3 ranks for --tasks 2", 3, ["bench", "--compare"])
    for options in [[], ["--compare"]] {
      try expect(
        73, "cannot create", 1, ["bench", "--json", "\(folder)/no/such/folder.json"] + options)
    }
    for python in ["\(folder)/none", try standIn("echo numpy")] {
      let outcome = try expect(
        64, "pip install torch numpy mpi4py", 1, ["bench", "--compare", "--python", python])
      XCTAssertTrue(outcome.errors.contains(python), outcome.errors)
    }
  }

  // MARK: Comparison

  /// With a program in Python's place: both sides in alternation, medians and ratios.
  func testComparison() throws {
    let python = try standIn(
      """
      if [ "$1" = -c ]; then echo torch numpy; exit; fi
      form=
      while [ $# -gt 0 ]; do case $1 in --json) file=$2 ;; --comm | --trunk) form=$form-$2 ;; esac; shift; done
      echo "$form" >>\(folder)/runs
      rate=$(wc -l <\(folder)/runs)000
      echo "{\\"implementation\\": \\"PyTorch 0\\", \\"form\\": \\"x\\", \\"steps\\": 7, \\"examplesPerSecond\\": $rate,
        \\"cpuExamplesPerSecond\\": 10, \\"secondsToFirstStep\\": 30, \\"peakMemoryMB\\": [500, 700], \\"largestLossDifference\\": 1e-6,
        \\"stepMilliseconds\\": {\\"min\\": 1, \\"p10\\": 2, \\"median\\": 3, \\"p90\\": 4, \\"max\\": 5}}" >$file
      """)
    let figures = try bench(2, ["--compare", "--rounds", "3", "--python", python])
    // Two trials, the second the faster; then three rounds of that form.
    XCTAssertEqual(
      try String(contentsOfFile: "\(folder)/runs", encoding: .utf8),
      "-gloo-sharded\n" + String(repeating: "-gloo-replicated\n", count: 4))
    let comparison = try XCTUnwrap(figures["comparison"] as? [String: Any])
    XCTAssertEqual(comparison["form"] as? String, "gloo-replicated")
    XCTAssertEqual((comparison["rounds"] as? [Any])?.count, 3)
    let sides = try ["heartwood", "pytorch", "ratios"].map {
      try XCTUnwrap(comparison[$0] as? [String: Double])
    }
    XCTAssertEqual(sides[1]["examplesPerSecond"], 4000)
    XCTAssertEqual(sides[1]["peakMemoryMB"], 700)
    XCTAssertEqual(sides[0]["examplesPerSecond"], try number(figures, "examplesPerSecond"))
    XCTAssertEqual(sides[2]["examplesPerSecond"]!, sides[0]["examplesPerSecond"]! / 4000, accuracy: 1e-9)
    XCTAssertEqual(sides[2]["secondsToFirstStep"]!, 30 / sides[0]["secondsToFirstStep"]!, accuracy: 1e-9)
  }

  func testPeersThatFail() throws {
    let answer = "if [ \"$1\" = -c ]; then echo torch numpy; exit; fi\n"
    let broken = try standIn(answer + "echo Traceback; echo 'ImportError: no such thing' >&2; exit 1")
    try expect(70, "code 1: ImportError: no such thing", 1, ["bench", "--compare", "--python", broken])
    let other = try standIn(
      answer
        + """
        while [ $# -gt 0 ]; do case $1 in --json) file=$2 ;; esac; shift; done
        echo '{"implementation": "PyTorch 0", "form": "x", "steps": 7, "examplesPerSecond": 1, "cpuExamplesPerSecond": 1,
          "secondsToFirstStep": 1, "peakMemoryMB": [1], "largestLossDifference": 0.01,
          "stepMilliseconds": {"min": 1, "p10": 2, "median": 3, "p90": 4, "max": 5}}' >$file
        """)
    try expect(70, "not the same network", 1, ["bench", "--compare", "--python", other])
  }

  func testNothingIsLeftOfAComparisonThatIsStopped() throws {
    let python = try standIn(
      "if [ \"$1\" = -c ]; then echo torch numpy; exit; fi\necho $$ >\(folder)/pid; exec sleep 60")
    let outcome = try Command.heartwood(2, ["bench", "--compare", "--python", python]) { process in
      for _ in 0..<400 where !FileManager.default.fileExists(atPath: "\(self.folder)/pid") { usleep(50_000) }
      kill(process.processIdentifier, SIGTERM)
    }
    XCTAssertEqual(outcome.code, 143, outcome.errors)
    let text = try String(contentsOfFile: "\(folder)/pid", encoding: .utf8)
    let peer = try XCTUnwrap(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    for _ in 0..<100 where kill(peer, 0) == 0 { usleep(50_000) }
    XCTAssertNotEqual(kill(peer, 0), 0, "the peer still runs")
  }

  /// The same losses from the same weights on the same examples, in each type of branch and each trunk.
  func testPyTorchTakesTheSameSteps() throws {
    let python = try pythonWithTorch()
    let figures = try bench(
      1, ["--branch", "lstm", "--compare", "--rounds", "1", "--peer", "gloo-sharded", "--python", python])
    let comparison = try XCTUnwrap(figures["comparison"] as? [String: Any])
    XCTAssertTrue((comparison["implementation"] as? String)?.hasPrefix("PyTorch") == true)
    for (_, figure) in try XCTUnwrap(comparison["pytorch"] as? [String: Double]) {
      XCTAssertGreaterThan(figure, 0)
    }

    let others = try [
      ("cnn", ["--tasks", "2"], ["--ranks", "2", "--trunk", "replicated"]), ("rnn", ["--tasks", "3"], []),
    ].map { branch, tasks, options in
      let (reference, file) = ("\(folder)/\(branch).safetensors", "\(folder)/\(branch).json")
      let network = ["--branch", branch, "--batch", "4"] + tasks
      let outcome = try Command.heartwood(1, ["bench", "--reference", reference] + network)
      XCTAssertEqual(outcome.code, 0, outcome.errors)
      let peer = Process()
      peer.executableURL = URL(fileURLWithPath: python)
      peer.arguments =
        ["\(Command.root)/Cluster/peer/pytorch_peer.py", "--reference", reference, "--json", file]
        + ["--steps", "5", "--warmup", "0"] + network + options
      try peer.run()
      return (peer, file)
    }
    for (peer, file) in others {
      peer.waitUntilExit()
      XCTAssertEqual(peer.terminationStatus, 0)
      XCTAssertLessThan(try number(try json(file), "largestLossDifference"), 5e-5, file)
    }
  }

  // MARK: Helpers

  /// Runs the benchmark on few examples and steps; returns what it wrote.
  private func bench(_ ranks: Int, _ options: [String]) throws -> [String: Any] {
    let file = "\(folder)/bench.json"
    let outcome = try Command.heartwood(
      ranks, ["bench", "--batch", "4", "--steps", "20", "--json", file] + options)
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    XCTAssertEqual(outcome.errors, "")
    return try json(file)
  }

  private func number(_ object: [String: Any], _ key: String) throws -> Double {
    try XCTUnwrap(object[key] as? Double, key)
  }

  /// A program of these shell lines; returns its path.
  private func standIn(_ lines: String) throws -> String {
    let path = "\(folder)/python-\(UUID().uuidString)"
    try Data("#!/bin/sh\n\(lines)\n".utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    return path
  }

  private func pythonWithTorch() throws -> String {
    guard let python = try Command.python(with: ["torch", "numpy"]) else {
      throw XCTSkip("no Python with torch and numpy: name one by HEARTWOOD_PYTHON")
    }
    return python
  }
}
