import SharedTrunk
import XCTest

final class StatisticsTests: XCTestCase {
  func testByHand() throws {
    let values = [2.0, 4, 4, 4, 5, 5, 7, 9]
    XCTAssertEqual(Statistics.mean(values), 5)
    XCTAssertEqual(Statistics.median(values), 4.5)
    XCTAssertEqual(Statistics.median([9, 1, 5]), 5)
    XCTAssertEqual(try XCTUnwrap(Statistics.deviation(values)), (32.0 / 7).squareRoot(), accuracy: 1e-12)
    // 2.365 sd / sqrt(8); of three values 4.303 sd / sqrt(3).
    XCTAssertEqual(
      try XCTUnwrap(Statistics.halfInterval(values)), 2.365 * (4.0 / 7).squareRoot(), accuracy: 1e-12)
    XCTAssertEqual(
      try XCTUnwrap(Statistics.halfInterval([1, 2, 3])), 4.303 / 3.0.squareRoot(), accuracy: 1e-12)
    XCTAssertEqual(Statistics.halfInterval([6, 6]), 0)
  }

  func testOneValueHasNoSpread() {
    XCTAssertNil(Statistics.deviation([3]))
    XCTAssertNil(Statistics.halfInterval([3]))
    XCTAssertNil(Statistics.halfInterval([]))
    XCTAssertEqual(Statistics.mean([3]), 3)
    XCTAssertEqual(Statistics.median([3]), 3)
    XCTAssertEqual(Statistics.mean([]), 0)
    XCTAssertEqual(Statistics.median([]), 0)
  }

  /// scipy.stats.t.ppf(0.975, n) of SciPy 1.17.
  func testStudentQuantiles() {
    let expected: [Int: Double] = [
      1: 12.706205, 2: 4.302653, 3: 3.182446, 5: 2.570582, 10: 2.228139, 20: 2.085963, 29: 2.04523,
      30: 2.042272, 31: 2.039513, 40: 2.021075, 60: 2.000298, 120: 1.97993, 1000: 1.962339,
    ]
    var largest = 0.0
    for (degrees, quantile) in expected {
      largest = max(largest, abs(Statistics.studentQuantile(degrees: degrees) - quantile))
    }
    print("quantiles of Student's t against SciPy: largest difference \(largest)")
    XCTAssertLessThan(largest, 1e-3)
    for degrees in 1..<200 {
      XCTAssertGreaterThan(
        Statistics.studentQuantile(degrees: degrees), Statistics.studentQuantile(degrees: degrees + 1))
    }
    XCTAssertEqual(Statistics.studentQuantile(degrees: 0), .infinity)
  }
}
