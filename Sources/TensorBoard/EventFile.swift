import Files
import Foundation
import SwiftProtobuf

/// A file of events as TensorBoard reads it: scalars, pictures and texts by tag and step. TensorBoard takes the files of a folder for one
/// run, in the order of their names.
///
/// Events are kept in memory and written at most once a second: a reader sees a training run as it goes, and the step does not wait for
/// the disk. One thread at a time.
public final class EventFile {
  /// Where it lies.
  public let path: String
  private let file: Int32
  private var pending: [UInt8] = []
  private var written = ContinuousClock.now

  private static let timeBetweenWrites = Duration.seconds(1)

  /// Creates a file of its own, later by name than those that are there.
  ///
  /// - Parameters:
  ///   - root: a folder that is there.
  ///   - run: names of folders in it, one in the other by "/", made where missing.
  ///   - step: the first that is written of. What earlier files of the run say of it and of later steps counts no more.
  /// - Throws: `FileError`.
  public init(in root: String, run: String, from step: Int) throws(FileError) {
    var folder = root
    for name in run.split(separator: "/") {
      folder += "/\(name)"
      guard mkdir(folder, 0o777) == 0 || errno == EEXIST else { throw FileError(folder, errno) }
    }
    path = "\(folder)/\(Self.name(in: folder))"
    file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw FileError(path, errno) }
    append(step: 0) { $0.fileVersion = "brain.Event:2" }
    append(step: step) { $0.sessionLog.status = .start }
    try flush()
  }

  deinit { close(file) }

  /// By the clock, but after what is there: the clock of another host may be behind, and a second is long.
  private static func name(in folder: String) -> String {
    let prefix = "events.out.tfevents."
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let latest = names.compactMap { name in
      name.hasPrefix(prefix) ? Int(name.dropFirst(prefix.count).prefix { $0 != "." }.prefix(10)) : nil
    }.max()
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let seconds = max(Int(Date().timeIntervalSince1970), (latest ?? 0) + 1)
    let digits = String(repeating: "0", count: max(0, 10 - "\(seconds)".count)) + "\(seconds)"
    return
      "\(prefix)\(digits).\(host.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }).\(getpid())"
  }

  /// Adds numbers of a step, each to the curve of its tag. They are kept as 32-bit floats. Throws `FileError`.
  public func add(_ scalars: [(tag: String, value: Double)], step: Int) throws(FileError) {
    append(step: step) {
      $0.summary.value = scalars.map { scalar in
        .with {
          $0.tag = scalar.tag
          $0.simpleValue = Float(scalar.value)
        }
      }
    }
    try writeIfDue()
  }

  /// Adds a picture; `description`, in Markdown, stands beside it. Throws `FileError`.
  public func add(_ picture: ConfusionPicture, tag: String, description: String, step: Int) throws(FileError)
  {
    let parts = [Data("\(picture.width)".utf8), Data("\(picture.height)".utf8), Data(picture.png)]
    try add(parts, shape: [parts.count], of: "images", tag: tag, description: description, step: step)
  }

  /// Adds a text in Markdown. Throws `FileError`.
  public func add(text: String, tag: String, step: Int) throws(FileError) {
    try add([Data(text.utf8)], shape: [], of: "text", tag: tag, description: "", step: step)
  }

  /// Adds a tensor of byte strings, as one of TensorBoard's plugins expects it. Throws `FileError`.
  private func add(
    _ strings: [Data], shape: [Int], of plugin: String, tag: String, description: String, step: Int
  ) throws(FileError) {
    append(step: step) {
      $0.summary.value = [
        .with {
          $0.tag = tag
          $0.metadata.pluginData.pluginName = plugin
          $0.metadata.summaryDescription = description
          $0.tensor.dtype = .dtString
          $0.tensor.tensorShape.dim = shape.map { size in .with { $0.size = Int64(size) } }
          $0.tensor.stringVal = strings
        }
      ]
    }
    try writeIfDue()
  }

  private func append(step: Int, _ fill: (inout Tensorboard_Event) -> Void) {
    var event = Tensorboard_Event()
    event.wallTime = Date().timeIntervalSince1970
    event.step = Int64(step)
    fill(&event)
    // Without required fields or messages of 2 GB there is nothing that could fail.
    let payload: [UInt8] = try! event.serializedBytes()
    Record.append(payload, to: &pending)
  }

  private func writeIfDue() throws(FileError) {
    if written.duration(to: .now) > Self.timeBetweenWrites { try flush() }
  }

  /// Writes what was added so far. Throws `FileError`, also if the file can be found no more.
  public func flush() throws(FileError) {
    try requireInPlace()
    var rest = pending[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(file, $0.baseAddress!, $0.count) }
      guard count >= 0 || errno == EINTR else { throw FileError(path, errno) }
      rest = rest.dropFirst(max(count, 0))
    }
    pending.removeAll(keepingCapacity: true)
    written = .now
  }

  /// An open file can be written though its folder was removed or renamed.
  private func requireInPlace() throws(FileError) {
    var (held, named) = (stat(), stat())
    guard fstat(file, &held) == 0, stat(path, &named) == 0 else { throw FileError(path, errno) }
    guard held.st_dev == named.st_dev, held.st_ino == named.st_ino else { throw FileError(path, ENOENT) }
  }
}
