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
    let (result, left) = try interrupted { ranks, _ in kill(try XCTUnwrap(Self.mpirun(of: ranks[0])), SIGKILL)
    }
    XCTAssertEqual(result.code, 137)
    XCTAssertEqual(result.standardError, "heartwood: mpirun was killed by signal 9; the job was stopped\n")
    XCTAssertEqual(left, [])
  }

  /// MPICH's mpiexec does not wait for the ranks that it has killed: those with much memory take their time to end.
  func testNoRankOutlivesTheLauncher() throws {
    let (result, left) = try interrupted(["spin", "1000"], ranks: 2, patience: 0) { ranks, _ in
      kill(ranks[1], SIGKILL)
    }
    XCTAssertEqual(result.code, 137)
    XCTAssertEqual(left, [])
  }

  /// As a batch system does it that sends TERM to every process. Open MPI's mpirun kills the ranks then, MPICH's hands it on to them.
  func testNothingIsRestartedWhenMpirunIsStopped() throws {
    let mpich = Command.isMPICH
    let (result, left) = try interrupted(["--restarts", "1", "train", mpich ? "1" : "0"]) { ranks, _ in
      kill(try XCTUnwrap(Self.mpirun(of: ranks[0])), SIGTERM)
    }
    XCTAssertEqual(result.code, mpich ? 75 : 143)
    XCTAssertEqual(result.standardError, "heartwood: \(mpich ? "all ranks stop" : "stopped by SIGTERM")\n")
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

  func testASignalStopsTrainingInGoodOrder() throws {
    for (ranks, signal) in [(3, SIGTERM), (1, SIGUSR1)] {
      let (result, left) = try interrupted(["train", "1"], ranks: ranks) { _, launcher in
        kill(launcher, signal)
      }
      XCTAssertEqual(result.code, 75)
      XCTAssertEqual(result.standardError, "heartwood: all ranks stop\n")
      XCTAssertEqual(left, [])
    }
  }

  /// As `pkill -f Launch/heartwood` does it, whose name the launcher's own reader of the ranks' lines has too.
  func testASignalToAllOfTheLauncherTakesNoLine() throws {
    let (result, left) = try interrupted(["train", "1"]) { _, launcher in
      let readers = Self.processes.filter {
        Self.status(of: $0)?[1] == "\(launcher)" && Self.name(of: $0) == "bash"
      }
      XCTAssertEqual(readers.count, 1)
      for process in readers + [launcher] { kill(process, SIGTERM) }
    }
    XCTAssertEqual(result.code, 75)
    XCTAssertEqual(result.standardError, "heartwood: all ranks stop\n")
    XCTAssertEqual(left, [])
  }

  func testASecondSignalEndsWhatTheFirstDidNot() throws {
    let (result, left) = try interrupted(["train", "0"]) { _, launcher in
      kill(launcher, SIGINT)
      usleep(300_000)
      kill(launcher, SIGTERM)
    }
    XCTAssertEqual(result.code, 130)
    XCTAssertEqual(result.standardError, "heartwood: stopped by SIGINT\n")
    XCTAssertEqual(left, [])
  }

  /// mpirun has nobody yet to hand the signal on to.
  func testAnEarlySignalEndsTheJob() throws {
    let result = try Command.run(
      Command.root.appendingPathComponent("Launch/heartwood"), ["-n", "2", "train", "1"],
      environment: ["HEARTWOOD_BINARY": Command.product("MPISelfTest").path]
    ) { launcher, _ in
      usleep(150_000)
      launcher.terminate()
    }
    XCTAssertTrue([75, 143].contains(result.code), "\(result)")
    XCTAssertLessThanOrEqual(result.errorLines.count, 1, result.standardError)
  }

  func testLostRanksAreRestartedAndNothingElse() throws {
    let lost = "rank 0 was lost (killed by signal 9) on host \(try hostname())"
    func restart(_ number: Int, _ of: Int, _ wait: Int) -> String {
      "restart \(number) of \(of) in \(wait) s"
    }
    // What ends the first starts, and how many of them; the command; then the code, what is said, and how often it was started.
    let cases: [(String, starts: Int, [String], code: Int32, said: [String], started: Int)] = [
      (
        "kill -9 $$", 9, ["--restarts", "2", "train"], 137,
        ["\(lost); \(restart(1, 2, 1))", "\(lost); \(restart(2, 2, 2))", "\(lost); the job was stopped"], 3
      ),
      // A rank that says itself why it ends.
      (
        "echo heartwood: I stood still >&2; exit 71", 1, ["--restarts", "3", "train"], 0,
        ["I stood still", restart(1, 3, 1)], 2
      ),
      (
        "exit 70", 9, ["--restarts", "2", "train"], 70, ["rank 0 exited with code 70; the job was stopped"], 1
      ),
      (
        "exit 75", 9, ["--restarts", "2", "train"], 75, ["rank 0 exited with code 75; the job was stopped"], 1
      ),
      // `paper` goes on without being told.
      (
        "exit 3", 1, ["-n", "2", "--restarts", "1", "paper"], 0,
        ["rank 0 exited with code 3; \(restart(1, 1, 1))"], 2
      ),
    ]
    for (end, starts, command, code, said, started) in cases {
      let (result, arguments) = try restarted(end, starts, command + ["--seed", "1"])
      XCTAssertEqual(result.code, code, end)
      // Of a rank that ended before MPI_Init, Open MPI's mpirun does not always say which it was.
      let heard = result.errorLines.map {
        $0.replacingOccurrences(of: ": a rank exited", with: ": rank 0 exited")
      }
      XCTAssertEqual(heard, said.map { "heartwood: \($0)" })
      let first = "\(command.last!) --seed 1"
      let again = command.last == "train" ? first + " --resume" : first
      XCTAssertEqual(arguments, [first] + Array(repeating: again, count: started - 1), end)
    }
  }

  func testASignalEndsTheWaitForARestart() throws {
    let (result, arguments) = try restarted("kill -9 $$", 9, ["--restarts", "9", "train"]) {
      launcher, output in
      _ = output.fileHandleForReading.readData(ofLength: 1)
      usleep(300_000)
      launcher.terminate()
    }
    XCTAssertEqual(result.code, 75)
    XCTAssertEqual(
      result.errorLines.last,
      "heartwood: stopped by SIGTERM before restart 1 of 9; with --resume the command goes on")
    XCTAssertEqual(arguments.count, 1)
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
      (["--restarts", "often", "train"], "--restarts often: "),
      (["--restarts", "1", "spin"], "--restarts is for train and paper"),
    ]
    for (arguments, message) in cases {
      let result = try Command.launcher(arguments)
      XCTAssertEqual(result.code, 64, "\(arguments)")
      XCTAssertEqual(result.errorLines.count, 1, result.standardError)
      XCTAssertTrue(result.standardError.hasPrefix("heartwood: \(message)"), result.standardError)
    }
  }

  // MARK: Helpers

  /// Runs the launcher over a program whose first starts end as given, in shell; all later ones end well. Returns what came of it, and
  /// the arguments of each start of rank 0, which writes a letter to standard output.
  private func restarted(
    _ end: String, _ starts: Int, _ arguments: [String],
    whileRunning: (Process, Pipe) throws -> Void = { _, _ in }
  ) throws -> (Command.Result, [String]) {
    let folder = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (program, log) = (folder.appendingPathComponent("program"), folder.appendingPathComponent("log"))
    try """
    #!/bin/sh
    if [ "${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}" != 0 ]; then sleep 1; exit; fi
    echo "$@" >>'\(log.path)'
    printf s
    if [ $(wc -l <'\(log.path)') -le \(starts) ]; then \(end); fi
    """.write(to: program, atomically: false, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
    let result = try Command.run(
      Command.root.appendingPathComponent("Launch/heartwood"), arguments,
      environment: [
        "HEARTWOOD_BINARY": program.path, "HEARTWOOD_MPI": Command.isMPICH ? "mpich" : "openmpi",
      ],
      whileRunning: whileRunning)
    return (result, try String(contentsOf: log, encoding: .utf8).split(separator: "\n").map(String.init))
  }

  private func hostname() throws -> String {
    try String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Starts ranks that never end, calls `end` with their process numbers and the launcher's, and returns what came of
  /// it with the ranks that still run `patience` seconds after the launcher is gone; it waits no longer than that takes.
  private func interrupted(
    _ subcommand: [String] = ["spin", "0"], ranks count: Int = 3, patience: Int = 5,
    _ end: ([Int32], Int32) throws -> Void
  ) throws -> (Command.Result, left: [Int32]) {
    var ranks: [Int32] = []
    let launcher = Command.root.appendingPathComponent("Launch/heartwood")
    let environment = try ["HEARTWOOD_BINARY": Command.product("MPISelfTest").path]
    let result = try Command.run(launcher, ["-n", "\(count)"] + subcommand, environment: environment) {
      process, output in
      var said = ""
      while said.filter({ $0 == "\n" }).count < count {
        let more = output.fileHandleForReading.availableData
        guard !more.isEmpty else { break }
        said += String(decoding: more, as: UTF8.self)
      }
      // "rank 0 of 3 is process 1234"
      let numbers = said.split(separator: "\n").map { $0.split(separator: " ") }
      ranks = numbers.sorted { $0[1] < $1[1] }.map { Int32($0[6]) ?? -1 }
      XCTAssertEqual(ranks.count, count, said)
      XCTAssertTrue(ranks.allSatisfy { $0 > 1 }, said)
      try end(ranks, process.processIdentifier)
    }
    var left = ranks.filter(Self.isRunning)
    for _ in 0..<20 * patience where !left.isEmpty {
      usleep(50_000)
      left = left.filter(Self.isRunning)
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
    guard let status = status(of: process), status[0] != "X" else { return false }
    // The last of its threads frees the memory, while the first is a zombie already.
    return status[0] != "Z" || status[17] != "1"
  }

  private static var processes: [Int32] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
  }

  private static func name(of process: Int32) -> String? {
    try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8).trimmingCharacters(in: .newlines)
  }

  /// The mpirun or mpiexec above a rank.
  private static func mpirun(of rank: Int32) -> Int32? {
    var process = rank
    while let parent = status(of: process).flatMap({ Int32($0[1]) }), parent > 1 {
      process = parent
      if let name = name(of: process), name.hasPrefix("mpi"), !name.hasPrefix("mpich-rank") { return process }
    }
    return nil
  }
}
