import Foundation
import SharedTrunk

/// A run's output folder: `summary.json`, `metrics.jsonl`, `model/`, `report.html`.
final class RunFolder {
  let path: String
  private var metrics: FileHandle?

  init(_ path: String) { self.path = path }

  var model: String { "\(path)/model" }

  /// Creates the folder; refuses one that holds a run already, so that nothing saved is overwritten.
  func create(leads: Bool) throws {
    let manager = FileManager.default
    if leads && manager.fileExists(atPath: "\(path)/summary.json") {
      throw Failure(.cannotCreate, "--output \(path) holds a run already; choose another folder")
    }
    do {
      try manager.createDirectory(atPath: model, withIntermediateDirectories: true)
    } catch {
      throw Failure(.cannotCreate, "cannot create --output \(path): \(Self.reason(error))")
    }
    guard access(path, W_OK) == 0, access(model, W_OK) == 0 else {
      throw Failure(.cannotCreate, "cannot write into --output \(path): \(String(cString: strerror(errno)))")
    }
    guard leads else { return }
    let file = "\(path)/metrics.jsonl"
    guard manager.createFile(atPath: file, contents: nil), let handle = FileHandle(forWritingAtPath: file)
    else {
      throw Failure(.cannotCreate, "cannot create \(file)")
    }
    metrics = handle
  }

  /// Adds a line to `metrics.jsonl` (on the rank that created it).
  func log(_ line: some Encodable) throws {
    guard let metrics else { return }
    var data = try JSONEncoder.line.encode(line)
    data.append(0x0A)
    do {
      try metrics.write(contentsOf: data)
    } catch {
      throw Failure(.inputOutput, "cannot write \(path)/metrics.jsonl: \(Self.reason(error))")
    }
  }

  func write(_ data: Data, as name: String) throws {
    try AtomicFile.write(data, to: "\(path)/\(name)")
  }

  private static func reason(_ error: any Error) -> String {
    let error = error as NSError
    let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError
    return underlying?.localizedDescription ?? error.localizedDescription
  }
}
