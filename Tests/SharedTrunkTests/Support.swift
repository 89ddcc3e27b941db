import Cohort
import Foundation
import MPI
import SharedTrunk
import XCTest

/// A test of the one-rank world: MPI is initialised once a process.
class OneRankTestCase: XCTestCase {
  override func setUpWithError() throws {
    if !Environment.isInitialized { _ = try Environment.initialize() }
  }
}

func fixtures(_ name: String) -> URL {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)")
}

extension TaskSet {
  /// All tasks on the only rank.
  static func onOneRank(_ tasks: [TaskData]) -> TaskSet {
    onOneRank(tasks, .vote)
  }

  static func onOneRank(_ tasks: [TaskData], _ heads: Heads) -> TaskSet {
    TaskSet(
      names: tasks.map(\.name), ownership: Ownership(tasks: tasks.count, ranks: 1, rank: 0), own: tasks,
      heads: heads)
  }

  /// Tasks of 40 random examples of both classes, windows of 20 samples.
  static func random(_ count: Int) -> TaskSet {
    .onOneRank((0..<count).map { SyntheticTask.make($0, count: 40, length: 20) })
  }
}

extension NetworkShape {
  /// For windows of 20 samples.
  static func small(_ kind: BranchShape.Kind = .cnn, dropout: Float = 0) -> NetworkShape {
    NetworkShape(
      branch: BranchShape(kind: kind, length: 20, channels: 3, kernel: 5, pool: 4, frame: 5, hidden: 6),
      trunk: [8, 6], dropout: dropout)
  }
}

extension TrainingOptions {
  static func small(steps: Int, seed: UInt64 = 3) -> TrainingOptions {
    var options = TrainingOptions()
    options.seed = seed
    options.batch = 6
    options.steps = steps
    return options
  }
}

extension Network.Form {
  static let all: [Network.Form] = [
    .concat, .hard, .pooled(.pooled), .pooled(.balanced), .alone, .finetuned,
  ]
}

extension Examples {
  /// An example for each label, every sample of its window its number, by which it is known wherever it goes.
  static func numbered(_ labels: [Int32], from first: Int, length: Int = 128) -> Examples {
    Examples(
      windowLength: length,
      windows: labels.indices.flatMap { [Float](repeating: Float(first + $0), count: length) },
      rr: [Float](repeating: 0, count: labels.count * RRFeatures.count), labels: labels)
  }

  var numbers: [Int] { stride(from: 0, to: windows.count, by: windowLength).map { Int(windows[$0]) } }
}

extension Network {
  /// One group's weights, by the tensor's name.
  func weights(of group: String) -> [String: [Float]] {
    Dictionary(
      uniqueKeysWithValues: weights.compactMap { name, values in
        name.hasPrefix("\(group)/") ? (String(name.dropFirst(group.count + 1)), values) : nil
      })
  }
}

/// The largest difference of two answers.
func difference(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  let differences = zip(a, b).map { abs($0 - $1) }
  return differences.contains(where: \.isNaN) ? .infinity : differences.max() ?? 0
}
