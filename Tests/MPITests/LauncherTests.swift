import Foundation
import XCTest

/// `Launch/heartwood`: the ranks' exit codes and lines as they are, mpirun's banners not at all, one line for a lost rank, and
/// nothing left running.
final class LauncherTests: XCTestCase {
  func testOutputOfRanksPassesUnchanged() throws {
    let rule = String(repeating: "-", count: 74)
    let expected = """
        two leading spaces, a back\\slash, a $dollar, a * and a trailing space\u{20}

      a line that says mpirun and MPI_ABORT
      \(rule)
      a table of the program's own
      \(rule)
      a last line without its end

      """
    for ranks in ["1", "3"] {
      let result = try Command.launcher(["-n", ranks, "lines"])
      XCTAssertEqual(result.code, 0)
      XCTAssertEqual(result.standardError, expected)
    }
  }

  func testCodesThatAllRanksAgreeOn() throws {
    for code: Int32 in [64, 65, 70, 73, 74, 75] {
      for ranks in ["1", "3"] {
        let result = try Command.launcher(["-n", ranks, "exit", "\(code)"])
        XCTAssertEqual(result.code, code)
        XCTAssertEqual(result.standardError, "heartwood: all ranks agree on \(code)\n")
      }
    }
  }

  func testARankThatAbortsAfterALineOfItsOwn() throws {
    for code: Int32 in [70, 42] {
      let result = try Command.launcher(["-n", "3", "abort", "\(code)"])
      XCTAssertEqual(result.code, code)
      XCTAssertEqual(result.standardError, "heartwood: rank 2 says why\n")
    }
  }

  func testARankThatEndsWithoutAWord() throws {
    let failed = try Command.launcher(["-n", "3", "quit", "3"])
    XCTAssertEqual(failed.code, 3)
    XCTAssertEqual(failed.standardError, "heartwood: rank 2 exited with code 3; the job was stopped\n")
    let vanished = try Command.launcher(["-n", "3", "quit", "0"])
    XCTAssertNotEqual(vanished.code, 0)
    XCTAssertEqual(vanished.standardError, "heartwood: rank 2 ended before its time; the job was stopped\n")
  }

  func testALostRankIsNamedInOneLine() throws {
    // SIGKILL; SIGSEGV, for which Open MPI prints a stack trace; SIGILL, which is a Swift trap.
    for signal: Int32 in [9, 11, 4] {
      for (ranks, lost) in [("1", 0), ("3", 2)] {
        let result = try Command.launcher(["-n", ranks, "die", "\(signal)"])
        XCTAssertEqual(result.code, 128 + signal)
        XCTAssertEqual(result.errorLines.count, 1, result.standardError)
        XCTAssertTrue(
          result.standardError.hasPrefix(
            "heartwood: rank \(lost) was lost (killed by signal \(signal)) on host "),
          result.standardError)
      }
    }
  }

  func testNothingIsLeftWhenARankIsKilled() throws {
    let (result, left) = try interrupted { ranks, _ in kill(ranks[1], SIGKILL) }
    XCTAssertEqual(result.code, 137)
    XCTAssertEqual(result.errorLines.count, 1, result.standardError)
    XCTAssertTrue(result.standardError.hasPrefix("heartwood: rank 1 was lost"), result.standardError)
    XCTAssertEqual(left, [])
  }

  func testNothingIsLeftWhenMpirunIsKilled() throws {
    let (result, left) = try interrupted { ranks, _ in kill(try XCTUnwrap(Self.parent(of: ranks[0])), SIGKILL)
    }
    XCTAssertEqual(result.code, 137)
    XCTAssertEqual(result.standardError, "heartwood: mpirun was killed by signal 9; the job was stopped\n")
    XCTAssertEqual(left, [])
  }

  func testNothingIsLeftWhenTheLauncherIsKilled() throws {
    let (result, left) = try interrupted { _, launcher in kill(launcher, SIGKILL) }
    XCTAssertEqual(result.code, 137)
    XCTAssertEqual(left, [])
  }

