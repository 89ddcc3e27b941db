import Scaling
import XCTest

final class AllreduceTests: XCTestCase {
  func testChoiceIsOpenMPIs() {
    let choices: [(ranks: Int, bytes: Int, AllreduceAlgorithm)] = [
      (2, 1024, .recursiveDoubling), (2, 4096, .ring), (2, 8192, .recursiveDoubling), (3, 32784, .ring),
      (2, 262_144, .rabenseifner), (6, 4096, .recursiveDoubling), (6, 16400, .rabenseifner),
      (64, 32784, .recursiveDoubling), (200, 16400, .reduceAndBroadcast), (1000, 16400, .rabenseifner),
      (100_000, 16400, .recursiveDoubling), (4096, 32784, .rabenseifner), (8192, 32784, .linear),
      (100_000, 32784, .linear), (4, 8, .recursiveDoubling), (16, 8, .recursiveDoubling),
    ]
    for (ranks, bytes, algorithm) in choices {
      XCTAssertEqual(AllreduceAlgorithm(ranks: ranks, bytes: bytes), algorithm, "\(ranks), \(bytes)")
    }
  }

  func testRoundsAndBytes() {
    func figures(_ algorithm: AllreduceAlgorithm, _ ranks: Int) -> [Double] {
      let rounds = algorithm.rounds(ranks: ranks, bytes: 960)
      var figures = [0.0, 0.0]
      for round in rounds {
        figures[0] += Double(round.times)
        figures[1] += Double(round.times) * round.bytes
      }
      return figures
    }
    // Rounds, and bytes that a rank sends at most.
    let expected: [(AllreduceAlgorithm, ranks: Int, rounds: Double, bytes: Double)] = [
      (.recursiveDoubling, 8, 3, 2880), (.recursiveDoubling, 6, 4, 3840), (.ring, 6, 10, 1600),
      (.rabenseifner, 8, 6, 1680), (.rabenseifner, 6, 7, 3360), (.reduceAndBroadcast, 130, 16, 15360),
      (.ring, 1, 0, 0), (.linear, 8, 14, 13440),
    ]
    for (algorithm, ranks, rounds, bytes) in expected {
      XCTAssertEqual(figures(algorithm, ranks), [rounds, bytes], "\(algorithm), \(ranks)")
    }
  }
}
