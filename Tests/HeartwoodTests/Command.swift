import Foundation
import MPI
import XCTest

/// What a finished command left: exit code and both outputs.
struct Outcome {
  let code: Int32
  let output: String
  let errors: String
  let seconds: Double

  /// Lines on standard error.
  var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
}

/// `Launch/heartwood` of this checkout over the release build beside the test bundle: what a user starts.
enum Command {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  /// Whether this was built against MPICH, not Open MPI.
  static let isMPICH = Environment.libraryVersion.hasPrefix("MPICH")
  /// The program that is tested.
  static let binary = {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
    return (bundle?.bundleURL.deletingLastPathComponent() ?? Bundle.main.bundleURL)
      .appendingPathComponent("heartwood").path
  }()

  /// Runs `Launch/heartwood -n RANKS ARGUMENTS`; `started` runs beside it.
  static func heartwood(
    _ ranks: Int, _ arguments: [String], environment: [String: String] = [:],
    started: ((Process) -> Void)? = nil
  ) throws -> Outcome {
    try run("Launch/heartwood", ["-n", "\(ranks)"] + arguments, environment: environment, started: started)
  }

  /// Runs a script of this checkout, which finds the build that is tested; `started` runs beside it.
  static func run(
    _ script: String, _ arguments: [String], environment: [String: String] = [:],
    started: ((Process) -> Void)? = nil
  ) throws -> Outcome {
    let running = try start(script, arguments, environment: environment)
    started?(running.process)
    return running.end()
  }

  /// Starts a script of this checkout, or a program by its whole path, in a folder.
  static func start(
    _ script: String, _ arguments: [String], environment: [String: String], in folder: String? = nil
  ) throws -> Running {
    let process = Process()
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    process.executableURL = URL(fileURLWithPath: script.hasPrefix("/") ? script : "\(root)/\(script)")
    process.arguments = arguments
    // Other tests of this process have initialised MPI, which leaves variables that would confuse mpirun.
    let inherited = ProcessInfo.processInfo.environment.filter { name, _ in
      !["OMPI_", "PMIX_", "ORTE_", "PMI_"].contains(where: name.hasPrefix)
    }
    process.environment = inherited.merging(["HEARTWOOD_BINARY": binary]) { $1 }.merging(environment) { $1 }
    let running = Running(process: process)
    process.standardOutput = running.output.pipe
    process.standardError = running.errors.pipe
    try process.run()
    return running
  }

  /// The first Python that has these modules, of HEARTWOOD_PYTHON and those on the PATH.
  static func python(with modules: [String]) throws -> String? {
    let environment = ProcessInfo.processInfo.environment
    let places = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/python3" }
    return try ([environment["HEARTWOOD_PYTHON"]].compactMap { $0 } + places).first { python in
      guard FileManager.default.isExecutableFile(atPath: python) else { return false }
      let probe = Process()
      probe.executableURL = URL(fileURLWithPath: python)
      probe.arguments =
        ["-c", "import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, sys.argv[1:])))"] + modules
      try probe.run()
      probe.waitUntilExit()
      return probe.terminationStatus == 0
    }
  }

  /// The processes of a run's ranks, by its output folder.
  static func ranks(of run: String) -> [pid_t] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.sorted().filter { process in
      let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
      let arguments = words.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return arguments.first == binary && arguments.contains(run)
    }
  }

  /// Steps of a run's own network whose checkpoints are whole.
  static func savedSteps(of run: String) -> Set<String> {
    let network = "\(run)/checkpoints/mtl"
    let steps = (try? FileManager.default.contentsOfDirectory(atPath: network)) ?? []
    return Set(steps.filter { FileManager.default.fileExists(atPath: "\(network)/\($0)/MANIFEST") })
  }

  struct Running {
    let process: Process
    fileprivate let output = Sink()
    fileprivate let errors = Sink()
    private let start = Date()

    fileprivate init(process: Process) { self.process = process }

    /// Waits for its end, but no longer than this after its start: then it is made to end.
    func end(within seconds: Double = .infinity) -> Outcome {
      if seconds.isFinite {
        while process.isRunning, Date().timeIntervalSince(start) < seconds { usleep(5_000) }
        if process.isRunning { process.terminate() }
      }
      process.waitUntilExit()
      return Outcome(
        code: process.terminationStatus, output: output.text, errors: errors.text,
        seconds: Date().timeIntervalSince(start))
    }
  }

  /// Reads a pipe while the process runs, so that it never blocks on a full one.
  fileprivate final class Sink: @unchecked Sendable {
    let pipe = Pipe()
    private var data = Data()
    private let done = DispatchSemaphore(value: 0)

    init() {
      let handle = pipe.fileHandleForReading
      Thread.detachNewThread {
        self.data = handle.readDataToEndOfFile()
        self.done.signal()
      }
    }

    var text: String {
      done.wait()
      return String(decoding: data, as: UTF8.self)
    }
  }
}

