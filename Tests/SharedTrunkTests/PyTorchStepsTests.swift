import Cohort
import Foundation
import MPI
import SharedTrunk
import XCTest

/// Ten steps of the whole network against figures that PyTorch wrote (Fixtures/make_steps.py), for both exchanges.
final class PyTorchStepsTests: OneRankTestCase {
  private struct Fixture: Decodable {
    let seed: UInt64
    let batch: Int
    let dropout: Float
    let weightDecay: Double
    let clip: Double
    let rates: [Float]
    let length, channels, kernel, pool: Int
    let trunk: [Int]
    let windows, rr: [[Float]]
    let labels: [[Int32]]
    let start: [String: [Float]]
    let losses: [Double]
    let end: [String: [Float]]
  }

  func testTenStepsByReduce() throws { try compare(.reduce) }
  func testTenStepsByGather() throws { try compare(.gather) }

  private func compare(_ exchange: ExchangeKind) throws {
    let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: fixtures("steps.json")))
    let shape = NetworkShape(
      branch: BranchShape(
        length: fixture.length, channels: fixture.channels, kernel: fixture.kernel, pool: fixture.pool),
      extraFeatures: RRFeatures.count, trunk: fixture.trunk, dropout: fixture.dropout)
    let none = Examples(windowLength: fixture.length)
    let tasks = fixture.windows.indices.map { task in
      TaskData(
        name: "\(task)",
        training: Examples(
          windowLength: fixture.length, windows: fixture.windows[task], rr: fixture.rr[task],
          labels: fixture.labels[task]), validation: none, test: none)
    }
    var options = TrainingOptions()
    options.seed = fixture.seed
    options.batch = fixture.batch
    options.weightDecay = fixture.weightDecay
    options.clip = fixture.clip
    options.slotDropout = true
    options.exchange = exchange
    let network = try Network(.concat, shape, .onOneRank(tasks), options, Communicator.world)
    for (name, values) in fixture.start {
      let parts = name.split(separator: "/")
      network.set(String(parts[1]), of: String(parts[0]), to: values)
    }
    try network.replicate()

    var largest = 0.0
    for (step, expected) in fixture.losses.enumerated() {
      let loss = try network.step(step, learningRate: fixture.rates[step])
      largest = max(largest, abs(loss - expected) / abs(expected))
    }
    let weights = network.weights
    for (name, expected) in fixture.end {
      let got = try XCTUnwrap(weights[name], name)
      let scale = expected.map(abs).max()!
      for (a, b) in zip(got, expected) { largest = max(largest, Double(abs(a - b) / scale)) }
    }
    print("ten steps by \(exchange) against PyTorch: largest relative difference \(largest)")
    XCTAssertLessThan(largest, 1e-4)
  }
}
