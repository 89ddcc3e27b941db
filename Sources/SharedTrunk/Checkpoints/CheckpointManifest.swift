import Foundation

/// How far a network's training is: with weights and moments all that it goes on from. Random streams are named by seed, task and step, and
/// the learning rate by the step, so that neither has a state of its own.
public struct TrainingProgress: Codable, Sendable, Equatable {
  /// Steps done.
  public var step = 0
  /// Loss over all tasks at the first step.
  public var firstLoss = 0.0
  /// Loss over all tasks at the last step done.
  public var lastLoss = 0.0
  /// Balanced accuracy on the validation data of the weights kept; below 0 if none were looked at.
  public var best = -1.0
  /// The step whose weights are kept, counted from 1.
  public var bestStep = 0
  /// Of training so far.
  public var seconds = 0.0
}

/// The last file of a checkpoint to be written: which files there are, whole, and what they belong to.
///
/// The file is one line of JSON and, on a second line, that line's SHA-256. A checkpoint without it is unfinished.
package struct CheckpointManifest: Codable, Equatable {
  package struct File: Codable, Equatable {
    let name: String
    let bytes: Int
    /// A `PiecewiseSum`.
    let sum: String
  }

  static let format = "heartwood-checkpoint-2"
  static let file = "MANIFEST"
  /// Of a hundred thousand tasks, five times over.
  static let largest = 64 << 20

  var format = Self.format
  let network: String
  let progress: TrainingProgress
  /// All that a run must have in common with the one that wrote it; see `CheckpointPlan.identity`.
  let identity: [String: String]
  /// The program that computed it, and how it rounds: with others the last digits may differ.
  let computedBy: String
  let files: [File]

  package func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json = try encoder.encode(self)
    return json + Data("\n\(SHA256.hex(json))\n".utf8)
  }

  /// Throws `CheckpointFault` for anything but what `encoded` gives.
  package init(decoding data: Data) throws(CheckpointFault) {
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
    network: String, progress: TrainingProgress, identity: [String: String], computedBy: String, files: [File]
  ) {
    self.network = network
    self.progress = progress
    self.identity = identity
    self.computedBy = computedBy
    self.files = files
  }
}

/// Why a checkpoint is not used.
package struct CheckpointFault: Error {
  package let reason: String
  init(_ reason: String) { self.reason = reason }
}
