import Files
import Foundation
import WFDB

/// The checkpoints of one network on disk: a folder a step.
struct CheckpointFolder: Sendable {
  /// Of all networks of the run.
  private let root: String
  private let path: String

  init(_ root: String, network: String) {
    self.root = root
    path = "\(root)/\(CheckpointPlan.folder(of: network))"
  }

  func folder(_ step: Int) -> String { "\(path)/step-\(step)" }

  /// Steps that there is a folder of, whole or not, the latest first.
  var steps: [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.sorted(by: >)
  }

  /// Makes the folder of a step, and none above those of the checkpoints: a run's folder that has gone is not made anew. Throws `FileError`.
  func make(_ step: Int) throws(FileError) {
    for path in [root, path, folder(step)] where mkdir(path, 0o777) != 0 && errno != EEXIST {
      throw FileError(path, errno)
    }
  }

  func manifest(_ step: Int) throws(CheckpointFault) -> CheckpointManifest {
    let data = try Self.read(CheckpointManifest.file, in: folder(step), limit: CheckpointManifest.largest) {
      "it was not finished"
    }
    let manifest = try CheckpointManifest(decoding: data)
    guard manifest.progress.step == step else {
      throw CheckpointFault("\(CheckpointManifest.file) is of step \(manifest.progress.step)")
    }
    return manifest
  }

  /// A file of at most `limit` bytes; nothing that would be waited on, such as a pipe. `missing` says what it means that there is none.
  static func read(_ file: String, in folder: String, limit: Int, missing: () -> String)
    throws(CheckpointFault)
    -> Data
  {
    do {
      return Data(try DiskFolder.split("\(folder)/").folder.bytes(of: file, limit: limit))
    } catch let error as WFDBError {
      throw CheckpointFault(error.reason == .cannotRead(ENOENT) ? missing() : "\(file) \(error.reason)")
    } catch {
      throw CheckpointFault("\(file): \(error)")
    }
  }

  /// Makes a checkpoint whole: all its files are there. Throws `ModelError.unwritable`.
  func publish(_ manifest: CheckpointManifest) throws {
    try AtomicFile.write(
      try manifest.encoded(), to: "\(folder(manifest.progress.step))/\(CheckpointManifest.file)")
  }

  /// Removes what a run that was cut off left behind.
  func removeUnfinished() {
    for step in steps where access("\(folder(step))/\(CheckpointManifest.file)", F_OK) != 0 {
      try? FileManager.default.removeItem(atPath: folder(step))
    }
  }

  /// Removes those before the last of these steps that are not among them; later ones may be in the making. Of each the manifest goes first,
  /// so that what is left at any moment is whole or unfinished.
  func removeEarlier(than kept: [Int]) {
    for step in steps where step < kept.last ?? 0 && !kept.contains(step) {
      unlink("\(folder(step))/\(CheckpointManifest.file)")
      try? FileManager.default.removeItem(atPath: folder(step))
    }
  }
}
