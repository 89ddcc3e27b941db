import Cohort
import MPI
import SharedTrunk
import XCTest

/// How patients become tasks. Examples are known by their numbers: patient i's training examples have 10000 i and on, its validation
/// examples 10000 i + 4000 and on, its test examples 10000 i + 8000 and on.
final class AssemblyTests: OneRankTestCase {
  private func parts(_ patient: Int, training: [Int], validation: [Int] = [], test: [Int] = []) -> Parts {
    func examples(_ counts: [Int], _ first: Int) -> Examples {
      // Classes in turn, so that no class is in one block.
      let labels = (0..<(counts.max() ?? 0)).flatMap { k in
        counts.indices.filter { k < counts[$0] }.map { Int32($0) }
      }
      return .numbered(labels, from: 10_000 * patient + first)
    }
    return Parts(
      training: examples(training, 0), validation: examples(validation, 4000), test: examples(test, 8000))
  }

  private func make(
    _ experiment: Experiment, _ own: [Parts], pairing: Pairing = .independent, borrows: Bool = false,
    seed: UInt64 = 1
  ) throws -> TaskSet {
    try TaskSet.make(
      experiment, own.indices.map { "p\($0)" }, Ownership(tasks: own.count, ranks: 1, rank: 0), own: own,
      pairing: pairing, answer: .mean, borrows: borrows, seed: seed, Communicator.world)
  }

  private func assertRefused(
    _ experiment: Experiment, _ own: [Parts], saying words: [String], line: UInt = #line
  ) {
    XCTAssertThrowsError(try make(experiment, own), line: line) { error in
      XCTAssertTrue(error is AssemblyError, "\(error)", line: line)
      for word in words { XCTAssertTrue("\(error)".contains(word), "'\(error)' lacks \(word)", line: line) }
      XCTAssertFalse("\(error)".contains("\n"), line: line)
    }
  }

  // MARK: One task a patient

  private let detection = Experiment(.detection, .inconsistent)
  /// By patient: both classes; just enough; few of class 0; none of class 1; few of both.
  private var patients: [Parts] {
    [[200, 9], [20, 10], [5, 150], [30, 0], [3, 4]].enumerated().map {
      parts($0, training: $1, validation: [15, 15], test: [15, 15])
    }
  }

  func testTasksWithFewOfAClassBorrowTheOthersTrainingExamples() throws {
    let own = patients
    let set = try make(detection, own, borrows: true)
    XCTAssertEqual(set.names, ["p0", "p1", "p2", "p3", "p4"])
    XCTAssertNil(set.pool)
    XCTAssertEqual(
      set.own.map { $0.borrowed?.classCounts() }, [[0, 100], nil, [100, 0], [0, 100], [100, 100]])
    var labels: [Int: Int32] = [:]
    for part in own {
      for (number, label) in zip(part.training.numbers, part.training.labels) { labels[number] = label }
    }
    for (index, task) in set.own.enumerated() {
      XCTAssertEqual(task.training, own[index].training, "what is borrowed is kept apart")
      XCTAssertEqual(task.validation, own[index].validation)
      // A source has no test part: its own slot is judged on what validates.
      XCTAssertEqual(task.test, own[index].validation)
      guard let borrowed = task.borrowed else { continue }
      XCTAssertEqual(Set(borrowed.numbers).count, borrowed.count, "an example is borrowed twice")
      XCTAssertFalse(borrowed.numbers.contains { $0 / 10_000 == index }, "a task borrows of its own")
      // No number but a training example's has a label here.
      XCTAssertEqual(borrowed.numbers.map { labels[$0] }, borrowed.labels)
      // A patient of many beats does not push the others out.
      XCTAssertGreaterThan(Set(borrowed.numbers.map { $0 / 10_000 }).count, 1)
    }
  }

  func testABorrowerTakesAllThatOthersHaveWhereThatIsLittle() throws {
    let own = [[40, 3], [40, 12], [40, 5]].enumerated().map { parts($0, training: $1) }
    let set = try make(detection, own, borrows: true)
    XCTAssertEqual(set.own.map { $0.borrowed?.count }, [17, nil, 15])
  }

  func testLoansFollowTheSeed() throws {
    func loans(_ seed: UInt64) throws -> [Examples?] {
      try make(detection, patients, borrows: true, seed: seed).own.map(\.borrowed)
    }
    XCTAssertEqual(try loans(1), try loans(1))
    for task in [0, 2, 3, 4] { XCTAssertNotEqual(try loans(1)[task]?.numbers, try loans(2)[task]?.numbers) }
  }

