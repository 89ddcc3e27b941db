import Scaling
import XCTest

final class StepModelTests: XCTestCase {
  private let job = Placement(regular: 6, perHost: 6)

  private func known() -> StepModel {
    var model = StepModel()
    (model.task, model.memory) = (600e-6, 550e-6)
    (model.cache, model.sharpness, model.sharing) = (4, 1.5, 1)
    model.hindrance = 0.1
    (model.deviationOfOne, model.deviationOfAll) = (0.05, 0.01)
    (model.sums.latencyWithin, model.sums.byteWithin) = (5e-6, 1e-9)
    model.messages = [32784, 16400]
    return model
  }

  private func steps(_ model: StepModel, _ patients: [Int] = [1, 2, 3, 4, 6, 12, 60]) -> [StepModel.Measured]
  {
    let teams = [1, 2, 3, 4, 6].map { job[job.spread($0)] }
    return teams.flatMap { team in
      patients.filter { $0 >= team.ranks }.map { tasks in
        let most = Double((tasks - 1) / team.ranks + 1)
        return .init(
          team, tasks: tasks, seconds: model.seconds(team, tasks: tasks),
          deviation: model.deviationOfOne / most.squareRoot() + model.deviationOfAll)
      }
    }
  }

  func testFitFindsWhatMadeTheSteps() {
    let known = known()
    let fitted = StepModel(fitting: steps(known), sums: known.sums, messages: known.messages)
    XCTAssertEqual(fitted.task / known.task, 1, accuracy: 0.05)
    XCTAssertEqual((fitted.task + fitted.memory) / (known.task + known.memory), 1, accuracy: 0.02)
    XCTAssertEqual(fitted.cache, 4, accuracy: 0.6)
    XCTAssertEqual(fitted.sharing, 1)
    XCTAssertEqual(fitted.hindrance, 0.1, accuracy: 0.051)
    XCTAssertEqual(fitted.deviationOfOne, 0.05, accuracy: 1e-6)
    XCTAssertEqual(fitted.deviationOfAll, 0.01, accuracy: 1e-6)
    for step in steps(known) {
      let seconds = fitted.seconds(step.placement, tasks: step.tasks)
      XCTAssertEqual(seconds / step.seconds, 1, accuracy: 0.02, "\(step.placement.ranks), \(step.tasks)")
    }
  }

  func testPointsLeftOutArePredicted() throws {
    let (known, steps) = (known(), steps(known()))
    let each = try XCTUnwrap(StepModel.eachLeftOut(steps, sums: known.sums, messages: known.messages))
    XCTAssertLessThan(each.medianError, 0.02)
    XCTAssertLessThan(each.worstError, 0.1)
    XCTAssertTrue(each.predicted.allSatisfy { $0 != nil })

    let sums = [2, 3, 4, 6].flatMap { ranks in
      [8, 4096, 16400, 32784, 65568].map { bytes in
        let team = job[job.spread(ranks)]
        return SumModel.Measured(team, bytes: bytes, seconds: known.sums.seconds(team, bytes: bytes))
      }
    }
    let most = try XCTUnwrap(
      StepModel.mostRanksLeftOut(steps, sums: sums, messages: known.messages))
    XCTAssertLessThan(most.worstError, 0.1)
    XCTAssertEqual(
      most.predicted.map { $0 != nil }, steps.map { $0.placement.ranks == 6 }, "all of six ranks, no other")
    XCTAssertNil(
      StepModel.mostRanksLeftOut(
        steps.filter { $0.placement.ranks < 3 }, sums: sums, messages: known.messages),
      "two numbers of ranks tell nothing of a third")
  }

  /// The error that is told is that of a point which the model cannot know, not of one it was fitted to.
  func testAPointOutOfLineIsSeenAndDoesNotBendTheRest() throws {
    let known = known()
    var steps = steps(known)
    let odd = steps.firstIndex { $0.placement.ranks == 3 && $0.tasks == 12 }!
    steps[odd] = .init(
      steps[odd].placement, tasks: 12, seconds: 3 * steps[odd].seconds, deviation: 0.02)
    let check = try XCTUnwrap(StepModel.eachLeftOut(steps, sums: known.sums, messages: known.messages))
    XCTAssertEqual(check.worst, odd)
    XCTAssertEqual(check.worstError, 2.0 / 3, accuracy: 0.05)
    XCTAssertLessThan(check.medianError, 0.03)
  }

