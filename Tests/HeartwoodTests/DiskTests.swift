import Foundation
import XCTest

/// Disks that fill up or go away under a run, and a second run into its folder: a clear end, and nothing that was saved is harmed.
final class DiskTests: CommandTestCase {
  private let training = [
    "train", "--simulate", "3", "--minutes", "1", "--steps", "10000", "--batch", "4", "--checkpoint-every",
    "500",
  ]
  private var disks: [String] = []

  override func tearDown() {
    settle()
    for disk in disks { _ = try? system("umount", "--lazy", disk) }
    super.tearDown()
  }

  /// Whether a command of the system ended well.
  private func system(_ words: String...) throws -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  /// A disk in memory, gone at the end. The test is skipped where none can be had.
  private func mountDisk(_ options: String) throws -> String {
    let disk = "\(folder)/disk\(disks.count)"
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    guard geteuid() == 0, try system("mount", "-t", "tmpfs", "-o", options, "heartwood-test", disk) else {
      throw XCTSkip("needs a small disk of its own, which root alone can mount: run this test as root")
    }
    disks.append(disk)
    return disk
  }

  /// Runs training, and once it has written a checkpoint does something to it.
  private func disturb(
    _ ranks: Int, _ run: String, _ options: [String] = [], _ disturbance: (Process) throws -> Void
  ) throws -> Outcome {
    let running = try Command.start(
      "Launch/heartwood", ["-n", "\(ranks)"] + training + ["--output", run] + options, environment: [:])
    waitForCheckpoint(of: run, running.process)
    try disturbance(running.process)
    return running.end(within: 60)
  }

  /// Does something again and again until the run ends, or for a minute.
  private func again(_ launcher: Process, _ work: () -> Void) {
    let deadline = Date().addingTimeInterval(60)
    while launcher.isRunning, Date() < deadline {
      work()
      usleep(2_000)
    }
  }

  /// Of a run that nothing happens to.
  private func wholeModel() throws -> [String: Data] {
    try model(try train(1, "whole", Array(training.dropFirst())))
  }

  private func expectEnd(_ outcome: Outcome, _ words: String..., line: UInt = #line) {
    XCTAssertEqual(outcome.code, 74, outcome.errors, line: line)
    XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors, line: line)
    for words in words { XCTAssertTrue(outcome.errors.contains(words), outcome.errors, line: line) }
  }

  private func expectToGoOn(_ run: String, to whole: [String: Data], line: UInt = #line) throws {
    let outcome = try Command.heartwood(1, training + ["--output", run, "--resume"])
    XCTAssertEqual(outcome.code, 0, outcome.errors, line: line)
    XCTAssertTrue(outcome.output.contains("MTL goes on from step "), outcome.output, line: line)
    XCTAssertEqual(try model(run), whole, line: line)
  }

  func testAFullDiskEndsTheRunAndWhatWasSavedGoesOn() throws {
    let disk = try mountDisk("size=8m")
    let (run, filler) = ("\(disk)/run", "\(disk)/filler")
    let outcome = try disturb(2, run) { launcher in
      // Again and again: the run itself makes room, by removing older checkpoints.
      again(launcher) { fill(filler) }
    }
    expectEnd(outcome, "cannot write \(run)/", "No space left on device")
    let left = FileManager.default.enumerator(atPath: run)?.compactMap { $0 as? String } ?? []
    XCTAssertEqual(left.filter { $0.contains(".part-") }, [])
    try FileManager.default.removeItem(atPath: filler)
    try expectToGoOn(run, to: try wholeModel())
  }

  /// Adds to a file all that its disk has left.
  private func fill(_ path: String) {
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    defer { close(file) }
    for size in [1 << 16, 1 << 12, 1] {
      let zeros = [UInt8](repeating: 0, count: size)
      while write(file, zeros, size) > 0 {}
    }
  }

  /// At the next lines or checkpoint, not in the end: these runs would take far longer than they are given.
  func testAFolderThatGoesEndsTheRun() throws {
    let (removed, long) = ("\(folder)/removed", ["--steps", "10000000"])
    expectEnd(
      try disturb(1, removed, long) { _ in
        // The run may be adding a checkpoint meanwhile.
        while access("\(removed)/metrics.jsonl", F_OK) == 0 {
          try? FileManager.default.removeItem(atPath: removed)
        }
      }, "cannot write \(removed)/")
    let disk = try mountDisk("size=1g")
    let outcome = try disturb(2, "\(disk)/run", long) { _ in
      XCTAssertTrue(try self.system("umount", "--lazy", disk))
    }
    expectEnd(outcome, "cannot write \(disk)/run/")
  }

  func testAFolderThatCannotBeWrittenIsRefused() throws {
    let disk: String
    if geteuid() == 0 {
      disk = try mountDisk("ro")
    } else {
      disk = "\(folder)/closed"
      try FileManager.default.createDirectory(
        atPath: disk, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o555])
    }
    let reason = geteuid() == 0 ? "Read-only file system" : "Permission denied"
    try expectSoon(
      73, "cannot create --output \(disk)/run: \(reason)", [1, 2], training + ["--output", "\(disk)/run"])
    try expectSoon(73, "\(disk): \(reason)", [1], training + ["--output", disk])
  }

  func testASecondRunIsRefusedAndTheFirstUnharmed() throws {
    let (whole, run) = (try wholeModel(), "\(folder)/shared")
    let first = try disturb(1, run) { launcher in
      let ranks = Command.ranks(of: run)
      XCTAssertEqual(ranks.count, 1)
      for rank in ranks { kill(rank, SIGSTOP) }
      let second = self.training + ["--output", run]
      try self.expectSoon(73, "another run of train is at work in --output \(run)", [1, 2], second)
      try self.expectSoon(
        73, "another run of train is at work in --output \(run)", [1], second + ["--resume"])
      self.settle()
      for rank in ranks { kill(rank, SIGCONT) }
    }
    XCTAssertEqual(first.code, 0, first.errors)
    XCTAssertEqual(try model(run), whole)
  }

  func testTheLockOfAKilledRunHindersNobody() throws {
    let run = "\(folder)/killed"
    let killed = try disturb(1, run) { _ in for rank in Command.ranks(of: run) { kill(rank, SIGKILL) } }
    XCTAssertEqual(killed.code, 137, killed.errors)
    XCTAssertTrue(FileManager.default.fileExists(atPath: "\(run)/.lock"))
    try expectToGoOn(run, to: try wholeModel())
  }
}
