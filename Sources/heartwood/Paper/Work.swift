import Foundation
import MPI
import SharedTrunk

/// A piece of work for one rank alone; its result is kept in a file of its own.
protocol Work {
  var study: Study { get }
  /// The patient never seen, of the inconsistent scenario.
  var target: String? { get }
  var seed: UInt64 { get }
  /// Part of the file's name.
  var id: String { get }
  /// About proportional to its time.
  var cost: Double { get }
  /// Whether a file's content is this work's result, under that key.
  func isResult(_ file: Data, _ key: String) -> Bool
  /// Does it. `communicator`: of this rank alone.
  func result(_ key: String, _ library: PatientLibrary, _ communicator: Communicator) throws -> Data
}

extension Work {
  /// Of a study, target and seed.
  var place: String {
    ([study.id]
      + [target.map { $0.replacingOccurrences(of: "/", with: "-") }, "seed\(seed)"].compactMap { $0 })
      .joined(separator: "_")
  }
}

extension Study {
  /// Of all entrants' training on one target and seed: examples, networks, and how long a branch takes.
  var cost: Double {
    let tasks = experiment.taskCount(records: records.count)
    let networks = entrants.reduce(0.0) { sum, entrant in
      switch entrant.system {
      case .stl(.average): sum + Double(tasks)
      case .stl(.wide): sum + 2
      default: sum + 1
      }
    }
    let speed = branch == .lstm ? 2.0 : 1
    return networks * Double(recipe.steps * recipe.batch * tasks * experiment.window.length) * speed
  }
}
