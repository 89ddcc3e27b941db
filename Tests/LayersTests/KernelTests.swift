import CKernels
import Layers
import XCTest

/// What the kernels promise beyond their sums: the same bits wherever the arguments lie and at every level where that is said,
/// NaN never hidden.
final class KernelTests: XCTestCase {
  func testLevelsAreOrderedAndClamped() {
    let before = hw_cpu_level()
    defer { hw_set_cpu_level(before) }
    hw_set_cpu_level(99)
    XCTAssertEqual(hw_cpu_level(), hw_cpu_level_supported())
    hw_set_cpu_level(-1)
    XCTAssertEqual(hw_cpu_level(), 0)
    print("CPU level: \(levelNames[Int(hw_cpu_level_supported())])")
  }

  /// HEARTWOOD_CPU_LEVEL lowers the level, never raises it, and anything else is as if unset.
  func testEnvironmentOverride() {
    let before = ProcessInfo.processInfo.environment["HEARTWOOD_CPU_LEVEL"]
    defer {
      if let before { setenv("HEARTWOOD_CPU_LEVEL", before, 1) } else { unsetenv("HEARTWOOD_CPU_LEVEL") }
    }
    unsetenv("HEARTWOOD_CPU_LEVEL")
    let highest = hw_cpu_level_supported()
    for (level, name) in levelNames.enumerated() {
      setenv("HEARTWOOD_CPU_LEVEL", name, 1)
      XCTAssertEqual(hw_cpu_level_supported(), min(Int32(level), highest))
    }
    setenv("HEARTWOOD_CPU_LEVEL", "fast", 1)
    XCTAssertEqual(hw_cpu_level_supported(), highest)
  }

  /// Twelve vectors start at 0, 1, 2 ... times the addend; the count says how wide they are.
  func testMultiplyAddsAreDoneAndCounted() {
    var widest: UInt64 = 0
    atEachLevel { level in
      var result: Float = 0
      let count = hw_multiply_adds(3, 0.5, 1, &result)
      let lanes = count / (3 * 12)
      XCTAssertEqual(count, lanes * 3 * 12, level)
      let expected = (0..<12).reduce(0.0) { sum, start in sum + 0.125 * Double(start) + 1.75 }
      XCTAssertEqual(Double(result), Double(lanes) * expected, accuracy: 1e-3, level)
      widest = max(widest, lanes)
    }
    XCTAssertEqual(widest, [4, 8, 16][Int(hw_cpu_level_supported())])
  }

  /// Products, convolutions and reductions of the same numbers at 16 different alignments.
  func testSameBitsAtEveryAlignment() {
    var same = SameBits()
    atEachLevel { level in
      for (m, n, k, ta, tb) in [
        (32, 128, 120, 0, 0), (120, 128, 32, 1, 0), (32, 120, 128, 0, 1), (17, 2, 64, 0, 0),
        (64, 2, 17, 1, 0),
        (3, 5, 7, 1, 1), (32, 128, 4096, 0, 0),
      ] as [(Int, Int, Int, Int32, Int32)] {
        let found = (0..<16).map { shift in
          shifted(shift, [m * k, k * n]) { inputs, output in
            hw_product(ta, tb, inputs[0], inputs[1], output, m, n, k, 0, nil, 0)
            return m * n
          }
        }
        same.check("product \(m) x \(n) x \(k) \(ta)\(tb)", at: level, found)
      }
      let convolution = (0..<16).map { shift in
        shifted(shift, [4 * 38, 7 * 13, 13]) { inputs, output in
          hw_conv1d(inputs[0], 38, 1, 7, inputs[1], inputs[2], output, 4, 32, 13)
          return 4 * 32 * 13
        }
      }
      same.check("convolution", at: level, convolution)
      let gradient = (0..<16).map { shift in
        shifted(shift, [4 * 38, 4 * 32 * 13]) { inputs, output in
          hw_conv1d_backward(inputs[0], 38, 1, 7, inputs[1], output, output + 7 * 13, 4, 32, 13)
          return 8 * 13
        }
      }
      same.check("convolution's gradient", at: level, gradient)
    }
  }

