import Cohort
import MPI
import SharedTrunk
import XCTest

final class SystemTests: OneRankTestCase {
  private let systems: [System] =
    Fusion.allCases.map { .mtl($0) } + Baseline.allCases.map { .stl($0) }

  /// Three tasks over the pool of all patients' rhythms.
  private func pooled() throws -> TaskSet {
    let labels = (0..<120).map { Int32($0 % 3) }
    let examples = Examples.numbered(labels, from: 0)
    return try TaskSet.make(
      Experiment(.classification, .consistent), ["p"], Ownership(tasks: 1, ranks: 1, rank: 0),
      own: [Parts(training: examples, validation: examples, test: examples)], pairing: .same,
      answer: .broadcast, borrows: false, seed: 1, Communicator.world)
  }

  func testWideHasAtLeastTheWeightsOfTheMultiTaskNetworkAndHardlyMore() throws {
    for kind in BranchShape.Kind.allCases {
      for tasks in [.random(1), .random(2), .random(5), .random(17), try pooled()] {
        for trunk in [[64, 64], [8, 6], [32]] {
          var base = NetworkShape.small(kind)
          base.trunk = trunk
          let needed = base.parameterCount(tasks: tasks.names.count)
          let wide = System.stl(.wide).shape(base, tasks)
          XCTAssertGreaterThanOrEqual(wide.singleParameterCount, needed)
          var narrower = wide
          narrower.trunk = wide.trunk.map { $0 - 8 }
          if wide.trunk != trunk { XCTAssertLessThan(narrower.singleParameterCount, needed) }
          XCTAssertEqual(zip(wide.trunk, trunk).map { $0 - $1 }, trunk.map { _ in wide.trunk[0] - trunk[0] })
          XCTAssertEqual(wide.branch, base.branch)
        }
      }
    }
    XCTAssertGreaterThan(System.stl(.wide).shape(.small(), .random(5)).trunk[0], 8)
  }

  /// Every other form keeps the sizes; where tasks draw from a pool a single network tells all its classes apart.
  func testShapesOfTheOthers() throws {
    let base = NetworkShape.small(dropout: 0.2)
    for system in systems where system != .stl(.wide) {
      XCTAssertEqual(system.shape(base, .random(3)), base, system.name)
      var shape = base
      if case .stl = system { shape.classes = 3 }
      XCTAssertEqual(system.shape(base, try pooled()), shape, system.name)
    }
  }

  func testBorrowedExamplesAreForAllButThePlainestNetworks() {
    var task = SyntheticTask.make(0, count: 20, length: 20)
    task.borrowed = SyntheticTask.make(1, count: 5, length: 20).training
    let set = TaskSet.onOneRank([task])
    for system in systems {
      let borrows: Bool
      switch system {
      case .mtl, .stl(.borrowed), .stl(.alone), .stl(.finetuned), .stl(.average): borrows = true
      default: borrows = false
      }
      XCTAssertEqual(system.data(set).own[0].training.count, borrows ? 25 : 20, system.name)
    }
  }

  func testFormsByTasks() throws {
    let (patients, pool) = (TaskSet.random(3), try pooled())
    XCTAssertEqual(
      systems.map { $0.form(patients) },
      [
        .concat, .hard, .anchored, .pooled(.pooled), .pooled(.balanced), .pooled(.pooled), .pooled(.balanced),
        .alone,
        .finetuned, .pooled(.balanced),
      ])
    XCTAssertEqual(System.stl(.average).form(pool), .pooled(.pooled))
    XCTAssertEqual(Set(systems.map(\.name)).count, systems.count)
  }

  /// Beats of a pool have no patient, so nothing can be balanced over patients, borrowed by one or kept to one.
  func testWhichApply() {
    for problem in Problem.allCases {
      for baseline in Baseline.allCases {
        let inPool = baseline == .pooled || baseline == .wide || baseline == .average
        XCTAssertEqual(
          System.applies(baseline, to: Experiment(problem, .consistent)), inPool, baseline.rawValue)
        XCTAssertTrue(System.applies(baseline, to: Experiment(problem, .inconsistent)))
        XCTAssertTrue(System.applies(baseline, to: Experiment(problem, .consistent, tasks: .patient)))
      }
    }
  }

  func testAverageIsTheMeanOfAsManyNetworksAsTasksFromSeedsOfTheirOwn() throws {
    let tasks = TaskSet.random(3)
    func train(_ system: System, seed: UInt64) throws -> (TrainedSystem, reports: [Int]) {
      var reports = [0, 0, 0]
      let trained = try TrainedSystem(
        system, .small(dropout: 0.2), tasks, .small(steps: 4, seed: seed), Communicator.world,
        report: { member, _ in reports[member] += 1 })
      return (trained, reports)
    }
    let (average, reports) = try train(.stl(.average), seed: 3)
    XCTAssertEqual(average.networks.count, 3)
    XCTAssertEqual(average.trainings.count, 3)
    XCTAssertEqual(reports, [4, 4, 4])
    let single = try train(.stl(.balanced), seed: 3).0
    XCTAssertEqual(single.networks.count, 1)
    let weights = (average.networks + single.networks).map { $0.weights["stl/head.weight"]! }
    XCTAssertEqual(Set(weights).count, 4)
    XCTAssertEqual(
      try train(.stl(.average), seed: 3).0.networks.map(\.weights), average.networks.map(\.weights))
    let others = try train(.stl(.average), seed: 4).0.networks.map { $0.weights["stl/head.weight"]! }
    XCTAssertEqual(Set(weights + others).count, 7)

    let examples = tasks.own[1].training
    func mean(_ answers: [[Float]]) -> [Float] {
      answers[0].indices.map { (answers[0][$0] + answers[1][$0] + answers[2][$0]) / 3 }
    }
    let together = try average.predict(examples, .mean)
    XCTAssertLessThan(
      difference(together, mean(try average.networks.map { try $0.predict(examples, .mean) })), 1e-6)
    XCTAssertGreaterThan(difference(together, try average.networks[0].predict(examples, .mean)), 1e-4)
    XCTAssertLessThan(
      difference(
        average.predictOwn(1, examples), mean(average.networks.map { $0.predictOwn(1, examples) })), 1e-6)
  }
}
