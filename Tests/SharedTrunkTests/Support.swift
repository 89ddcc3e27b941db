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
    TaskSet(names: tasks.map(\.name), ownership: Ownership(tasks: tasks.count, ranks: 1, rank: 0), own: tasks)
  }
}
