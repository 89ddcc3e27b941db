import Cohort
import Foundation
import MPI
import SharedTrunk
import XCTest

/// Ten steps of the whole network against figures that PyTorch wrote (Fixtures/make_steps.py), for every kind of branch and both
/// exchanges.
final class PyTorchStepsTests: OneRankTestCase {
  private struct Fixture: Decodable {
    let seed: UInt64
    let batch: Int
    let dropout: Float
    let weightDecay: Double
    let clip: Double
    let rates: [Float]
    let length: Int
    let channels, kernel, pool: Int?
    let frame, hidden: Int?
    let trunk: [Int]
    let windows, rr: [[Float]]
    let labels: [[Int32]]
    let start: [String: [Float]]
    let losses: [Double]
    let end: [String: [Float]]

    /// The sizes that a kind does not have are 0.
    func branch(_ kind: BranchShape.Kind) -> BranchShape {
      BranchShape(
        kind: kind, length: length, channels: channels ?? 0, kernel: kernel ?? 0, pool: pool ?? 0,
        frame: frame ?? 0, hidden: hidden ?? 0)
    }
  }

  func testTenStepsByReduce() throws {
    for kind in BranchShape.Kind.allCases { try compare(kind, .reduce) }
  }

  func testTenStepsByGather() throws {
    for kind in BranchShape.Kind.allCases { try compare(kind, .gather) }
  }

  private func compare(_ kind: BranchShape.Kind, _ exchange: ExchangeKind) throws {
    let fixture = try JSONDecoder().decode(
      Fixture.self, from: Data(contentsOf: fixtures("steps-\(kind).json")))
    let shape = NetworkShape(
      branch: fixture.branch(kind), extraFeatures: RRFeatures.count, trunk: fixture.trunk,
      dropout: fixture.dropout)
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
    XCTAssertEqual(Set(weights.keys), Set(fixture.end.keys))
    for (name, expected) in fixture.end {
      let got = try XCTUnwrap(weights[name], name)
      XCTAssertTrue(got.allSatisfy(\.isFinite), name)
      let scale = expected.map(abs).max()!
      for (a, b) in zip(got, expected) { largest = max(largest, Double(abs(a - b) / scale)) }
    }
    print("ten steps, \(kind), by \(exchange) against PyTorch: largest relative difference \(largest)")
    XCTAssertLessThan(largest, 1e-4, "\(kind) by \(exchange)")
  }
}
