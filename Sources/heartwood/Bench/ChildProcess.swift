import Foundation

/// Programs that this one starts and waits for, one at a time. A signal to end this process ends the program, and then what waits for it.
enum ChildProcess {
  /// The group of the program that runs; 0 if none does.
  nonisolated(unsafe) private static var group: pid_t = 0
  /// The signal that has come; 0 if none has.
  nonisolated(unsafe) private static var caught: Int32 = 0

  struct Interrupted: Error {
    let signal: Int32
  }

  /// Runs a program to its end with its standard output and error in one; returns its exit code (128 plus the signal's number if
  /// one ended it) and what it said. Throws `Interrupted` after a signal to this process.
  static func run(_ program: String, _ arguments: [String], environment: [String: String]) throws -> (
    code: Int32, text: String
  ) {
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1] {
      signal(number) { number in
        // A program that does not heed the first is not asked again.
        if ChildProcess.group > 0 { kill(-ChildProcess.group, ChildProcess.caught == 0 ? SIGTERM : SIGKILL) }
        ChildProcess.caught = number
      }
    }
    func requireUninterrupted() throws { if caught > 0 { throw Interrupted(signal: caught) } }
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try requireUninterrupted()
    do {
      try process.run()
    } catch {
      throw Failure(.usage, "cannot start \(program): \(error.reason)")
    }
    group = process.processIdentifier  // Foundation gives a child a process group of its own
    defer { group = 0 }
    if caught > 0 { kill(-group, SIGTERM) }  // it came while the program was started
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    try requireUninterrupted()
    let signalled = process.terminationReason == .uncaughtSignal
    return (process.terminationStatus + (signalled ? 128 : 0), text)
  }

  /// The path of a program that is named as a shell would have it; nil if there is none.
  static func find(_ name: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let places = name.contains("/") ? [name] : path.split(separator: ":").map { "\($0)/\(name)" }
    return places.first { access($0, X_OK) == 0 }
  }
}
