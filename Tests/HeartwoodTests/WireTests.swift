import Cohort
import Foundation
import XCTest

/// What crosses the wire, as `summary.json` counts it, held to what the exchange should send: by formula, from a run's shape, to the byte.
final class WireTests: CommandTestCase {
  private let ranks = 2
  private let steps = 60
  /// At validation data: after 50 steps, and after the last.
  private let looks = 2

  /// Numbers that go with the sums.
  private enum Tail {
    /// A step's first sum, and sums of judgement: status and loss.
    static let first = 2
    /// A step's last sum; the same where it is of 32-bit floats.
    static let last = 2
    static let lastOfFloats = 2
  }

  func testBytesOfAStepDoNotGrowWithThePatients() throws {
    for patients in [2, 5, 20] {
      let run = try train(
        min(patients - 1, 3), "p\(patients)",
        ["--simulate", "\(patients)", "--minutes", "2", "--steps", "10"])
      let wire = try XCTUnwrap(try json("\(run)/summary.json")["wire"] as? [String: Any])
      XCTAssertEqual(wire["collectivesPerStep"] as? Int, 2)
      let numbers = 2 * Sizes().batch * Sizes().width + Tail.first + Tail.last
      XCTAssertEqual(wire["bytesPerStepPerRank"] as? Int, 8 * numbers, "\(patients) patients")
    }
  }

  // MARK: Patients never seen: no beat of a source leaves its rank

  func testTheTwoSums() throws {
    let (cohort, sizes) = (try cohort(), Sizes())
    let (first, last) = (sizes.batch * sizes.width + Tail.first, sizes.batch * sizes.width + Tail.last)
    try check(
      cohort, [],
      [
        "activations": all(steps * first), "gradients": all(steps * last),
        "metrics": validation(meanParts: looks + 1) + panel(cohort), "targetBeats": cohort.targetBytes,
      ])
    // What judges stays exact.
    let lastOfFloats = sizes.batch * sizes.width + Tail.lastOfFloats
    try check(
      cohort, ["--sum", "float"],
      [
        "activations": all(steps * first) / 2, "gradients": all(steps * lastOfFloats) / 2,
        "metrics": validation(meanParts: looks + 1) + panel(cohort), "targetBeats": cohort.targetBytes,
      ])
  }

  /// Features of all tasks to all; their gradients back; then the gradients of all that is replicated, a norm a task, loss and status.
  func testThePlainExchange() throws {
    let (cohort, sizes) = (try cohort(), Sizes())
    let features = 4 * cohort.tasks * sizes.batch * sizes.features
    let shared = cohort.tasks * (sizes.features * sizes.width + 1) + sizes.trunk + Tail.lastOfFloats
    try check(
      cohort, ["--exchange", "gather"],
      [
        "activations": steps * features, "gradients": steps * ranks * (features + 4 * shared),
        "metrics": validation(meanParts: looks + 1) + panel(cohort), "targetBeats": cohort.targetBytes,
      ],
      // Replicas of the first trunk matrix's parts are told their first weights.
      andStatus: 4 * cohort.tasks * sizes.features * sizes.width)
  }

  func testHardSharing() throws {
    let (cohort, sizes) = (try cohort(), Sizes())
    try check(
      cohort, ["--fusion", "hard"],
      [
        "gradients": all(steps * (sizes.features * sizes.width + sizes.trunk + Tail.last)),
        "metrics": validation() + panel(cohort), "targetBeats": cohort.targetBytes,
      ])
  }

  /// The network is whole on every rank: judging says nothing.
  func testSingleTaskLearning() throws {
    let cohort = try cohort()
    try check(
      cohort, ["--learning", "stl"],
      [
        "gradients": all(steps * (Sizes().single + Tail.last)), "metrics": validation(),
        "targetBeats": cohort.targetBytes,
      ])
  }

  /// Two towers that read beats beside their patients' statistics, one that does not, and one of timing: 4 x 16, 16 x 2 and biases.
  func testTheAnchoredForm() throws {
    let cohort = try cohort()
    let (tower, raw) = (Sizes(inputs: 2, extra: 4 + 6).single, Sizes(extra: 4).single)
    let timing = [4 * 16, 16, 16 * 2, 2].reduce(0) { $0 + Sizes.held($1) }
    try check(
      cohort, ["--fusion", "anchored"],
      [
        "gradients": all(steps * (2 * tower + raw + timing + Tail.last)), "metrics": validation(),
        "targetBeats": cohort.targetBytes,
      ])
  }

