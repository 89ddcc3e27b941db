import Scaling
import XCTest

final class ForecastTests: XCTestCase {
  private func model() -> StepModel {
    var model = StepModel()
    model.task = 1e-3
    model.deviationOfAll = 0.05
    model.messages = [32784, 16400]
    return model
  }
  private let network = NetworkKind("given", microseconds: 20, gigabits: 10)

  func testAStepIsComputingWaitingAndSums() {
    let forecast = model().forecast(network, patients: 64, tasksARank: 1)
    let sums = 6 * (2 * 20e-6 + (32784 + 16400) * 0.8e-9)
    XCTAssertEqual(forecast.ranks, 64)
    XCTAssertEqual(forecast.rounds, 12)
    XCTAssertEqual(forecast.computing, 1e-3, accuracy: 1e-12)
    XCTAssertEqual(forecast.straggling, 1e-3 * 0.05 * expectedMaximum(64), accuracy: 1e-12)
    XCTAssertEqual(forecast.exchange, sums, accuracy: 1e-12)
    XCTAssertEqual(
      forecast.seconds, forecast.computing + forecast.straggling + forecast.exchange, accuracy: 1e-12)
    XCTAssertEqual(forecast.efficiency, forecast.computing / forecast.seconds, accuracy: 1e-12)
  }

  func testMorePatientsARankHideTheSums() {
    for patients in Forecast.patientCounts {
      let (one, ten) = (
        model().forecast(network, patients: patients, tasksARank: 1),
        model().forecast(network, patients: patients, tasksARank: 10)
      )
      XCTAssertEqual(ten.ranks, (patients + 9) / 10)
      XCTAssertGreaterThan(ten.efficiency, one.efficiency)
    }
    let alone = model().forecast(network, patients: 1, tasksARank: 1)
    XCTAssertEqual(alone.efficiency, 1)
  }

  func testLimitIsWhereHalfTheTimeIsLost() throws {
    let slow = NetworkKind("slow", microseconds: 60, gigabits: 10)
    let limit = try XCTUnwrap(model().limit(slow, tasksARank: 1, upTo: 1_000_000))
    func efficiency(_ patients: Int) -> Double {
      model().forecast(slow, patients: patients, tasksARank: 1).efficiency
    }
    for patients in [limit, 2 * limit, 10 * limit, 1_000_000] { XCTAssertLessThan(efficiency(patients), 0.5) }
    // Where Open MPI changes its algorithm, efficiency jumps: not every smaller number is above one half.
    XCTAssertTrue((limit * 4 / 5..<limit).contains { efficiency($0) >= 0.5 }, "\(limit)")
    let fast = NetworkKind("fast", microseconds: 1, gigabits: 200)
    XCTAssertNil(model().limit(fast, tasksARank: 1, upTo: 8000))
    // More ranks than a sum has numbers: one after the other.
    XCTAssertGreaterThan(try XCTUnwrap(model().limit(fast, tasksARank: 1, upTo: 1_000_000)), 8000)
  }
}
