import Foundation
import XCTest

/// Lost and stopped ranks, and runs that go on: the same model files in the end, on any number of ranks.
final class SurvivalTests: CommandTestCase {
  private let training = [
    "train", "--simulate", "6", "--minutes", "2", "--steps", "6000", "--batch", "8", "--dropout", "0.2",
    "--checkpoint-every", "100",
  ]

  /// Runs training on so many ranks, and once it has written a checkpoint does something to it.
  private func disturb(
    _ ranks: Int, _ run: String, _ options: [String] = [], environment: [String: String] = [:],
    _ disturbance: @escaping (Process, [pid_t]) -> Void
  ) throws -> Outcome {
    let before = Command.savedSteps(of: run)
    return try Command.heartwood(ranks, training + ["--output", run] + options, environment: environment) {
      launcher in
      self.waitForCheckpoint(of: run, launcher, but: before)
      let found = Command.ranks(of: run)
      guard found.count == ranks else { return XCTFail("\(found.count) of \(ranks) ranks are at work") }
      disturbance(launcher, found)
    }
  }

  private func resume(_ ranks: Int, _ run: String, _ options: [String] = []) throws -> String {
    let outcome = try Command.heartwood(ranks, training + ["--output", run, "--resume"] + options)
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    XCTAssertTrue(outcome.output.contains("MTL goes on from step "), outcome.output)
    return outcome.output
  }

  private func expectSaved(_ outcome: Outcome, _ run: String, line: UInt = #line) {
    XCTAssertEqual(outcome.code, 75, outcome.errors, line: line)
    XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors, line: line)
    XCTAssertTrue(
      outcome.errors.contains("is saved; the same command with --resume goes on"), outcome.errors, line: line)
    XCTAssertEqual(Command.ranks(of: run), [], line: line)
  }

  func testLostAndStoppedRunsGoOnToTheSameModel() throws {
    let whole = "\(folder)/whole"
    XCTAssertEqual(try Command.heartwood(2, training + ["--output", whole]).code, 0)

    let killed = "\(folder)/killed"
    let lost = try disturb(3, killed) { _, ranks in
      XCTAssertEqual(ranks.count, 3)
      kill(ranks[1], SIGKILL)
    }
    XCTAssertEqual(lost.code, 137, lost.errors)
    // Then each signal, to a rank or to the launcher, before the run is let end on yet another number of ranks.
    for (signal, ranks) in [(SIGTERM, 2), (SIGUSR1, 1), (SIGINT, 4)] {
      expectSaved(
        try disturb(ranks, killed, ["--resume"]) { _, ranks in kill(ranks[ranks.count - 1], signal) }, killed)
    }
    for signal in [SIGTERM, SIGUSR1] {
      expectSaved(
        try disturb(2, killed, ["--resume"]) { launcher, _ in kill(launcher.processIdentifier, signal) },
        killed)
    }
    _ = try resume(5, killed)
    XCTAssertEqual(try model(killed), try model(whole))
    // The steps are told of once, in order, whatever was done twice.
    func steps(_ run: String) throws -> [Int] {
      try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8).split(separator: "\n").compactMap {
        (try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["step"] as? Int
      }
    }
    XCTAssertEqual(try steps(killed), Array(1...6_000))
    let again = try Command.heartwood(2, training + ["--output", killed, "--resume"])
    XCTAssertEqual(again.code, 0)
    XCTAssertTrue(again.output.contains("has ended well"), again.output)
  }

  /// A rank that is stopped leaves the others waiting: one of them says so and ends the job.
  func testARankThatStandsStillEndsTheJob() throws {
    let run = "\(folder)/stalled"
    let outcome = try disturb(3, run, environment: ["HEARTWOOD_WATCHDOG": "2"]) { _, ranks in
      kill(ranks[1], SIGSTOP)
    }
    XCTAssertEqual(outcome.code, 71, outcome.errors)
    XCTAssertTrue(outcome.errors.contains("made no progress for 2 s: training MTL, step "), outcome.errors)
    XCTAssertTrue(
      outcome.errors.contains("waiting in an allreduce in shared memory for other ranks"), outcome.errors)
    XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors)
    XCTAssertEqual(Command.ranks(of: run), [])
  }

  func testWeightsThatDriftApartAreFoundAndTheRankNamed() throws {
    // A look every 50 steps finds it, told with the next step's sum; before a state is saved there is a look too.
    for (step, options) in [(152, []), (152, ["--learning", "stl"]), (130, ["--checkpoint-every", "10"])] {
      let outcome = try Command.heartwood(
        3, training + options + ["--output", "\(folder)/drift\(options.last ?? "")"],
        environment: ["HEARTWOOD_TEST_DRIFT": "1:120"])
      XCTAssertEqual(outcome.code, 70, outcome.errors)
      XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors)
      XCTAssertTrue(outcome.errors.contains("drifted apart by step \(step): rank 1 differs"), outcome.errors)
    }
  }

  /// Ranks that were started apart, one with another seed.
  func testRanksThatDifferAreNamed() throws {
    let run = [Command.binary] + training + ["--output", "\(folder)/mixed"]
    let mpirun = try Command.run(
      "Tests/Soak/mixed-ranks", run, environment: ["HEARTWOOD_WATCHDOG": "20"])
    XCTAssertEqual(mpirun.code, 64, mpirun.errors)
    XCTAssertTrue(
      mpirun.errors.contains("rank 2 differs from rank 0 in its options: train"), mpirun.errors)
    XCTAssertTrue(mpirun.errors.contains("--seed 2; on rank 0: train"), mpirun.errors)
  }

  func testNumbersThatBlowUpNameTaskRankAndStepAndKeepTheCheckpoint() throws {
    let outcome = try Command.heartwood(
      2,
      [
        "train", "--simulate", "4", "--minutes", "1", "--steps", "1000", "--learning-rate", "1e30",
        "--checkpoint-every", "1", "--output", "\(folder)/blown",
      ])
    XCTAssertEqual(outcome.code, 70, outcome.errors)
    XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors)
    XCTAssertNotNil(
      outcome.errors.range(
        of: #"task \w+: a .* that is not finite.* at step \d+ on rank \d"#, options: .regularExpression),
      outcome.errors)
  }

  /// Asked to stop before its first step, a run saves what that left: infinite weights, which no later step gets to find.
  func testAStateThatIsNotFiniteIsNotPublished() throws {
    let run = "\(folder)/infinite"
    let outcome = try Command.heartwood(
      1,
      [
        "train", "--simulate", "6", "--minutes", "20", "--learning-rate", "1e39", "--checkpoint-every", "99",
        "--output", run,
      ]
    ) { launcher in
      // There are more records to make, and signals are heeded already.
      while launcher.isRunning, !FileManager.default.fileExists(atPath: "\(run)/simulated/sim001.hea") {
        usleep(2_000)
      }
      kill(launcher.processIdentifier, SIGTERM)
    }
    XCTAssertEqual(outcome.code, 70, outcome.errors)
    XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors)
    XCTAssertTrue(
      outcome.errors.contains("the numbers of task-sim001.safetensors are not finite"), outcome.errors)
    XCTAssertEqual(Command.savedSteps(of: run), [])
  }

  /// The short form of the soak: five runs, each killed once at a random moment.
  func testSoak() throws {
    let outcome = try Command.run("Tests/Soak/soak", ["--kills", "5", "--short"], environment: [:])
    XCTAssertEqual(outcome.code, 0, outcome.errors + outcome.output)
    XCTAssertTrue(outcome.output.contains("5 of 5 runs alike"), outcome.output)
  }
}