  func testSignalsArePassedOn() throws {
    for (signal, code, name) in [(SIGTERM, Int32(143), "SIGTERM"), (SIGINT, 130, "SIGINT")] {
      let (result, left) = try interrupted { _, launcher in kill(launcher, signal) }
      XCTAssertEqual(result.code, code)
      XCTAssertEqual(result.standardError, "heartwood: stopped by \(name)\n")
      XCTAssertEqual(left, [])
    }
  }

  func testEnvironmentOfRanks() throws {
    let threads = try Command.launcher(
      ["-n", "2", "env", "OMP_NUM_THREADS"], environment: ["OMP_NUM_THREADS": "8"])
    XCTAssertEqual(threads.standardOutput, "1 1\n")
    let own = try Command.launcher(
      ["-n", "2", "env", "HEARTWOOD_ANY"], environment: ["HEARTWOOD_ANY": "a b"])
    XCTAssertEqual(own.standardOutput, "a b a b\n")
    let terminal = try Command.launcher(["-n", "2", "env", "HEARTWOOD_TERMINAL"])
    XCTAssertEqual(terminal.standardOutput, "unset unset\n")
  }

  func testBadUsage() throws {
    let cases: [([String], String)] = [
      ([], "no subcommand"), (["-n", "3"], "no subcommand"), (["-n"], "option -n needs a value"),
      (["-n", "0", "spin"], "-n 0: "), (["-n", "two", "spin"], "-n two: "),
      (["--ranks", "2", "spin"], "unknown option '--ranks'"),
      (["--hostfile", "/no/such/file", "spin"], "--hostfile /no/such/file: no such file"),
    ]
    for (arguments, message) in cases {
      let result = try Command.launcher(arguments)
      XCTAssertEqual(result.code, 64, "\(arguments)")
      XCTAssertEqual(result.errorLines.count, 1, result.standardError)
      XCTAssertTrue(result.standardError.hasPrefix("heartwood: \(message)"), result.standardError)
    }
  }

  // MARK: Helpers

  /// Starts three ranks that never end, calls `end` with their process numbers and the launcher's, and returns what came of
  /// it with the ranks that still run 5 seconds after the launcher is gone; it waits no longer than that takes.
  private func interrupted(_ end: ([Int32], Int32) throws -> Void) throws -> (Command.Result, left: [Int32]) {
    var ranks: [Int32] = []
    let launcher = Command.root.appendingPathComponent("Launch/heartwood")
    let environment = try ["HEARTWOOD_BINARY": Command.product("MPISelfTest").path]
    let result = try Command.run(launcher, ["-n", "3", "spin"], environment: environment) { process, output in
      var said = ""
      while said.filter({ $0 == "\n" }).count < 3 {
        let more = output.fileHandleForReading.availableData
        guard !more.isEmpty else { break }
        said += String(decoding: more, as: UTF8.self)
      }
      // "rank 0 of 3 is process 1234"
      let numbers = said.split(separator: "\n").map { $0.split(separator: " ") }
      ranks = numbers.sorted { $0[1] < $1[1] }.map { Int32($0[6]) ?? -1 }
      XCTAssertEqual(ranks.count, 3, said)
      XCTAssertTrue(ranks.allSatisfy { $0 > 1 }, said)
      try end(ranks, process.processIdentifier)
    }
    var left = ranks
    for _ in 0..<100 where !left.isEmpty {
      left = left.filter { Self.isRunning($0) }
      if !left.isEmpty { usleep(50_000) }
    }
    for rank in left { kill(rank, SIGKILL) }
    return (result, left)
  }

  private static func status(of process: Int32) -> [Substring]? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return nil }
    // "1234 (name) S 1 ...": the name may hold spaces.
    return text.split(separator: ")").last.map { $0.split(separator: " ") }
  }

  private static func isRunning(_ process: Int32) -> Bool {
    guard let state = status(of: process)?.first else { return false }
    return state != "Z" && state != "X"
  }

  private static func parent(of process: Int32) -> Int32? {
    status(of: process).flatMap { Int32($0[1]) }
  }
}
