import Foundation

/// How far a network's training is: with weights and moments all that it goes on from. Random streams are named by seed, task and step, and
/// the learning rate by the step, so that neither has a state of its own.
public struct TrainingProgress: Codable, Sendable, Equatable {
  /// Steps done.
  public var step = 0
  public var firstLoss = 0.0
  public var lastLoss = 0.0
  /// Balanced accuracy on the validation data of the weights kept; below 0 if none were looked at.
  public var best = -1.0
  public var bestStep = 0
  /// Of training so far.
  public var seconds = 0.0
}

/// The last file of a checkpoint to be written: which files there are, whole, and what they belong to.
///
/// The file is one line of JSON and, on a second line, that line's SHA-256. A checkpoint without it is unfinished.
struct CheckpointManifest: Codable, Equatable {
  struct File: Codable, Equatable {
    let name: String
    let bytes: Int
    let sha256: String
  }

  static let format = "heartwood-checkpoint-1"
  static let file = "MANIFEST"
  /// Of a thousand tasks, ten times over.
  static let largest = 4 << 20

  var format = Self.format
  let network: String
  let progress: TrainingProgress
  /// All that a run must have in common with the one that wrote it; see `CheckpointPlan.identity`.
  let identity: [String: String]
  /// The CPU level that it was computed at.
  let level: String
  let files: [File]

  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json = try encoder.encode(self)
    return json + Data("\n\(SHA256.hex(json))\n".utf8)
  }

  /// Throws `Fault` for anything but what `encoded` gives.
  init(decoding data: Data) throws(CheckpointFault) {
    guard data.count <= Self.largest else { throw CheckpointFault("\(Self.file) is too long") }
    let lines = data.split(separator: 0x0A, omittingEmptySubsequences: false)
    guard lines.count == 3, lines[2].isEmpty,
      String(decoding: lines[1], as: UTF8.self) == SHA256.hex(Data(lines[0]))
    else { throw CheckpointFault("\(Self.file) is damaged") }
    guard let manifest = try? JSONDecoder().decode(Self.self, from: lines[0]), manifest.format == Self.format
    else { throw CheckpointFault("\(Self.file) is of another format than \(Self.format)") }
    self = manifest
  }

  init(
    network: String, progress: TrainingProgress, identity: [String: String], level: String, files: [File]
  ) {
    self.network = network
    self.progress = progress
    self.identity = identity
    self.level = level
    self.files = files
  }
}

/// Why a checkpoint is not used.
struct CheckpointFault: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}