  func testWithBorrowedAddsTheLoanToTheTrainingExamples() throws {
    let set = try make(detection, patients, borrows: true)
    for (task, all) in zip(set.own, set.withBorrowed.own) {
      XCTAssertEqual(all.training.numbers, task.training.numbers + (task.borrowed?.numbers ?? []))
      XCTAssertEqual(all.validation, task.validation)
      XCTAssertEqual(all.test, task.test)
    }
    let without = try make(detection, patients)
    XCTAssertTrue(without.own.allSatisfy { $0.borrowed == nil })
    XCTAssertEqual(without.withBorrowed.own.map(\.training), patients.map(\.training))
  }

  func testAClassThatNobodyHasIsNamed() throws {
    let strict = [
      parts(0, training: [20, 0], validation: [5, 5], test: [5, 5]), parts(1, training: [20, 0]),
    ]
    assertRefused(detection, strict, saying: ["abnormal", "training", "--records"])
    assertRefused(detection, [parts(0, training: [0, 20])], saying: [" normal"])
    assertRefused(Experiment(.classification, .inconsistent), strict, saying: ["VT"])
    assertRefused(Experiment(.detection, .consistent), strict, saying: ["abnormal"])
    assertRefused(Experiment(.detection, .consistent, tasks: .patient), strict, saying: ["abnormal"])
  }

  // MARK: Tasks over the pool

  /// The labels of 6000 draws, as shares; `labels` are those of the examples drawn from.
  private func shares(_ task: TaskData, _ labels: [Int32], classes: Int) throws -> [Double] {
    let sampler = try XCTUnwrap(task.sampler(classes: 2))
    var stream = RandomStream(seed: 8)
    var counts = [Double](repeating: 0, count: classes)
    for _ in 0..<6000 { counts[Int(labels[sampler.draw(using: &stream)])] += 1 / 6000 }
    return counts
  }

  private func assertShares(
    _ task: TaskData, _ labels: [Int32], _ expected: [Double], line: UInt = #line
  ) throws {
    for (share, expected) in zip(try shares(task, labels, classes: expected.count), expected) {
      XCTAssertEqual(share, expected, accuracy: 0.025, task.name, line: line)
    }
  }

  private func draws(_ task: TaskData) throws -> [Int] {
    let sampler = try XCTUnwrap(task.sampler(classes: 2))
    var stream = RandomStream(seed: 9)
    return (0..<200).map { _ in task.training.numbers[sampler.draw(using: &stream)] }
  }

  func testPooledDetectionIsAMostlyNormalAndAMostlyAbnormalTask() throws {
    let own = [
      parts(0, training: [300, 40], validation: [9, 8], test: [7, 6]),
      parts(1, training: [50, 60], validation: [5, 4], test: [3, 2]),
    ]
    for pairing in Pairing.allCases {
      let set = try make(Experiment(.detection, .consistent), own, pairing: pairing)
      XCTAssertEqual(set.names, ["mostly-normal", "mostly-abnormal"])
      XCTAssertEqual(set.heads, .vote)
      let pool = try XCTUnwrap(set.pool)
      XCTAssertEqual(pool.classes, ["normal", "abnormal"])
      XCTAssertEqual(pool.answer, .mean)
      XCTAssertEqual(pool.parts.training.numbers, own[0].training.numbers + own[1].training.numbers)
      XCTAssertEqual(pool.parts.validation.numbers, own[0].validation.numbers + own[1].validation.numbers)
      XCTAssertEqual(pool.parts.test.numbers, own[0].test.numbers + own[1].test.numbers)
      for task in set.own {
        XCTAssertEqual(task.training, pool.parts.training)
        XCTAssertEqual(task.validation, pool.parts.validation)
        XCTAssertEqual(task.test, pool.parts.test)
      }
      let labels = pool.parts.training.labels
      try assertShares(set.own[0], labels, pairing == .same ? [0.5, 0.5] : [0.9, 0.1])
      try assertShares(set.own[1], labels, pairing == .same ? [0.5, 0.5] : [0.1, 0.9])
      XCTAssertEqual(try draws(set.own[0]) == draws(set.own[1]), pairing == .same)
    }
  }

  /// VT, SVTA, AFIB, AFL: too few SVTA to train.
  private let rhythms = Experiment(.classification, .consistent)
  private var rhythmParts: [Parts] {
    [
      parts(0, training: [6, 9, 40, 0], validation: [2, 2, 2, 0], test: [3, 3, 3, 0]),
      parts(1, training: [4, 0, 0, 90], validation: [1, 0, 1, 1], test: [0, 2, 2, 1]),
    ]
  }

