import CKernels
import Layers
import XCTest

final class FixedPointTests: XCTestCase {
  private let scale = 0x1p40

  /// Twenty parts, in any order and at any level: the same integers, and those that llrint gives.
  func testSumsAreTheSameInAnyOrder() {
    var generator = TestGenerator(state: 14)
    let parts = (0..<20).map { _ in generator.floats(1003).map { $0 * 1000 } }
    var expected = [Int64](repeating: 0, count: 1003)
    for part in parts {
      for i in part.indices { expected[i] += Int64((Double(part[i]) * scale).rounded(.toNearestOrEven)) }
    }
    atEachLevel { level in
      for _ in 0..<5 {
        var sum = [Int64](repeating: 0, count: 1003)
        for part in parts.shuffled(using: &generator) {
          XCTAssertEqual(hw_fixed_add(part, &sum, part.count, scale, 0x1p57), 0)
        }
        XCTAssertEqual(sum, expected, level)
        var floats = [Float](repeating: 0, count: 1003)
        hw_fixed_to_float(sum, &floats, sum.count, 1 / scale)
        XCTAssertEqual(floats, expected.map { Float(Double($0) * (1 / scale)) }, level)
      }
    }
  }

  /// Rounding to nearest even over the whole range, halves included.
  func testRounding() {
    var values: [Float] = [
      0, -0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388607.5, -8388607.5, .leastNonzeroMagnitude,
    ]
    for exponent in stride(from: -30, through: 61, by: 1) {
      let power = Float(sign: .plus, exponent: exponent, significand: 1)
      values += [power, -power, power * 1.9999999, -power * 1.5000001]
    }
    atEachLevel { level in
      var sum = [Int64](repeating: 0, count: values.count)
      XCTAssertEqual(hw_fixed_add(values, &sum, values.count, 1, 0x1p62), 0)
      XCTAssertEqual(sum, values.map { Int64($0.rounded(.toNearestOrEven)) }, level)
      // A scale that is no power of two rounds twice, at every level alike.
      var third = [Int64](repeating: 0, count: values.count)
      _ = hw_fixed_add(values, &third, values.count, 1 / 3.0, 0x1p62)
      XCTAssertEqual(third, values.map { Int64((Double($0) * (1 / 3.0)).rounded(.toNearestOrEven)) }, level)
    }
  }

  func testOverflowAndNaNAreReportedAndAddNothing() {
    let limit = 0x1p57
    let edge = Float(limit / scale)
    let bad: [Float] = [.nan, .infinity, -.infinity, edge, -edge, .greatestFiniteMagnitude, edge.nextUp]
    atEachLevel { level in
      for at in 0..<37 {
        for value in bad {
          var x = [Float](repeating: 1, count: 37)
          x[at] = value
          var sum = [Int64](repeating: 7, count: 37)
          XCTAssertEqual(hw_fixed_add(x, &sum, 37, scale, limit), 1, "\(value) at \(level)")
          for i in 0..<37 { XCTAssertEqual(sum[i], i == at ? 7 : 7 + 1 << 40, "\(value) at \(level)") }
        }
      }
      var sum: Int64 = 0
      XCTAssertEqual(hw_fixed_add([edge.nextDown], &sum, 1, scale, limit), 0, level)
    }
  }
}
