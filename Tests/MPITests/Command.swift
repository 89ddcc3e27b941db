import Foundation
import MPI
import XCTest

/// Programs that the tests start, and what came of them.
enum Command {
  struct Result {
    /// The exit code; 128 plus the signal's number if a signal ended it, as a shell says it.
    var code: Int32
    var standardOutput: String
    var standardError: String
    var errorLines: [String] { standardError.split(separator: "\n").map { String($0) } }
  }

  /// Whether this was built against MPICH, not Open MPI.
  static let isMPICH = Environment.libraryVersion.hasPrefix("MPICH")

  /// This checkout.
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A program of this package, built beside the test bundle.
  static func product(_ name: String) throws -> URL {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
    let folder = bundle?.bundleURL.deletingLastPathComponent() ?? Bundle.main.bundleURL
    let program = folder.appendingPathComponent(name)
    guard FileManager.default.isExecutableFile(atPath: program.path) else {
      throw NSError(
        domain: "Command", code: 1, userInfo: [NSLocalizedDescriptionKey: "\(program.path) is not built"])
    }
    return program
  }

  /// Runs `Launch/heartwood`, with the self-test in the place of the heartwood command.
  static func launcher(_ arguments: [String], environment: [String: String?] = [:]) throws -> Result {
    let environment = try ["HEARTWOOD_BINARY": product("MPISelfTest").path].merging(environment) { $1 }
    return try run(root.appendingPathComponent("Launch/heartwood"), arguments, environment: environment)
  }

  /// Runs a program to its end.
  ///
  /// - Parameters:
  ///   - environment: changes to this process's environment; nil unsets.
  ///   - whileRunning: called with the process once it has started.
  static func run(
    _ program: URL, _ arguments: [String], folder: String? = nil, environment: [String: String?] = [:],
    whileRunning: (Process, Pipe) throws -> Void = { _, _ in }
  ) throws -> Result {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = folder.map { URL(fileURLWithPath: $0) }
    var variables = ProcessInfo.processInfo.environment
    for (name, value) in environment { variables[name] = value }
    process.environment = variables
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    try process.run()
    try whileRunning(process, output)
    // What the programs here say fits into a pipe, so that one can be read after the other.
    let standardOutput = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let standardError = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let code = process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
    return Result(code: code, standardOutput: standardOutput, standardError: standardError)
  }
}