  func testPooledClassificationIsATaskForEachRhythmThatIsKept() throws {
    let kept: [Int32] = [0, 2, 3]
    for pairing in Pairing.allCases {
      let set = try make(rhythms, rhythmParts, pairing: pairing)
      XCTAssertEqual(set.names, ["VT", "AFIB", "AFL"])
      XCTAssertEqual(set.heads, .oneVersusRest)
      let pool = try XCTUnwrap(set.pool)
      XCTAssertEqual(pool.classes, set.names)
      for part in [\Parts.training, \.validation, \.test] {
        var all = rhythmParts[0][keyPath: part]
        all.append(contentsOf: rhythmParts[1][keyPath: part])
        let known = all[all.labels.indices.filter { kept.contains(all.labels[$0]) }]
        let pooled = pool.parts[keyPath: part]
        XCTAssertEqual(pooled.numbers, known.numbers)
        XCTAssertEqual(pooled.labels.map { kept[Int($0)] }, known.labels)
      }
      for (index, task) in set.own.enumerated() {
        for (examples, pooled) in [
          (task.training, pool.parts.training), (task.validation, pool.parts.validation),
          (task.test, pool.parts.test),
        ] {
          XCTAssertEqual(examples.numbers, pooled.numbers)
          XCTAssertEqual(examples.labels, pooled.labels.map { Int($0) == index ? 1 : 0 })
        }
        let own = (0..<3).map { pairing == .same ? 1.0 / 3 : $0 == index ? 0.5 : 0.25 }
        try assertShares(task, pool.parts.training.labels, own)
      }
      let drawn = try set.own.map(draws)
      XCTAssertEqual(drawn[0] == drawn[1] && drawn[1] == drawn[2], pairing == .same)
    }
  }

  func testARhythmNeedsTenTrainingBeatsAndOneTestBeat() throws {
    func names(_ training: [Int], _ test: [Int]) throws -> [String] {
      try make(rhythms, [parts(0, training: training, test: test)]).names
    }
    XCTAssertEqual(try names([10, 10, 10, 10], [1, 1, 1, 1]), ["VT", "SVTA", "AFIB", "AFL"])
    XCTAssertEqual(try names([10, 9, 0, 10], [1, 5, 5, 1]), ["VT", "AFL"])
    XCTAssertEqual(try names([10, 90, 90, 90], [0, 1, 1, 0]), ["SVTA", "AFIB"])
    assertRefused(
      rhythms, [parts(0, training: [9, 0, 40, 30], test: [5, 0, 7, 0])],
      saying: ["only AFIB ", "VT 9, 5", "SVTA 0, 0", "AFIB 40, 7", "AFL 30, 0", "--records"])
    assertRefused(rhythms, [parts(0, training: [], test: [])], saying: ["only none"])
  }

  /// Single-task learning sees every example of the pool once, under the pool's labels, on any number of ranks alike.
  func testAPoolIsDealtOutForSingleTaskLearning() throws {
    let set = try make(rhythms, rhythmParts)
    let pool = try XCTUnwrap(set.pool).parts
    var whole: [[Int]] = []
    for ranks in 1...3 {
      var all = Examples(windowLength: 128)
      var byTask: [[Int]] = []
      for rank in 0..<ranks {
        let ownership = Ownership(tasks: 3, ranks: ranks, rank: rank)
        let part = TaskSet(
          names: set.names, ownership: ownership, own: ownership.own.map { set.own[$0] }, pool: set.pool,
          heads: set.heads
        ).forSingleTask
        for task in part.own {
          all.append(contentsOf: task.training)
          byTask.append(task.training.numbers)
          XCTAssertEqual(task.validation, pool.validation)
          XCTAssertEqual(task.test, pool.test)
        }
      }
      let order = all.numbers.indices.sorted { all.numbers[$0] < all.numbers[$1] }
      XCTAssertEqual(all[order].numbers, pool.training.numbers)
      XCTAssertEqual(all[order].labels, pool.training.labels)
      if ranks == 1 { whole = byTask }
      XCTAssertEqual(byTask, whole)
      XCTAssertTrue(byTask.allSatisfy { !$0.isEmpty })
    }
    let perPatient = try make(detection, patients)
    XCTAssertEqual(perPatient.forSingleTask.own.map(\.training), patients.map(\.training))
  }

  // MARK: Pairing

  /// Two tasks with the same data and the same weights stay the same only if they draw the same beats.
  func testSamePairingShowsEveryTaskTheSameBeats() throws {
    let task = SyntheticTask.make(0, count: 40, length: 20)
    let none = Examples(windowLength: 20)
    let set = TaskSet.onOneRank(
      ["a", "b"].map { TaskData(name: $0, training: task.training, validation: none, test: none) })
    for form in [Network.Form.concat, .hard] {
      for pairing in Pairing.allCases {
        var options = TrainingOptions.small(steps: 5)
        options.pairing = pairing
        let network = try Network(form, .small(), set, options, Communicator.world)
        for (tensor, values) in network.weights(of: "a") { network.set(tensor, of: "b", to: values) }
        try network.replicate()
        let start = network.weights(of: "a")
        for step in 0..<5 { _ = try network.step(step, learningRate: 1e-2) }
        XCTAssertNotEqual(network.weights(of: "a"), start)
        XCTAssertEqual(
          network.weights(of: "a") == network.weights(of: "b"), pairing == .same, "\(form) \(pairing)")
      }
    }
  }
}
