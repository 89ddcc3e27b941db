import Cohort
import MPI
import SharedTrunk
import XCTest

final class StepClockTests: OneRankTestCase {
  func testEveryPhaseOfEveryStepIsTimed() throws {
    for exchange in ExchangeKind.allCases {
      var options = TrainingOptions.small(steps: 1)
      options.exchange = exchange
      let network = try Network(.concat, .small(), .random(2), options, Communicator.world, timedSteps: 3)
      let clock = try XCTUnwrap(network.clock)
      let start = Environment.wallTime()
      for step in 0..<5 { _ = try network.step(step, learningRate: 1e-3) }
      let spent = Environment.wallTime() - start
      XCTAssertEqual(clock.steps, 3, "as many as it was made for")
      let laps = (0..<3).flatMap { step in
        StepClock.Phase.allCases.map { clock.seconds(step, $0) }
          + clock.collectives(step).prefix(network.collectivesPerStep)
      }
      XCTAssertTrue(laps.allSatisfy { $0 > 0 }, "\(exchange): \(laps)")
      XCTAssertLessThanOrEqual(laps.reduce(0, +), spent)
      clock.clear()
      XCTAssertEqual(clock.steps, 0)
    }
  }

  func testOwnTimeIsRecordedWhereItIsAskedFor() {
    let clock = StepClock(capacity: 2)
    for own in [OwnClock(), nil] {
      clock.ownClock = own
      clock.begin()
      usleep(1000)
      clock.lap(.adam)
      clock.end()
    }
    XCTAssertGreaterThan(clock.ownSeconds(0, .adam), 0)
    XCTAssertEqual(clock.ownSeconds(0, .minibatch), 0)
    XCTAssertEqual(clock.ownSeconds(1, .adam), 0)
  }

  /// Three ranks, two collectives, five steps, in one of which the machine did something else: the second rank always comes last.
  func testStaysAreSplitIntoExchangeAndWait() {
    let transfer = [2.0, 1.0]
    let lateness = [[4.0, 1], [0, 0], [3, 2]]
    let stays = lateness.map { late in
      (0..<5).map { step in (0..<2).map { transfer[$0] + late[$0] + (step == 3 ? 100 : 0) } }
    }
    let shortest = stays[1]
    XCTAssertTrue(StepClock.split(stays[0], shortest: shortest) == (exchange: 3, wait: 5))
    XCTAssertTrue(StepClock.split(stays[1], shortest: shortest) == (exchange: 3, wait: 0))
    XCTAssertTrue(StepClock.split(stays[2], shortest: shortest) == (exchange: 3, wait: 5))
  }

  func testShortestStays() throws {
    let stays = [[3.0, 1], [2, 5]]
    XCTAssertEqual(try StepClock.shortest(stays, Communicator.world), stays)
    XCTAssertEqual(try StepClock.shortest([], Communicator.world), [])
  }
}
