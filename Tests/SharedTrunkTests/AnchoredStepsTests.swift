import Cohort
import Foundation
import MPI
import SharedTrunk
import XCTest

/// Twelve steps of the anchored form, and its answers for a patient never seen, against figures that PyTorch and numpy wrote
/// (Fixtures/make_anchored.py): every gradient, the statistics, the anchors and which beats are typical.
final class AnchoredStepsTests: OneRankTestCase {
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
    /// The last patient's are of the one never seen.
    let windows, rr: [[Float]]
    let labels: [[Int32]]
    let start: [String: [Float]]
    let losses: [Double]
    let end: [String: [Float]]
    /// Probabilities that a beat of the patient never seen is abnormal.
    let answers: [String: [Float]]
  }

  func testTwelveSteps() throws {
    for kind in [BranchShape.Kind.cnn, .lstm] { try compare(kind) }
  }

  private func compare(_ kind: BranchShape.Kind) throws {
    let fixture = try JSONDecoder().decode(
      Fixture.self, from: Data(contentsOf: fixtures("steps-anchored-\(kind).json")))
    func examples(_ patient: Int, _ labels: [Int32]? = nil) -> Examples {
      Examples(
        windowLength: fixture.length, windows: fixture.windows[patient], rr: fixture.rr[patient],
        labels: labels)
    }
    let shape = NetworkShape(
      branch: BranchShape(
        kind: kind, length: fixture.length, channels: fixture.channels ?? 0, kernel: fixture.kernel ?? 0,
        pool: fixture.pool ?? 0, frame: fixture.frame ?? 0, hidden: fixture.hidden ?? 0),
      trunk: fixture.trunk, dropout: fixture.dropout
    ).besideOwnStatistics
    let none = Examples(windowLength: fixture.length)
    let tasks = fixture.labels.enumerated().map {
      TaskData(name: "\($0)", training: examples($0, $1), validation: none, test: none)
    }
    var options = TrainingOptions()
    options.seed = fixture.seed
    options.batch = fixture.batch
    options.weightDecay = fixture.weightDecay
    options.clip = fixture.clip
    options.anchoring.towers = 1
    let network = try Network(.anchored, shape, .onOneRank(tasks), options, Communicator.world)
    for (name, values) in fixture.start {
      let parts = name.split(separator: "/")
      network.set(String(parts[1]), of: String(parts[0]), to: values)
    }

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
    print("twelve anchored steps, \(kind), against PyTorch: largest relative difference \(largest)")
    XCTAssertLessThan(largest, 1e-4, "\(kind)")

    let stranger = examples(fixture.labels.count)
    for (name, expected) in fixture.answers {
      let answer = try XCTUnwrap(PredictionProtocol(rawValue: name))
      let got = try network.predict(stranger, answer)
      let abnormal = stride(from: 1, to: got.count, by: 2).map { got[$0] }
      XCTAssertLessThan(difference(abnormal, expected), 1e-4, "\(kind), \(name)")
    }
  }
}
