import Cohort
import MPI
import SharedTrunk
import XCTest

/// The weights that recurrent branches start from.
final class StartTests: OneRankTestCase {
  private let hidden = 6
  private let forms: [Network.Form] = [.concat, .hard, .pooled(.balanced), .alone]

  private func branches(_ kind: BranchShape.Kind, _ form: Network.Form, seed: UInt64 = 3) throws
    -> [[String: [Float]]]
  {
    let network = try Network(
      form, .small(kind), .random(2), .small(steps: 1, seed: seed), Communicator.world)
    let groups = Set(
      network.weights.keys.filter { $0.contains("branch.") }.map { $0.split(separator: "/")[0] })
    return groups.sorted().map { network.weights(of: String($0)) }
  }

  func testRecurrentWeightsAreOrthogonal() throws {
    for (kind, gates) in [(BranchShape.Kind.rnn, 1), (.lstm, 4)] {
      for form in forms {
        for weights in try branches(kind, form) {
          let w = try XCTUnwrap(weights["branch.recurrent.weight"])
          XCTAssertEqual(w.count, gates * hidden * hidden)
          for gate in 0..<gates {
            func column(_ c: Int) -> [Float] {
              (0..<hidden).map { w[$0 * gates * hidden + gate * hidden + c] }
            }
            for a in 0..<hidden {
              for b in 0..<hidden {
                let product = zip(column(a), column(b)).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                XCTAssertEqual(product, a == b ? 1 : 0, accuracy: 1e-6, "\(kind) \(form)")
              }
            }
          }
        }
      }
    }
  }

  /// Biases come gate after gate, i, f, g, o.
  func testTheForgetBiasIsOneAndNoOther() throws {
    let bound = 1 / Float(hidden).squareRoot()
    for form in forms {
      for weights in try branches(.lstm, form) {
        let bias = try XCTUnwrap(weights["branch.recurrent.bias"])
        XCTAssertEqual(Array(bias[hidden..<2 * hidden]), [Float](repeating: 1, count: hidden))
        let others = Array(bias[..<hidden] + bias[(2 * hidden)...])
        XCTAssertTrue(others.allSatisfy { abs($0) <= bound })
        XCTAssertEqual(Set(others).count, 3 * hidden)
      }
      for weights in try branches(.rnn, form) {
        let bias = try XCTUnwrap(weights["branch.recurrent.bias"])
        XCTAssertTrue(bias.allSatisfy { abs($0) <= bound })
        XCTAssertEqual(Set(bias).count, hidden)
      }
    }
  }

  func testInputWeightsAreUniformWithTheFanInOfTheState() throws {
    for kind in [BranchShape.Kind.rnn, .lstm] {
      let all = try (1...20).flatMap { try branches(kind, .alone, seed: $0) }.flatMap {
        $0["branch.input.weight"]!
      }
      let bound = 1 / Float(hidden).squareRoot()
      XCTAssertTrue(all.allSatisfy { abs($0) <= bound })
      XCTAssertEqual(all.map(abs).max()!, bound, accuracy: 0.01 * bound)
      XCTAssertEqual(all.reduce(0, +) / Float(all.count), 0, accuracy: 0.05 * bound)
    }
  }

  func testTasksAndSeedsStartApart() throws {
    for kind in [BranchShape.Kind.rnn, .lstm] {
      let recurrent = try [3, 4].flatMap { try branches(kind, .concat, seed: $0) }.map {
        $0["branch.recurrent.weight"]!
      }
      XCTAssertEqual(Set(recurrent).count, 4)
      XCTAssertEqual(try branches(kind, .concat), try branches(kind, .concat))
    }
  }
}