  /// The whole run is counted: a baseline's steps too.
  func testABaselineBesideIt() throws {
    let (cohort, sizes) = (try cohort(), Sizes())
    let (first, last) = (sizes.batch * sizes.width + Tail.first, sizes.batch * sizes.width + Tail.last)
    try check(
      cohort, ["--baseline", "pooled"],
      [
        "activations": all(steps * first), "gradients": all(steps * (last + sizes.single + Tail.last)),
        "metrics": validation(meanParts: looks + 1) + validation() + panel(cohort),
        "targetBeats": cohort.targetBytes,
      ])
  }

  // MARK: Beats that leave their rank

  /// Of a class that a task lacks every task offers what it has, at most 100; nothing else of a source leaves.
  func testBorrowing() throws {
    let (cohort, sizes) = (try cohort(minutes: 1), Sizes())
    XCTAssertTrue(cohort.training.contains { $0.contains { $0 < 10 } }, "no task borrows: \(cohort.training)")
    let (first, last) = (sizes.batch * sizes.width + Tail.first, sizes.batch * sizes.width + Tail.last)
    try check(
      cohort, ["--borrow"],
      [
        "activations": all(steps * first), "gradients": all(steps * last),
        "metrics": validation(meanParts: looks + 1) + panel(cohort, borrowing: true),
        "targetBeats": cohort.targetBytes, "borrowedBeats": borrowed(cohort),
      ])
  }

  /// Each patient judged by its own head, on beats whose labels and probabilities are gathered.
  func testKnownPatients() throws {
    let (cohort, sizes) = (try cohort(.consistent, .patient), Sizes())
    let (first, last) = (sizes.batch * sizes.width + Tail.first, sizes.batch * sizes.width + Tail.last)
    let beats = cohort.parts.reduce(0) { $0 + $1.test.count }
    try check(
      cohort, ["--scenario", "consistent", "--tasks", "patient", "--borrow"],
      [
        "activations": all(steps * first), "gradients": all(steps * last),
        // Numbers of beats; then of each beat a label, two probabilities and a class of AAMI's, each list after its length.
        "metrics": looks * all(sizes.classes * sizes.classes) + (looks + 1) * all(sizes.width + 2)
          + 8 * cohort.tasks + 4 * (1 + 2 + 1) * beats + 4 * all(1),
        "borrowedBeats": borrowed(cohort),
      ])
  }

  /// The paper's tasks draw from the beats of all patients: those cross once, and heads judge together.
  func testThePapersTwoTasks() throws {
    let cohort = try cohort(.consistent, .paper)
    let sizes = Sizes(channels: 16, pool: 4, batch: 64)
    let (first, last) = (sizes.batch * sizes.width + Tail.first, sizes.batch * sizes.width + Tail.last)
    /// z of all beats; how many heads answer; and what they say.
    func judging(_ beats: Int) -> Int {
      all(beats * sizes.width + 2) + all(1) + all(beats * sizes.classes + 2)
    }
    func count(_ part: KeyPath<Parts, Examples>) -> Int {
      cohort.parts.reduce(0) { $0 + $1[keyPath: part].count }
    }
    try check(
      cohort, ["--scenario", "consistent"],
      [
        "activations": all(steps * first), "gradients": all(steps * last),
        "metrics": (looks + 1) * all(sizes.width + 2) + looks * judging(count(\.validation))
          + judging(count(\.test)),
        // Three parts of three lists each, and a length before each.
        "pooledBeats": beat * (count(\.training) + count(\.validation) + count(\.test)) + 9 * all(1),
      ], tasks: 2)
  }

  // MARK: Formulas

  /// So many numbers of 64 bits from every rank.
  private func all(_ numbers: Int) -> Int { ranks * 8 * numbers }

  /// Window, RR features and label, in numbers of 32 bits.
  private let beat = 4 * (128 + 4 + 1)

  /// Counts of right and wrong at each look, and what protocol `mean` needs to know of the other slots as often as said. The results of
  /// each source's own beats are written out as text: `check` adds those.
  private func validation(meanParts: Int = 0) -> Int {
    looks * all(Sizes().classes * Sizes().classes) + meanParts * all(Sizes().width + 2)
  }

  /// How many heads have learned both classes (if none has, how many there are), and what they say of the target's beats.
  private func panel(_ cohort: Cohort, borrowing: Bool = false) -> Int {
    let votes = cohort.training.contains { $0.allSatisfy { $0 >= 10 } } || borrowing
    return all(votes ? 1 : 2) + all(cohort.target * Sizes().classes + Tail.first)
  }

  private func borrowed(_ cohort: Cohort) -> Int {
    (0..<2).reduce(0) { sum, label in
      let counts = cohort.training.map { $0[label] }
      guard counts.contains(where: { $0 < 10 }) else { return sum }
      // Three lists, and each rank's length before each.
      return sum + beat * counts.reduce(0) { $0 + min($1, 100) } + 3 * all(1)
    }
  }

