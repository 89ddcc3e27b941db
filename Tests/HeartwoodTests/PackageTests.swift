import Foundation
import XCTest
import heartwood

/// What comes with the command: `--version`, completions, the manual page, and the scripts in a package's folder, which has the program
/// and no sources.
final class PackageTests: CommandTestCase {
  func testVersion() throws {
    let said = try Command.run(
      "Launch/heartwood", ["--version"], environment: ["HEARTWOOD_CPU_LEVEL": "plain"])
    XCTAssertEqual(said.code, 0, said.errors)
    let lines = said.output.split(separator: "\n")
    let patterns = [
      "^heartwood [0-9]+\\.[0-9]+\\.[0-9]+$", "^.*MPI.* \\(MPI [34]\\.[0-9]\\)$",
      "^Swift 6\\.[0-9]+$", "^CPU level plain",
    ]
    XCTAssertEqual(lines.count, patterns.count, said.output)
    for (line, pattern) in zip(lines, patterns) {
      XCTAssertNotNil(line.range(of: pattern, options: .regularExpression), "\(line), not \(pattern)")
    }
  }

  func testNamesOfMPILibraries() {
    XCTAssertEqual(Versions.mpi("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4"), "Open MPI v4.1.4")
    XCTAssertEqual(
      Versions.mpi("MPICH Version:      4.0.2\nMPICH Release date: Thu Apr  7\n\0"), "MPICH 4.0.2")
  }

  func testCompletions() throws {
    for shell in ["zsh", "fish"] {
      let script = try Command.run("Launch/heartwood", ["--generate-completion-script", shell])
      XCTAssertEqual(script.code, 0, script.errors)
      XCTAssertTrue(script.output.contains("slot-dropout"), shell)
    }
    let words = try bash(
      """
      source <(Launch/heartwood --generate-completion-script bash)
      try() {
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        _heartwood_launcher "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[*]}"
      }
      try Launch/heartwood -n 5 tr
      try Launch/heartwood -n 5 train --branch ''
      try Launch/heartwood train --data Sour
      try Launch/heartwood --hostfile LIC
      try Launch/heartwood --rest
      """, in: Command.root)
    XCTAssertEqual(words.errors, "")
    XCTAssertEqual(words.output, "train\ncnn rnn lstm\nSources\nLICENSE\n--restarts\n")
  }

  func testManualPage() throws {
    let page = try Command.run("Launch/manual", [], environment: ["SOURCE_DATE_EPOCH": "0"])
    XCTAssertEqual(page.code, 0, page.errors)
    XCTAssertTrue(page.output.hasPrefix(".Dd January 1, 1970\n.Dt HEARTWOOD 1\n"))
    XCTAssertTrue(page.output.contains("\n.Ss scale\n"))
    XCTAssertTrue(page.output.contains("\n.It Fl \\-keep\\-checkpoints Ar K\nHow many "))
    let file = "\(folder)/heartwood.1"
    try Data(page.output.utf8).write(to: URL(fileURLWithPath: file))
    let warnings = try bash(
      "! command -v man >/dev/null || man --warnings -l -Tutf8 '\(file)' >/dev/null", in: folder)
    XCTAssertEqual(warnings.errors, "")
  }

  func testScriptsOfAPackage() throws {
    let package = "\(folder)/a package"
    try FileManager.default.createDirectory(atPath: "\(package)/bin", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: "\(Command.root)/Launch", toPath: "\(package)/Launch")
    try FileManager.default.createSymbolicLink(
      atPath: "\(package)/bin/heartwood", withDestinationPath: Command.binary)
    func run(_ line: String) throws -> Outcome { try bash("unset HEARTWOOD_BINARY; \(line)", in: package) }

    XCTAssertTrue(try run("Launch/heartwood --version").output.hasPrefix("heartwood "))
    let setup = try run("Launch/setup")
    XCTAssertTrue(setup.output.hasPrefix("heartwood "), setup.output + setup.errors)
    for (script, line) in [
      ("build", "build: this is a package, without sources: bin/heartwood is built already\n"),
      ("test", "test: this is a package, without sources and tests; Launch/run shows that it works\n"),
      ("package", "package: this is a package, without sources\n"),
    ] {
      let refused = try run("Launch/\(script)")
      XCTAssertEqual(refused.code, 64, script)
      XCTAssertEqual(refused.errors, line)
    }
    let job = try run("Launch/run -n 2 --simulate 3 --minutes 2 --steps 5 --output run")
    XCTAssertEqual(job.code, 0, job.errors)
    XCTAssertTrue(FileManager.default.fileExists(atPath: "\(package)/run/report.html"))
    let noData = try run("unset HEARTWOOD_DATA; Launch/run --records 106,114 --output other")
    XCTAssertEqual(noData.code, 64)
    XCTAssertTrue(noData.errors.contains("--records and --targets are for records"), noData.errors)
  }

  private func bash(_ line: String, in folder: String) throws -> Outcome {
    try Command.run("/bin/bash", ["-c", "cd '\(folder)' || exit; \(line)"])
  }
}