  /// Both products of a wide linear layer against sums in Double, in sizes that tiles fit and do not; the bits do not depend on where
  /// the arguments lie.
  func testLinearGradients() {
    var same = SameBits()
    atEachLevel { level in
      for (rows, inputs, outputs) in [(16, 16, 16), (32, 512, 128), (17, 33, 21), (40, 520, 64)] {
        let what = "\(rows) x \(inputs) x \(outputs) at \(level)"
        var generator = TestGenerator(state: 12)
        let x = generator.floats(rows * inputs)
        let dy = generator.floats(rows * outputs)
        let w = generator.floats(inputs * outputs)
        let transposed = (0..<outputs * rows).map { dy[$0 % rows * outputs + $0 / rows] }
        var dx = [Float](repeating: .nan, count: rows * inputs)
        hw_linear_input_gradient(transposed, w, &dx, rows, inputs, outputs)
        let expected = (0..<rows * inputs).map { index in
          let (r, i) = (index / inputs, index % inputs)
          return (0..<outputs).reduce(0.0) {
            $0 + Double(dy[r * outputs + $1]) * Double(w[i * outputs + $1])
          }
        }
        XCTAssertLessThan(relativeError(dx, expected), 1e-6, what)
        var dw = [Float](repeating: .nan, count: inputs * outputs)
        var panel = [Float](repeating: .nan, count: 16 * rows)
        hw_linear_weight_gradient(x, dy, &dw, &panel, rows, inputs, outputs)
        let expectedWeight = (0..<inputs * outputs).map { index in
          let (i, o) = (index / outputs, index % outputs)
          return (0..<rows).reduce(0.0) { $0 + Double(x[$1 * inputs + i]) * Double(dy[$1 * outputs + o]) }
        }
        XCTAssertLessThan(relativeError(dw, expectedWeight), 1e-6, what)
      }
      let found = (0..<16).map { shift in
        shifted(shift, [32 * 40, 32 * 24, 40 * 24, 16 * 32]) { inputs, output in
          hw_linear_input_gradient(inputs[1], inputs[2], output, 32, 40, 24)
          hw_linear_weight_gradient(inputs[0], inputs[1], output + 32 * 40, inputs[3], 32, 40, 24)
          return 32 * 40 + 40 * 24
        }
      }
      same.check("gradients of a linear layer", at: level, found)
    }
  }

