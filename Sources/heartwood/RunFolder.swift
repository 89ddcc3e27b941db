import Files
import Foundation
import SharedTrunk

/// Of a run's summary: what its results depended on, in words; nil in runs of before.
struct FinishedRun: Codable {
  let identity: [String: String]?
}

/// A run's output folder: `summary.json`, `metrics.jsonl`, `model/`, `checkpoints/`, `report.html`, and where asked for `tensorboard/`.
final class RunFolder {
  let path: String
  private let command: String
  private var metrics: FileHandle?
  private let encoder = JSONEncoder.line
  private var pending = Data()
  private var flushed = Date.distantPast
  private var lock: RunLock?
  /// Whether the folder held lines of a run that this one goes on with.
  private var isContinued = false

  /// `command`: the subcommand whose run it is.
  init(_ path: String, of command: String) {
    self.path = path
    self.command = command
  }

  var model: String { "\(path)/model" }
  var checkpoints: String { "\(path)/checkpoints" }
  /// Events for TensorBoard.
  var board: String { "\(path)/tensorboard" }
  private var summaryPath: String { "\(path)/summary.json" }

  private var isFinished: Bool { FileManager.default.fileExists(atPath: summaryPath) }

  /// What is known of a run that has ended well here; nil if none has. Throws `Failure`.
  func finished() throws -> FinishedRun? {
    guard isFinished else { return nil }
    do {
      return try JSONDecoder().decode(
        FinishedRun.self, from: Data(contentsOf: URL(fileURLWithPath: summaryPath)))
    } catch {
      throw Failure(.data, "\(summaryPath) is not the summary of a run; choose another --output")
    }
  }

  /// Creates the folder, and on the rank that leads locks it. Refuses one that another process writes to, and unless the run `resumes`
  /// one that holds a run already, whole or cut off, so that nothing saved is overwritten.
  func create(leads: Bool, resumes: Bool = false) throws {
    let manager = FileManager.default
    try OutputFolder.make(path, for: [model])
    guard leads else { return }
    lock = try RunLock(path, of: command)
    if (manager.fileExists(atPath: metricsPath) || isFinished) && !resumes { throw holdsARun }
    if manager.fileExists(atPath: "\(path)/units") {
      throw Failure(.cannotCreate, "--output \(path) holds work of `heartwood paper`; choose another folder")
    }
  }

  /// Makes the folder of events where asked for, and opens `metrics.jsonl` on the rank that leads: from here on the folder holds a run.
  /// Not before the data are read, so that a run that they refuse leaves the folder free.
  func begin(leads: Bool, resumes: Bool = false, withBoard: Bool = false) throws {
    if withBoard { try OutputFolder.make(path, for: [board]) }
    guard leads else { return }
    if resumes, FileManager.default.fileExists(atPath: metricsPath) {
      isContinued = true
      return try keepLines { _ in true }
    }
    // Exclusively: of two runs into one folder, one is refused, and a run that was cut off stays as it is.
    let file = open(metricsPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      guard errno != EEXIST else { throw holdsARun }
      throw Failure(
        .cannotCreate,
        "cannot create \(metricsPath): \(String(cString: strerror(errno)))")
    }
    metrics = FileHandle(fileDescriptor: file, closeOnDealloc: true)
  }

  private var holdsARun: Failure {
    Failure(
      .cannotCreate,
      "--output \(path) holds a run already; choose another folder, or go on with it by --resume")
  }

  private var metricsPath: String { "\(path)/metrics.jsonl" }

  /// Of a run that is gone on with: keeps those of its lines so far that `stays` says of, and returns them, in order.
  func keep<Line: Decodable>(_ type: Line.Type, where stays: (Line) -> Bool) throws -> [Line] {
    guard isContinued, metrics != nil else { return [] }
    try flush()
    let decoder = JSONDecoder()
    var lines: [Line] = []
    try keepLines { text in
      guard let line = try? decoder.decode(Line.self, from: text) else { return true }
      if stays(line) { lines.append(line) }
      return stays(line)
    }
    return lines
  }

  /// Writes the file anew with the lines that stay, and opens it to add more. A last line that was cut off goes.
  private func keepLines(_ stays: (Data) -> Bool) throws {
    // For writing too, which a folder refuses.
    let old = open(metricsPath, O_RDWR | O_CLOEXEC)
    guard old >= 0 else {
      throw Failure(.inputOutput, "cannot read \(metricsPath): \(String(cString: strerror(errno)))")
    }
    let text = try FileHandle(fileDescriptor: old, closeOnDealloc: true).readToEnd() ?? Data()
    let kept = text.split(separator: 0x0A).filter {
      (try? JSONSerialization.jsonObject(with: $0)) != nil && stays($0)
    }
    try AtomicFile.write(kept.reduce(into: Data()) { $0 += $1 + [0x0A] }, to: metricsPath)
    let file = open(metricsPath, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard file >= 0 else {
      throw Failure(.inputOutput, "cannot write \(metricsPath): \(String(cString: strerror(errno)))")
    }
    metrics = FileHandle(fileDescriptor: file, closeOnDealloc: true)
  }

  /// Adds a line to `metrics.jsonl` (on the rank that created it). Lines reach the file within a second of training, or by `flush`.
  func log(_ line: some Encodable) throws {
    guard metrics != nil else { return }
    pending.append(try encoder.encode(line))
    pending.append(0x0A)
    if Date().timeIntervalSince(flushed) > 0.5 { try flush() }
  }

  func flush() throws {
    if let metrics {
      try requireInPlace(metrics)
      do {
        try metrics.write(contentsOf: pending)
      } catch {
        throw Failure(.inputOutput, "cannot write \(metricsPath): \(error.reason)")
      }
    }
    pending.removeAll(keepingCapacity: true)
    flushed = Date()
  }

  /// An open file can be written though nobody will find it again: its folder was removed or renamed, or its disk taken away.
  private func requireInPlace(_ file: FileHandle) throws {
    var (written, named) = (stat(), stat())
    guard fstat(file.fileDescriptor, &written) == 0, stat(metricsPath, &named) == 0,
      written.st_dev == named.st_dev, written.st_ino == named.st_ino
    else {
      throw Failure(
        .inputOutput,
        "cannot write \(metricsPath): it is gone; --output was removed, renamed or unmounted during the run")
    }
  }

  func write(_ data: Data, as name: String) throws {
    try AtomicFile.write(data, to: "\(path)/\(name)")
  }
}

extension Error {
  /// In words, the system's own where it gave one.
  var reason: String {
    let error = self as NSError
    let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
    return cause.domain == NSPOSIXErrorDomain
      ? String(cString: strerror(Int32(cause.code))) : cause.localizedDescription
  }
}
