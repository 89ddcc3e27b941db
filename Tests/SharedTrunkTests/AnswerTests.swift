import Cohort
import MPI
import SharedTrunk
import XCTest

/// How the heads of several tasks answer together for a beat that comes without its task.
final class AnswerTests: OneRankTestCase {
  private let examples = SyntheticTask.make(9, count: 33, length: 20).training

  /// A network whose task i has `counts[i]` training examples of class 1 and 20 of class 0. Its weights follow the seed alone:
  /// large heads, biases 0, so that answers differ from example to example.
  private func network(_ form: Network.Form, _ counts: [Int], _ heads: Heads = .vote) throws -> Network {
    let none = Examples(windowLength: 20)
    let tasks = counts.enumerated().map { index, count in
      let labels = (0..<20 + count).map { Int32($0 < 20 ? 0 : 1) }
      let windows = SyntheticTask.make(index, count: labels.count, length: 20).training
      return TaskData(name: "\(index)", training: windows.relabelled(labels), validation: none, test: none)
    }
    let network = try Network(form, .small(), .onOneRank(tasks, heads), .small(steps: 1), Communicator.world)
    for (name, values) in network.weights {
      let parts = name.split(separator: "/").map(String.init)
      let scale: Float = parts[1].hasSuffix(".bias") ? 0 : parts[1] == "head.weight" ? 20 : 1
      network.set(parts[1], of: parts[0], to: values.map { scale * $0 })
    }
    try network.replicate()
    return network
  }

  private let answers: [(Network.Form, PredictionProtocol)] = [
    (.concat, .broadcast), (.concat, .slot), (.concat, .mean), (.hard, .mean), (.alone, .mean),
    (.finetuned, .mean),
  ]

  func testOnlyHeadsThatHaveSeenTenOfEachClassVote() throws {
    for (form, answer) in answers {
      func votes(_ counts: [Int]) throws -> [Float] { try network(form, counts).predict(examples, answer) }
      let single = try [[10, 9, 9], [9, 10, 9], [9, 9, 10]].map(votes)
      XCTAssertGreaterThan(difference(single[0], single[1]), 1e-3)
      func mean(_ voters: [Int]) -> [Float] {
        single[0].indices.map { index in
          voters.reduce(0) { $0 + single[$1][index] } / Float(voters.count)
        }
      }
      XCTAssertLessThan(difference(try votes([10, 9, 12]), mean([0, 2])), 1e-6, "\(form) \(answer)")
      XCTAssertLessThan(difference(try votes([12, 10, 30]), mean([0, 1, 2])), 1e-6, "\(form) \(answer)")
      // Where no head has learned both, all are asked.
      XCTAssertLessThan(difference(try votes([9, 0, 5]), mean([0, 1, 2])), 1e-6, "\(form) \(answer)")
    }
  }

  func testOneVersusRestAnswersTheLikeliestHead() throws {
    var given: Set<Int> = []
    for (form, answer) in answers {
      // Each head's claim, from networks in which it alone votes.
      let claims = try [[10, 9, 9], [9, 10, 9], [9, 9, 10]].map { counts in
        let single = try network(form, counts).predict(examples, answer)
        return examples.labels.indices.map { single[2 * $0 + 1] }
      }
      let together = try network(form, [10, 9, 30], .oneVersusRest).predict(examples, answer)
      XCTAssertEqual(together.count, 3 * examples.count)
      let verdicts = Metrics.verdicts(together, classes: 3)
      for row in examples.labels.indices {
        let mine = claims.map { $0[row] }
        let total = mine.reduce(0, +)
        let answered = Array(together[3 * row..<3 * row + 3])
        XCTAssertEqual(answered.reduce(0, +), 1, accuracy: 1e-6)
        XCTAssertLessThan(difference(answered, mine.map { $0 / total }), 1e-6, "\(form) \(answer)")
        XCTAssertEqual(verdicts[row], mine.firstIndex(of: mine.max()!), "\(form) \(answer)")
      }
      given.formUnion(verdicts)
    }
    XCTAssertEqual(given, [0, 1, 2])
  }

  /// Beats may come under labels that no head knows: a pool's number of a rhythm, or none.
  func testAnswersDoNotDependOnLabels() throws {
    let others = [3, -1, 1000].map { label in
      examples.relabelled([Int32](repeating: label, count: examples.count))
    }
    for heads in [Heads.vote, .oneVersusRest] {
      for form in Network.Form.all {
        let network = try network(form, [20, 20, 20], heads)
        for answer in PredictionProtocol.allCases {
          let expected = try network.predict(examples, answer)
          for other in others { XCTAssertEqual(try network.predict(other, answer), expected, "\(form)") }
        }
        for position in 0..<3 {
          let expected = network.predictOwn(position, examples)
          for other in others { XCTAssertEqual(network.predictOwn(position, other), expected, "\(form)") }
        }
      }
    }
  }
}
