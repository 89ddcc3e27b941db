import Cohort
import XCTest

final class RandomStreamTests: XCTestCase {
  func testEveryNameIsAnotherStreamAndTheSameEveryTime() {
    func first(_ stream: RandomStream) -> UInt64 {
      var stream = stream
      return stream.next()
    }
    let streams: [RandomStream] = [
      RandomStream(seed: 0), RandomStream(seed: 1), RandomStream(seed: 0, 0), RandomStream(seed: 0, 1),
      RandomStream(seed: 0, 1, 0), RandomStream(seed: 0, 0, 1), RandomStream(seed: 1, 0),
      RandomStream(seed: 1, 0, 0),
      RandomStream(seed: 0, 1, 2), RandomStream(seed: 0, 2, 1), RandomStream(seed: 0, .max),
    ]
    XCTAssertEqual(Set(streams.map(first)).count, streams.count)
    // Pinned: stored runs rest on these numbers.
    var stream = RandomStream(seed: 7, 3, 100)
    XCTAssertEqual(
      (0..<3).map { _ in stream.next() },
      [13_082_914_658_708_437_483, 3_133_409_015_412_360_077, 4_350_604_121_677_778_100])
  }

  func testIndicesAreUniform() {
    var stream = RandomStream(seed: 1)
    let bound = 7
    var counts = [Double](repeating: 0, count: bound)
    let draws = 70_000
    for _ in 0..<draws { counts[stream.index(below: bound)] += 1 }
    let expected = Double(draws) / Double(bound)
    let chiSquare = counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
    // 6 degrees of freedom: above 27.9 once in ten thousand.
    XCTAssertLessThan(chiSquare, 27.9)
  }

  /// A bound of 3/4 of 2^64 would show the bias of a modulus: the lower third twice as often.
  func testLargeBoundsAreUnbiased() {
    var stream = RandomStream(seed: 2)
    let bound = Int.max / 4 * 3
    let low = (0..<20_000).count { _ in stream.index(below: bound) < bound / 3 }
    XCTAssertEqual(Double(low) / 20_000, 1.0 / 3, accuracy: 0.015)
  }

  func testNormalHasItsMoments() {
    var stream = RandomStream(seed: 3)
    let values = (0..<100_000).map { _ in stream.normal() }
    let moments = (1...4).map { power in
      values.reduce(0) { $0 + pow($1, Double(power)) } / Double(values.count)
    }
    for (moment, expected) in zip(moments, [0.0, 1, 0, 3]) {
      XCTAssertEqual(moment, expected, accuracy: 0.07)
    }
    let uniform = (0..<100_000).map { _ in stream.uniform() }
    XCTAssert(uniform.allSatisfy { (0..<1).contains($0) })
    XCTAssertEqual(uniform.reduce(0, +) / 100_000, 0.5, accuracy: 0.005)
  }

  func testShuffleReachesEveryOrderAlike() {
    var stream = RandomStream(seed: 4)
    var counts: [[Int]: Int] = [:]
    for _ in 0..<24_000 {
      var elements = [0, 1, 2, 3]
      stream.shuffle(&elements)
      counts[elements, default: 0] += 1
    }
    XCTAssertEqual(counts.count, 24)
    for count in counts.values { XCTAssertEqual(Double(count), 1000, accuracy: 160) }
  }
}
