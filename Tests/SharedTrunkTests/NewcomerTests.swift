import Cohort
import Foundation
import MPI
import SharedTrunk
import XCTest

/// A patient who joins a trained model.
final class NewcomerTests: OneRankTestCase {
  private var folder = ""

  override func setUpWithError() throws {
    try super.setUpWithError()
    folder = NSTemporaryDirectory() + "newcomer-\(UUID().uuidString)"
    for name in ["model", "joined"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
  }

  override func tearDown() { try? FileManager.default.removeItem(atPath: folder) }

  // MARK: Stand-ins

  private func labels(_ zeros: Int, _ ones: Int) -> [Int32] {
    [Int32](repeating: 0, count: zeros) + [Int32](repeating: 1, count: ones)
  }

  func testStandInsAreForClassesWithTooFewBeats() {
    let pools = [Examples.numbered(labels(150, 150), from: 1000), .numbered(labels(30, 30), from: 2000)]
    func standIns(_ zeros: Int, _ ones: Int, _ pools: [Examples], seed: UInt64 = 1) -> Examples {
      Newcomer(
        "new", own: .numbered(labels(zeros, ones), from: 0), pools: { pools }, classes: 2, seed: seed
      ).standIns
    }
    XCTAssertEqual(standIns(10, 10, pools).count, 0)
    // 50 of the first pool, all 30 of the second
    XCTAssertEqual(standIns(50, 9, pools).classCounts(), [0, 80])
    XCTAssertEqual(standIns(50, 0, [pools[0]]).classCounts(), [0, 100])
    XCTAssertEqual(standIns(2, 3, pools).classCounts(), [80, 80])
    let (some, others) = (standIns(50, 0, pools), standIns(50, 0, pools, seed: 2))
    XCTAssertEqual(Set(some.numbers).count, 80)
    XCTAssertTrue(some.numbers.allSatisfy { (1150..<1300).contains($0) || (2030..<2060).contains($0) })
    XCTAssertEqual(some, standIns(50, 0, pools))
    XCTAssertNotEqual(some, others)
  }

  func testPoolsAreNotMadeWhereNotNeeded() throws {
    struct Made: Error {}
    let own = Examples.numbered(labels(20, 20), from: 0)
    XCTAssertNoThrow(try Newcomer("new", own: own, pools: { throw Made() }, classes: 2, seed: 1))
    XCTAssertThrowsError(
      try Newcomer(
        "new", own: .numbered(labels(20, 1), from: 0), pools: { throw Made() }, classes: 2, seed: 1))
  }

  /// Half of the draws are of either class; of a class with own beats and stand-ins half are of the own.
  func testDraws() throws {
    func shares(_ zeros: Int, _ ones: Int) throws -> [Double] {
      let newcomer = Newcomer(
        "new", own: .numbered(labels(zeros, ones), from: 0),
        pools: { [.numbered(self.labels(0, 100), from: 1000)] }, classes: 2, seed: 1)
      let task = newcomer.task(classes: 2)
      let sampler = try XCTUnwrap(task.sampler(classes: 2))
      var stream = RandomStream(seed: 3)
      var counts = [0.0, 0, 0]  // own normal, own abnormal, stand-ins
      for _ in 0..<8000 {
        let number = task.training.numbers[sampler.draw(using: &stream)]
        counts[number >= 1000 ? 2 : number < zeros ? 0 : 1] += 1 / 8000
      }
      return counts
    }
    for (zeros, ones, expected) in [
      (40, 0, [0.5, 0, 0.5]), (40, 1, [0.5, 0.25, 0.25]), (40, 20, [0.5, 0.5, 0]),
    ] {
      for (share, expected) in zip(try shares(zeros, ones), expected) {
        XCTAssertEqual(share, expected, accuracy: 0.02)
      }
    }
  }

  func testSimulatedStandIns() throws {
    let beats = try StandIns.beats(window: .beat, labelling: .strict)
    XCTAssertEqual(beats.windowLength, 128)
    XCTAssertGreaterThanOrEqual(beats.classCounts()[1], 100)
    XCTAssertGreaterThanOrEqual(beats.classCounts()[0], 100)
    XCTAssertTrue(
      beats.labels.indices.allSatisfy { beats.labels[$0] == 0 || beats.symbols[$0] == "V" })
    XCTAssertEqual(beats, try StandIns.beats(window: .beat, labelling: .strict))
  }

  // MARK: Training

  /// Random windows, those of class 1 raised.
  private func learnable(_ number: Int) -> Examples {
    let noise = SyntheticTask.make(number, count: 60, length: 20).training
    return Examples(
      windowLength: 20,
      windows: noise.windows.indices.map { noise.windows[$0] + 2 * Float(noise.labels[$0 / 20]) },
      rr: noise.rr, labels: noise.labels)
  }

  private func trained(_ kind: BranchShape.Kind, slotDropout: Bool) throws -> ModelDescription {
    let none = Examples(windowLength: 20)
    let tasks = TaskSet.onOneRank(
      (0..<3).map { TaskData(name: "\($0)", training: learnable($0), validation: none, test: none) })
    var options = TrainingOptions.small(steps: 200)
    options.slotDropout = slotDropout
    let shape = NetworkShape.small(kind)
    let network = try Network(.concat, shape, tasks, options, Communicator.world)
    _ = try network.train { _ in }
    let description = ModelDescription(
      problem: "detection", scenario: "inconsistent", learning: .mtl, fusion: .concat, baseline: nil,
      heads: .vote, shape: shape, classes: ["normal", "abnormal"], records: tasks.names, tasks: tasks.names,
      protocol: .mean,
      input: InputDescription(
        WindowShape(length: shape.branch.length, rate: 128, before: 0.05), .strict, lead: nil),
      options: options)
    try network.write(description, to: "\(folder)/model")
    return description
  }

  /// As the model folder has it.
  private func read(_ name: String) throws -> Network {
    let description = try ModelFolder.description(in: "\(folder)/\(name)")
    let none = Examples(windowLength: 20)
    let tasks = TaskSet.onOneRank(
      description.tasks.map { TaskData(name: $0, training: none, validation: none, test: none) })
    let network = try Network(
      .concat, description.shape, tasks, description.options, Communicator.world)
    try network.read(from: "\(folder)/\(name)")
    try network.prepareAfterReading()
    return network
  }

  func testANewcomerLearnsAndTheOthersStay() throws {
    let examples = learnable(7)
    let newcomer = Newcomer("new", own: examples, pools: { [] }, classes: 2, seed: 5)
    for kind in BranchShape.Kind.allCases {
      for slotDropout in [false, true] {
        for fromNearest in [false, true] {
          let name = "\(kind) \(slotDropout) \(fromNearest)"
          let description = try trained(kind, slotDropout: slotDropout)
          var recipe = AdaptationRecipe(.frozen, kind)
          recipe.steps = 400
          recipe.learningRate = 3e-3
          recipe.dropout = 0
          recipe.startsFromNearest = fromNearest
          var losses: [Double] = []
          let training = try newcomer.join(
            description, in: "\(folder)/model", recipe, seed: 5, seconds: 60, to: "\(folder)/joined",
            Communicator.world
          ) { losses.append($0.loss) }
          XCTAssertEqual(losses.count, 400)
          XCTAssertEqual(training.lastLoss, losses.last)
          XCTAssertEqual(training.bestStep, 400)
          XCTAssertLessThan(
            losses.suffix(5).reduce(0, +), 0.7 * losses.prefix(5).reduce(0, +), name)

          let (before, after) = (try read("model"), try read("joined"))
          XCTAssertEqual(after.tasks.names, before.tasks.names + ["new"])
          let strange = SyntheticTask.make(9, count: 30, length: 20).training
          for position in 0..<3 {
            XCTAssertEqual(
              after.predictOwn(position, strange), before.predictOwn(position, strange), name)
          }
          for answer in [PredictionProtocol.mean, .slot, .broadcast] {
            XCTAssertEqual(try after.predict(strange, answer), try before.predict(strange, answer), name)
          }
          // Its own head has learned the patient.
          let verdicts = Metrics(
            labels: examples.labels, probabilities: after.predictOwn(3, examples), classes: 2, seed: 1)
          XCTAssertGreaterThan(try XCTUnwrap(verdicts.balancedAccuracy), 0.75, name)
          for (group, values) in before.weights { XCTAssertEqual(after.weights[group], values, name) }
        }
      }
    }
  }

  /// Where no head votes, all of the model's own are asked, the newcomer's not.
  func testANewcomerIsNotAskedWhereNobodyVotes() throws {
    let description = try trained(.cnn, slotDropout: false)
    for task in description.tasks {
      let file = ModelFolder.taskFile(task)
      var tensors = try ModelFolder.tensors(file, in: "\(folder)/model")
      tensors.metadata["votes"] = "no"
      try tensors.encoded().write(to: URL(fileURLWithPath: "\(folder)/model/\(file)"))
    }
    var recipe = AdaptationRecipe(.frozen, .cnn)
    recipe.steps = 50
    _ = try Newcomer("new", own: learnable(7), pools: { [] }, classes: 2, seed: 5).join(
      description, in: "\(folder)/model", recipe, seed: 5, seconds: 60, to: "\(folder)/joined",
      Communicator.world
    ) { _ in }
    let (before, after) = (try read("model"), try read("joined"))
    let strange = SyntheticTask.make(9, count: 30, length: 20).training
    for answer in [PredictionProtocol.mean, .slot, .broadcast] {
      XCTAssertEqual(try after.predict(strange, answer), try before.predict(strange, answer))
    }
  }

  func testWhoCannotBeJoined() throws {
    let description = try trained(.cnn, slotDropout: false)
    XCTAssertNil(description.reasonAgainstNewcomers)
    for change in [
      { $0.fusion = .hard }, { $0.learning = .stl }, { $0.problem = "classification" },
      { $0.tasks = ["mostly-normal", "mostly-abnormal"] },
    ] as [(inout ModelDescription) -> Void] {
      var other = description
      change(&other)
      XCTAssertNotNil(other.reasonAgainstNewcomers)
    }
    let joined = description.joined(by: "new", seconds: 60, .frozen)
    XCTAssertEqual(joined.tasks.last, "new")
    XCTAssertEqual(joined.records.last, "new")
    XCTAssertEqual(joined.adaptations, [.init(task: "new", seconds: 60, trunk: .frozen)])
  }
}