  /// Products in sizes that tiles, strips and blocks of the inner dimension fit and do not, transposed and not, set and added to, against
  /// sums in Double. At AVX2 and AVX-512 the bits are the same.
  func testProduct() {
    let sizes = [
      (3, 5, 7), (1, 1, 1), (6, 16, 1), (32, 128, 33), (2, 150, 400), (1, 77, 90), (9, 31, 384),
      (17, 47, 385),
      (11, 33, 769), (5, 20, 1153), (8, 32, 0), (0, 4, 3), (4, 0, 3),
    ]
    var bits: [String: [[Float]]] = [:]
    atEachLevel { level in
      var generator = TestGenerator(state: 8)
      for (m, n, k) in sizes {
        for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
          let (a, b) = (generator.floats(m * k), generator.floats(k * n))
          let before = generator.floats(m * n)
          for keep: Float in [0, 1, 0.5] {
            var c = keep == 0 ? [Float](repeating: .nan, count: m * n) : before
            hw_product(ta ? 1 : 0, tb ? 1 : 0, a, b, &c, m, n, k, keep, nil, 0)
            let expected = (0..<m * n).map { index in
              let (i, j) = (index / n, index % n)
              return (0..<k).reduce(Double(keep) * Double(before[index])) {
                $0 + Double(a[ta ? $1 * m + i : i * k + $1]) * Double(b[tb ? j * k + $1 : $1 * n + j])
              }
            }
            XCTAssertLessThan(
              relativeError(c, expected), 1e-6, "\(m) x \(n) x \(k) \(ta) \(tb) \(keep) at \(level)")
            bits[level, default: []].append(c)
          }
        }
      }
    }
    if let avx512 = bits["avx512"] { XCTAssertEqual(bits["avx2"], avx512) }
  }

  /// What is asked for ahead changes nothing.
  func testProductAskingAhead() {
    atEachLevel { level in
      var generator = TestGenerator(state: 21)
      let (a, b, next) = (generator.floats(32 * 500), generator.floats(500 * 64), generator.floats(1000))
      var (c, d) = ([Float](repeating: 0, count: 32 * 64), [Float](repeating: 0, count: 32 * 64))
      hw_product(0, 0, a, b, &c, 32, 64, 500, 0, nil, 0)
      hw_product(0, 0, a, b, &d, 32, 64, 500, 0, next, next.count)
      XCTAssertEqual(c, d, level)
    }
  }

  func testVectors() {
    atEachLevel { level in
      for n in [0, 1, 15, 16, 17, 100] {
        var generator = TestGenerator(state: 9)
        let (x, y) = (generator.floats(n), generator.floats(n))
        var sum = y
        hw_axpy(0.3, x, &sum, n)
        XCTAssertLessThan(
          relativeError(sum, zip(x, y).map { Double(Float(0.3)) * Double($0) + Double($1) }), 1e-6, level)
        var scaled = x
        hw_scale(0.3, &scaled, n)
        XCTAssertEqual(scaled, x.map { $0 * 0.3 }, level)
        let squares = x.reduce(0) { $0 + Double($1) * Double($1) }
        XCTAssertEqual(hw_sum_squares(x, n), squares, accuracy: 1e-13 * squares, level)
      }
      for (rows, columns) in [(1, 1), (5, 13), (33, 128)] {
        var generator = TestGenerator(state: 10)
        let (x, bias) = (generator.floats(rows * columns), generator.floats(columns))
        var y = x
        hw_add_bias(&y, bias, rows, columns)
        XCTAssertEqual(y, x.indices.map { x[$0] + bias[$0 % columns] }, level)
        var sums = [Float](repeating: 99, count: columns)
        hw_column_sums(x, &sums, rows, columns)
        let expected = (0..<columns).map { c in (0..<rows).reduce(0) { $0 + Double(x[$1 * columns + c]) } }
        XCTAssertLessThan(relativeError(sums, expected), 1e-6, level)
      }
    }
  }

  func testSumOfSquaresAndDropoutAreTheSameAtEveryLevel() {
    var generator = TestGenerator(state: 12)
    let x = generator.floats(1003).map { $0 * $0 * $0 }  // of all sizes, so that sums in double round
    var squares: Set<UInt64> = []
    var masks: Set<[Float]> = []
    atEachLevel { _ in
      squares.insert(hw_sum_squares(x, x.count).bitPattern)
      var y = x
      hw_dropout(&y, y.count, 42, 1 << 30, 4 / 3)
      masks.insert(y)
    }
    XCTAssertEqual(squares.count, 1)
    XCTAssertEqual(masks.count, 1)
  }

  func testNaNIsNeverHidden() {
    atEachLevel { level in
      for at in 0..<40 {
        var x = [Float](repeating: -1, count: 40)
        x[at] = .nan
        var rectified = x
        hw_relu(&rectified, 40)
        XCTAssertTrue(rectified[at].isNaN && rectified.filter(\.isNaN).count == 1, level)
        var biased = x
        hw_add_bias_relu(&biased, [Float](repeating: 0, count: 40), 1, 40)
        XCTAssertTrue(biased[at].isNaN && biased.filter(\.isNaN).count == 1, level)
        var (pooled, index) = ([Float](repeating: 0, count: 10), [UInt16](repeating: 9, count: 10))
        hw_maxpool(x, &pooled, &index, 1, 8, 5, 4)
        XCTAssertEqual(pooled.filter(\.isNaN).count, 1, level)
        XCTAssertTrue(pooled[at / 20 * 5 + at % 5].isNaN, level)
        XCTAssertEqual(index[at / 20 * 5 + at % 5], UInt16(at / 5 % 4), level)
      }
    }
  }

  /// Masks of neighbouring keys share no more than chance has, and fall evenly on all elements.
  func testDropoutMasksAreIndependent() {
    let (n, keys) = (4096, 64)
    var kept = [Int](repeating: 0, count: n)
    var masks: [[Bool]] = []
    for key in 0..<keys {
      var x = [Float](repeating: 1, count: n)
      hw_dropout(&x, n, UInt64(key), 1 << 31, 2)
      masks.append(x.map { $0 != 0 })
      for i in 0..<n where x[i] != 0 { kept[i] += 1 }
    }
    for a in 0..<keys {
      for b in 0..<a {
        let same = zip(masks[a], masks[b]).filter { $0 == $1 }.count
        XCTAssertEqual(Double(same), Double(n) / 2, accuracy: 5 * 32, "keys \(a) and \(b)")  // 5 sigma
      }
    }
    // The number of keys that keep an element is binomial(64, 1/2): variance 16.
    let variance = kept.reduce(0.0) { $0 + (Double($1) - 32) * (Double($1) - 32) } / Double(n)
    XCTAssertEqual(variance, 16, accuracy: 2)
    let neighbours = masks.reduce(0) { sum, mask in sum + (1..<n).filter { mask[$0] == mask[$0 - 1] }.count }
    XCTAssertEqual(Double(neighbours) / Double(keys * (n - 1)), 0.5, accuracy: 0.005)
  }

  /// A shorter batch has the longer one's mask for its elements, and the pointer plays no part.
  func testDropoutMaskDependsOnKeyAndElementAlone() {
    let (long, short) = (AlignedBuffer<Float>(count: 1003), AlignedBuffer<Float>(count: 1003))
    for i in 0..<1003 { (long.data[i], short.data[i]) = (1, 1) }
    hw_dropout(long.data, 1003, 5, 1 << 30, 1)
    hw_dropout(short.data + 3, 500, 5, 1 << 30, 1)
    for i in 0..<500 { XCTAssertEqual(long.data[i], short.data[3 + i]) }
  }

  func testAdam() {
    atEachLevel { level in
      let group = ParameterGroup(name: "test", tensors: [("a", 5, 7), ("b", 1, 3)])
      var generator = TestGenerator(state: 13)
      var values: [[Double]] = []
      for parameter in group.parameters {
        parameter.value.set(generator.floats(parameter.value.count))
        values.append(doubles(parameter.value.array))
      }
      var (m, v) = (values.map { $0.map { _ in 0.0 } }, values.map { $0.map { _ in 0.0 } })
      let adam = Adam(learningRate: 0.01, weightDecay: 0.01)
      for step in 1...20 {
        for (i, parameter) in group.parameters.enumerated() {
          parameter.gradient.set(generator.floats(parameter.value.count))
          Twin.adam(
            value: &values[i], m: &m[i], v: &v[i], gradient: doubles(parameter.gradient.array), step: step,
            rate: 0.01,
            decay: 0.01, scale: 0.7)
        }
        adam.update(group, step: step, learningRate: 0.01, gradientScale: 0.7)
      }
      for (i, parameter) in group.parameters.enumerated() {
        XCTAssertLessThan(relativeError(parameter.value.array, values[i]), 1e-5, level)
      }
      let padding = (0..<group.count).filter { $0 >= 35 && $0 < 48 || $0 >= 51 }
      XCTAssertTrue(padding.allSatisfy { group.values[$0] == 0 }, "padding moved at \(level)")
    }
  }

  /// Moments that are lent stay as they are while Adam goes on elsewhere, to the same bits.
  func testAdamLeavesLentMoments() {
    atEachLevel { level in
      let groups = (0..<2).map { _ in ParameterGroup(name: "test", tensors: [("a", 5, 7), ("b", 1, 3)]) }
      for group in groups { group.prepareToLendMoments() }
      let adam = Adam(learningRate: 1e-2, weightDecay: 1e-3)
      func step(_ t: Int) {
        for group in groups {
          for i in 0..<group.count { group.gradients[i] = Float((i * 7 + t * 5) % 11) - 5 }
          adam.update(group, step: t, gradientScale: 0.5)
        }
      }
      for t in 1...6 {
        step(2 * t - 1)
        let lent = groups[1].lendMoments()
        let before = Array(lent)
        XCTAssertEqual(before, Array(groups[0].moments), level)
        step(2 * t)
        XCTAssertEqual(Array(lent), before, level)
        XCTAssertNotEqual(Array(groups[1].moments), before, level)
        let values = groups.map { Array(UnsafeBufferPointer(start: $0.values, count: $0.count)) }
        XCTAssertEqual(values[0], values[1], level)
        XCTAssertEqual(Array(groups[0].moments), Array(groups[1].moments), level)
      }
      let lent = groups[1].lendMoments()
      groups[1].clearMoments()
      XCTAssertEqual(Array(lent), Array(groups[0].moments), level)
      XCTAssertEqual(Array(groups[1].moments), [Float](repeating: 0, count: 2 * groups[1].count), level)
    }
  }

  /// A weight whose gradient stays 0 must not end in subnormal moments, which are slow.
  func testAdamFlushesDecayedMoments() {
    atEachLevel { level in
      let n = 19
      var (value, m, v) = (
        [Float](repeating: 1, count: n), [Float](repeating: 0, count: n), [Float](repeating: 0, count: n)
      )
      var rates = hw_adam_rates(
        beta1: 0.9, beta2: 0.5, epsilon: 1e-8, weight_decay: 0, gradient_scale: 1, step_size: 1e-3,
        inverse_root_bias2: 1)
      hw_adam(&value, [Float](repeating: 1, count: n), &m, &v, n, &rates)
      for _ in 0..<900 {
        hw_adam(&value, [Float](repeating: 0, count: n), &m, &v, n, &rates)
        XCTAssertFalse((m + v).contains(where: \.isSubnormal), level)
      }
      XCTAssertEqual(m + v, [Float](repeating: 0, count: 2 * n), level)
    }
  }
}
