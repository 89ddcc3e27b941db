import CKernels
import Foundation
import Layers
import XCTest

/// SplitMix64: the same test data on every run.
struct TestGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Floats in -1 ..< 1.
  mutating func floats(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float.random(in: -1..<1, using: &self) }
  }
}

/// A matrix with memory of its own.
struct OwnedMatrix {
  let storage: AlignedBuffer<Float>
  let matrix: Matrix

  init(_ values: [Float], rows: Int, columns: Int) {
    precondition(values.count == rows * columns)
    storage = AlignedBuffer(count: values.count)
    for (i, value) in values.enumerated() { storage.data[i] = value }
    matrix = storage.matrix(rows: rows, columns: columns)
  }
}

extension Matrix {
  var array: [Float] { Array(buffer) }
  func set(_ values: [Float]) {
    precondition(values.count == count)
    for (i, value) in values.enumerated() { data[i] = value }
  }
}

func doubles(_ values: [Float]) -> [Double] { values.map(Double.init) }

/// Largest difference over largest expected size.
func relativeError(_ found: [Float], _ expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  let size = expected.map(abs).max() ?? 0
  let difference = zip(found, expected).map { abs(Double($0) - $1) }.max() ?? 0
  return difference.isNaN ? .infinity : size > 0 ? difference / size : difference
}

func relativeError(_ found: [Float], _ expected: [Float]) -> Double {
  relativeError(found, doubles(expected))
}

/// The gradient of `f` at `x` by central differences.
func numericalGradient(at x: [Double], of f: ([Double]) -> Double) -> [Double] {
  let h = 1e-5
  return x.indices.map { i in
    var (above, below) = (x, x)
    above[i] += h
    below[i] -= h
    return (f(above) - f(below)) / (2 * h)
  }
}

func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

let levelNames = ["plain", "avx2", "avx512"]

/// Runs `body` at every level this CPU has.
func atEachLevel(_ body: (String) throws -> Void) rethrows {
  let before = hw_cpu_level()
  defer { hw_set_cpu_level(before) }
  for level in 0...hw_cpu_level_supported() {
    hw_set_cpu_level(level)
    XCTAssertEqual(hw_cpu_level(), level)
    try body(levelNames[Int(level)])
  }
}

/// The gradient's relative error, printed and held under 1e-4.
func assertGradient(
  _ found: [Float], _ expected: [Double], _ what: String, file: StaticString = #filePath, line: UInt = #line
) {
  let error = relativeError(found, expected)
  print("gradient of \(what): relative error \(String(format: "%.1e", error))")
  XCTAssertLessThan(error, 1e-4, what, file: file, line: line)
}

/// Holds what PyTorch computed to a relative error of 2e-6.
func assertClose(
  _ found: [Float], _ expected: [Float], _ what: String, file: StaticString = #filePath, line: UInt = #line
) {
  XCTAssertLessThan(relativeError(found, expected), 2e-6, what, file: file, line: line)
}

/// A file of the folder Fixtures.
func fixture<Content: Decodable>(_ name: String, as type: Content.Type) throws -> Content {
  let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "Fixtures/\(name)")
  return try JSONDecoder().decode(type, from: Data(contentsOf: file))
}

/// The bits of a kernel's results: the same wherever its arguments lie in memory, and with AVX2 and AVX-512 alike.
struct SameBits {
  private var fused: [String: [UInt32]] = [:]

  mutating func check(
    _ what: String, at level: String, _ found: [[UInt32]], file: StaticString = #filePath, line: UInt = #line
  ) {
    XCTAssertEqual(Set(found).count, 1, "\(what) at \(level)", file: file, line: line)
    guard level != "plain" else { return }
    if let before = fused[what] {
      XCTAssertTrue(before == found[0], "\(what) at \(level) and below", file: file, line: line)
    }
    fused[what] = found[0]
  }
}

/// Puts random numbers, and the output, `shift` floats after a 64-byte boundary; returns the output's bits.
func shifted(
  _ shift: Int, _ counts: [Int], _ body: ([UnsafeMutablePointer<Float>], UnsafeMutablePointer<Float>) -> Int
) -> [UInt32] {
  var generator = TestGenerator(state: 7)
  let inputs = counts.map { AlignedBuffer<Float>(count: $0 + 16) }
  for (buffer, count) in zip(inputs, counts) {
    for (i, value) in generator.floats(count).enumerated() { buffer.data[shift + i] = value }
  }
  let output = AlignedBuffer<Float>(count: 1 << 17)
  return withExtendedLifetime((inputs, output)) {
    let count = body(inputs.map { $0.data + shift }, output.data + shift)
    return (0..<count).map { output.data[shift + $0].bitPattern }
  }
}