  func testOneRankNeedsNoSums() {
    let known = known()
    let alone = steps(known).filter { $0.placement.ranks == 1 }
    let fitted = StepModel(fitting: alone, sums: SumModel(fitting: []), messages: known.messages)
    XCTAssertEqual(fitted.hindrance, 0)
    for step in alone {
      XCTAssertEqual(
        fitted.seconds(step.placement, tasks: step.tasks) / step.seconds, 1, accuracy: 0.02, "\(step.tasks)")
    }
  }

  func testOfAFewPointsATasksTimeIsTold() {
    let alone = job[[0]]
    let steps = [2, 4].map {
      StepModel.Measured(alone, tasks: $0, seconds: 1e-3 * Double($0), deviation: 0.02)
    }
    let fitted = StepModel(fitting: steps, sums: SumModel(fitting: []), messages: [32784, 16400])
    XCTAssertEqual(fitted.task, 1e-3, accuracy: 1e-9)
    XCTAssertEqual(fitted.seconds(alone, tasks: 1), 1e-3, accuracy: 1e-9)
  }

  func testHandComputedStep() {
    var model = known()
    let two = job[job.spread(2)]
    let sums = model.sums.seconds(two, bytes: 32784) + model.sums.seconds(two, bytes: 16400)
    // Four tasks and three, each rank on a core.
    let miss = 1 / (1 + pow(4.0 / 7, 1.5))
    let straggling = 1 + (0.05 / 2 + 0.01) * expectedMaximum(2)
    XCTAssertEqual(
      model.seconds(two, tasks: 7), (4 + 0.1 * 3) * (600e-6 + 550e-6 * miss) * straggling + sums,
      accuracy: 1e-12)
    // On two cores six ranks take turns, and of three two: one core has the rank with two tasks, the other two with one.
    model.hindrance = 0
    (model.deviationOfOne, model.deviationOfAll) = (0, 0)
    let crowded = Placement(hosts: job.hosts, machines: job.machines, cores: [2])
    for (ranks, tasks, work) in [(6, 6, 3.0), (6, 8, 4), (3, 3, 2), (3, 4, 2)] {
      let team = crowded[crowded.spread(ranks)]
      XCTAssertEqual(
        model.seconds(team, tasks: tasks) - model.exchange(team),
        work * (600e-6 + 550e-6 * 1 / (1 + pow(4 / Double(tasks), 1.5))), accuracy: 1e-12,
        "\(ranks), \(tasks)")
    }
  }

  func testWaitingForCoresIsFittedForEachNumberOfRanks() throws {
    var known = known()
    let crowded = Placement(hosts: job.hosts, machines: job.machines, cores: [2])
    known.turns = [
      .init(ranks: 3, factor: 1.1, share: 0.2, limit: 1.28e-3),
      .init(ranks: 6, factor: 1.5, share: 0.5, limit: 2.56e-3),
    ]
    let steps = [1, 2, 3, 6].flatMap { ranks in
      [1, 2, 3, 4, 6, 9, 12, 18, 60].filter { $0 >= ranks }.map { tasks in
        let team = crowded[crowded.spread(ranks)]
        return StepModel.Measured(
          team, tasks: tasks, seconds: known.seconds(team, tasks: tasks), deviation: 0.06)
      }
    }
    let fitted = StepModel(fitting: steps, sums: known.sums, messages: known.messages)
    XCTAssertEqual(fitted.turns.map(\.ranks), [3, 6])
    for (found, turns) in zip(fitted.turns, known.turns) {
      XCTAssertEqual(found.factor / turns.factor, 1, accuracy: 0.06)
      XCTAssertEqual(found.limit / turns.limit, 1, accuracy: 0.45)
    }
    let check = try XCTUnwrap(
      StepModel.eachLeftOut(steps, sums: known.sums, messages: known.messages))
    XCTAssertLessThan(check.worstError, 0.1)
    // A number of ranks that was not measured takes turns as the next smaller one.
    let four = crowded[crowded.spread(4)]
    XCTAssertEqual(
      known.seconds(four, tasks: 4) - known.exchange(four),
      1.1 * computing(known, four, tasks: 4) + min(0.2 * computing(known, four, tasks: 4), 1.28e-3),
      accuracy: 1e-9)
  }

  private func computing(_ model: StepModel, _ placement: Placement, tasks: Int) -> Double {
    var model = model
    model.turns = []
    return model.seconds(placement, tasks: tasks) - model.exchange(placement)
  }

  func testExpectedMaximum() {
    // Of normal numbers: Harter 1961.
    for (count, expected) in [(1, 0), (2, 0.5642), (5, 1.163), (10, 1.5388), (100, 2.5076), (1000, 3.2414)] {
      XCTAssertEqual(expectedMaximum(count), expected, accuracy: 0.03, "\(count)")
    }
  }
}