  /// Numbers in the parts of a default network.
  private struct Sizes {
    let batch: Int
    let width = 64
    let classes = 2
    /// Of the branch and its neighbours, for each beat.
    let features: Int
    /// What follows the sum over tasks.
    let trunk: Int
    /// A network of one branch, trunk and head.
    let single: Int

    init(inputs: Int = 1, extra: Int = 0, channels: Int = 8, pool: Int = 8, batch: Int = 16) {
      self.batch = batch
      features = (128 - 7 + 1) / pool * channels + extra
      trunk = width + width * width + width
      single =
        Self.held(7 * inputs * channels) + Self.held(channels) + features * width + trunk
        + Self.held(width * classes) + Self.held(classes)
    }

    /// Every tensor begins on a cache line of 16 numbers, and what lies between is summed with them.
    static func held(_ numbers: Int) -> Int { (numbers + 15) / 16 * 16 }
  }

  // MARK: Runs

  /// Three patients to train on, and a fourth.
  private struct Cohort {
    let options: [String]
    let parts: [Parts]
    /// Training beats of each task, by class.
    let training: [[Int]]
    /// Beats of the patient never seen; 0 where there is none.
    let target: Int

    var tasks: Int { parts.count }
    /// Windows and RR features from the rank that read them, and the length before each of the two lists.
    var targetBytes: Int { 4 * (128 + 4) * target + 2 * 8 }
  }

  private func cohort(
    _ scenario: Scenario = .inconsistent, _ tasks: TaskKind = .patient, minutes: Int = 3
  ) throws -> Cohort {
    let (database, names) = try simulate(4, minutes: minutes)
    let experiment = Experiment(.detection, scenario, tasks: tasks)
    func patient(_ name: String) throws -> Patient {
      try Patient.load(record: "\(database)/\(name)", labelling: experiment.labelling)
    }
    let unseen = scenario == .inconsistent
    let parts = try names.prefix(3).map { experiment.parts(of: try patient($0), seed: 1) }
    return Cohort(
      options: ["--data", database, "--records", names.prefix(3).joined(separator: ",")]
        + (unseen ? ["--targets", names[3]] : []),
      parts: parts, training: parts.map { $0.training.classCounts() },
      target: unseen ? try patient(names[3]).examples.count : 0)
  }

  /// Trains, and compares every kind but status. `andStatus`: bytes that the exchange itself sends under that name.
  private func check(
    _ cohort: Cohort, _ options: [String], _ expected: [String: Int], andStatus known: Int = 0,
    tasks: Int = 3, line: UInt = #line
  ) throws {
    let run = try train(
      ranks, "run \(options.joined())", cohort.options + ["--steps", "\(steps)"] + options)
    let summary = try json("\(run)/summary.json")
    let wire = try XCTUnwrap(summary["wire"] as? [String: Any])
    var kinds = try XCTUnwrap(wire["bytesByKind"] as? [String: Int])
    // Nothing was sent that is of no kind.
    XCTAssertEqual(kinds.values.reduce(0, +), wire["bytes"] as? Int, line: line)
    // Agreements, names, counts: messages come and go with what is agreed on, so they are held to what leaves no room for recordings.
    let status = try XCTUnwrap(kinds.removeValue(forKey: "status")) - known
    XCTAssertGreaterThan(status, 0, line: line)
    XCTAssertLessThan(status, ranks * 4_000 + tasks * 200, line: line)

    var all = [
      "activations", "gradients", "metrics", "targetBeats", "borrowedBeats", "pooledBeats",
    ].reduce(into: [:]) { $0[$1] = 0 }
    all.merge(expected) { $1 }
    all["metrics"]! += try ownResults(summary)
    XCTAssertEqual(kinds, all, line: line)
  }

  /// Where patients are unseen, each rank writes its sources' results as JSON: a list a network, its length before it.
  private func ownResults(_ summary: [String: Any]) throws -> Int {
    let baselines = try XCTUnwrap(summary["baselines"] as? [[String: Any]])
    return try ([summary] + baselines).reduce(0) { sum, network in
      let results = try XCTUnwrap(network["perTask"] as? [[String: Any]])
        .filter { $0["part"] as? String == "validation" }
      guard !results.isEmpty else { return sum }
      let written = try results.map {
        try JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys, .withoutEscapingSlashes]).count
      }
      // Brackets around each rank's list, commas within.
      return sum + written.reduce(0, +) + results.count + ranks + self.all(1)
    }
  }
}
