import Foundation
import XCTest

/// The scripts of `Cluster/slurm`, on a real Slurm where there is one.
final class SlurmTests: CommandTestCase {
  /// Two nodes, with TCP between them: a job that another one preempts goes on by itself, to the files of one process.
  func testAPreemptedJobGoesOnToTheSameFiles() throws {
    try requireSlurm()
    // Steps for some seconds: Slurm takes its time to preempt.
    let training = ["--simulate", "4", "--minutes", "2", "--steps", "6000", "--batch", "8"]
    let reference = try model(try train(1, "one", training))
    let script = #"""
      sbatch --nodes=2 --ntasks=3 --output="$0/log" Cluster/slurm/train.sbatch --output "$0/run" "$@"
      until [[ -s $0/run/metrics.jsonl || -z $(squeue --noheader) ]]; do sleep 0.1; done
      sbatch --partition=high --nodes=2 --exclusive --output=/dev/null --wrap true
      """#
    let running = try Command.start(
      "Cluster/slurm/try-slurm", ["--nodes", "2", "bash", "-c", script, folder] + training,
      environment: [:], in: Command.root)
    let outcome = running.end()
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    let log = try String(contentsOfFile: "\(folder)/log", encoding: .utf8)
    XCTAssertTrue(log.contains("which is saved"), log)
    XCTAssertTrue(log.contains("MTL goes on from step"), log)
    XCTAssertEqual(try model("\(folder)/run"), reference, log)
    XCTAssertEqual(try json("\(folder)/run/summary.json")["ranks"] as? Int, 3)
  }

  func testASweepIsCollected() throws {
    try requireTools(["python3"], "the table of a sweep needs python3")
    func judged(_ figure: Double) -> String {
      #""confusion": [[9, 1], [2, 8]], "balancedAccuracy": \#(figure)"#
    }
    let figures = [
      "106-seed1": judged(0.5), "106-seed2": judged(0.7), "205-seed1": judged(0.9), "205-seed2": judged(1),
      "115-seed1": #""confusion": [[99, 1], [0, 0]]"#,
    ]
    for (run, test) in figures {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(run)", withIntermediateDirectories: true)
      try #"{"test": {\#(test)}}"#
        .write(toFile: "\(folder)/\(run)/summary.json", atomically: true, encoding: .utf8)
    }
    let outcome = try Command.run("Cluster/slurm/collect", [folder])
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    XCTAssertEqual(
      outcome.output.split(separator: "\n").dropFirst().map {
        $0.split(separator: " ").joined(separator: " ")
      },
      ["106 2 0.600 ± 0.141", "115 1 -", "205 2 0.950 ± 0.071", "mean 2 0.775 ± 0.106"])

    try FileManager.default.createDirectory(atPath: "\(folder)/205-seed3", withIntermediateDirectories: true)
    let early = try Command.run("Cluster/slurm/collect", [folder])
    XCTAssertEqual(early.code, 1)
    XCTAssertEqual(early.errors, "collect: not finished: 205-seed3\n")
  }

  private func requireSlurm() throws {
    guard getuid() == 0 else { throw XCTSkip("a private Slurm needs root") }
    try requireTools(
      ["slurmctld", "slurmd", "munged", "sbatch", "tc"],
      "there is no Slurm here, or no iproute2: apt-get install slurm-wlm munge iproute2")
    guard try ends(well: "unshare --net --uts --mount --pid --fork true") else {
      throw XCTSkip("this machine lets nobody make network namespaces")
    }
  }

  private func requireTools(_ names: [String], _ otherwise: String) throws {
    guard try ends(well: names.map { "command -v \($0)" }.joined(separator: " && ")) else {
      throw XCTSkip(otherwise)
    }
  }

  private func ends(well command: String) throws -> Bool {
    let check = Process()
    check.executableURL = URL(fileURLWithPath: "/bin/sh")
    check.arguments = ["-c", "PATH=$PATH:/usr/sbin:/sbin; \(command)"]
    check.standardOutput = FileHandle.nullDevice
    check.standardError = FileHandle.nullDevice
    try check.run()
    check.waitUntilExit()
    return check.terminationStatus == 0
  }
}