/// A test with a folder of its own, removed at the end.
class CommandTestCase: XCTestCase {
  private(set) var folder = ""
  private var pending: [(running: Command.Running, look: (Outcome) -> Void)] = []

  override func setUpWithError() throws {
    folder = NSTemporaryDirectory() + "heartwood-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  override func tearDown() {
    settle()
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// The folder of real records, or the test is skipped.
  func realData() throws -> String {
    guard let data = ProcessInfo.processInfo.environment["HEARTWOOD_DATA"], !data.isEmpty else {
      throw XCTSkip("HEARTWOOD_DATA is not set: give it a folder with MIT-BIH records")
    }
    return data
  }

  /// Writes simulated patients into this test's folder; returns that database's folder and the records' names.
  func simulate(_ patients: Int, minutes: Int, seed: Int = 1) throws -> (folder: String, names: [String]) {
    let database = "\(folder)/simulated-\(patients)-\(minutes)-\(seed)"
    let outcome = try Command.heartwood(
      1,
      [
        "simulate", "--patients", "\(patients)", "--minutes", "\(minutes)", "--seed", "\(seed)", "--output",
        database,
      ])
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    return (database, (1...patients).map { "sim00\($0)" })
  }

  /// The command ends with that code and one line on standard error that holds the words.
  @discardableResult
  func expect(
    _ code: Int32, _ words: String, _ ranks: Int, _ arguments: [String], environment: [String: String] = [:],
    file: StaticString = #filePath, line: UInt = #line
  ) throws -> Outcome {
    let outcome = try Command.heartwood(ranks, arguments, environment: environment)
    XCTAssertEqual(outcome.code, code, outcome.errors, file: file, line: line)
    XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors, file: file, line: line)
    XCTAssertTrue(outcome.errors.contains(words), outcome.errors, file: file, line: line)
    return outcome
  }

  /// As `expect`, on several numbers of ranks, but only started now.
  func expectSoon(
    _ code: Int32, _ words: String, _ ranks: [Int], _ arguments: [String],
    environment: [String: String] = [:], file: StaticString = #filePath, line: UInt = #line
  ) throws {
    for ranks in ranks {
      try start(ranks, arguments, environment: environment) { outcome in
        XCTAssertEqual(outcome.code, code, outcome.errors, file: file, line: line)
        XCTAssertEqual(outcome.errorLines.count, 1, outcome.errors, file: file, line: line)
        XCTAssertTrue(outcome.errors.contains(words), outcome.errors, file: file, line: line)
      }
    }
  }

  /// Starts `Launch/heartwood` now and looks at what it left by `settle`, or at the end of the test: mpirun takes a second or two to end a
  /// job that fails, and several jobs may do so side by side. A job that hangs is ended after a minute.
  func start(
    _ ranks: Int, _ arguments: [String], environment: [String: String] = [:], in folder: String? = nil,
    then look: @escaping (Outcome) -> Void
  ) throws {
    if pending.count >= 6 { lookAtOne() }
    let running = try Command.start(
      "Launch/heartwood", ["-n", "\(ranks)"] + arguments, environment: environment, in: folder)
    pending.append((running, look))
  }

  func settle() { while !pending.isEmpty { lookAtOne() } }

  /// The first that ends, or the eldest if none does.
  private func lookAtOne() {
    let deadline = Date().addingTimeInterval(60)
    var ended: Int?
    while ended == nil, Date() < deadline {
      ended = pending.firstIndex { !$0.running.process.isRunning }
      if ended == nil { usleep(2_000) }
    }
    let (running, look) = pending.remove(at: ended ?? 0)
    look(running.end(within: 60))
  }

  /// Trains; fails the test unless the command ends well. Returns the run's folder.
  @discardableResult
  func train(
    _ ranks: Int, _ name: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> String {
    let run = "\(folder)/\(name)"
    let outcome = try Command.heartwood(
      ranks, ["train", "--output", run] + arguments, environment: environment)
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    XCTAssertEqual(outcome.errors, "")
    return run
  }

  /// Until a run of train has a whole checkpoint other than these, or has ended.
  func waitForCheckpoint(of run: String, _ launcher: Process, but before: Set<String> = []) {
    let deadline = Date().addingTimeInterval(30)
    while Command.savedSteps(of: run).isSubset(of: before), launcher.isRunning, Date() < deadline {
      usleep(2_000)
    }
  }

  /// Every file of a run's model folder.
  func model(_ run: String) throws -> [String: Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(run)/model")
    return Dictionary(
      uniqueKeysWithValues: try names.map {
        ($0, try Data(contentsOf: URL(fileURLWithPath: "\(run)/model/\($0)")))
      })
  }

  func json(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return try XCTUnwrap(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }
}
