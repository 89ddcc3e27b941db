import CKernels
import Foundation
import Layers
import XCTest

/// RNN and LSTM against their twins in Double, PyTorch's numbers (Fixtures/make_recurrent.py) and what their kernels promise.
final class RecurrentTests: XCTestCase {
  private enum Kind: String {
    case rnn, lstm

    var gates: Int { self == .rnn ? 1 : 4 }

    func twin(_ x: [Double], _ wx: [Double], _ wh: [Double], _ b: [Double], frames: Int) -> [Double] {
      self == .rnn ? Twin.rnn(x, wx, wh, b, frames: frames) : Twin.lstm(x, wx, wh, b, frames: frames)
    }
  }

  /// Either layer with parameters of its own.
  private struct Layer {
    let group: ParameterGroup
    let forward: (Matrix) -> Matrix
    let backward: (Matrix, Matrix) -> Void
    var inputWeight: Parameter { group["inputWeight"] }
    var recurrentWeight: Parameter { group["recurrentWeight"] }
    var bias: Parameter { group["bias"] }

    init(_ kind: Kind, frames: Int, inputs: Int, hidden: Int, batch: Int) {
      let width = kind.gates * hidden
      group = ParameterGroup(
        name: "test",
        tensors: [("inputWeight", inputs, width), ("recurrentWeight", hidden, width), ("bias", 1, width)])
      let (wx, wh, b) = (group["inputWeight"], group["recurrentWeight"], group["bias"])
      switch kind {
      case .rnn:
        let layer = RNN(
          frames: frames, inputs: inputs, hidden: hidden, batch: batch, inputWeight: wx, recurrentWeight: wh,
          bias: b)
        (forward, backward) = (layer.forward, layer.backward)
      case .lstm:
        let layer = LSTM(
          frames: frames, inputs: inputs, hidden: hidden, batch: batch, inputWeight: wx, recurrentWeight: wh,
          bias: b)
        (forward, backward) = (layer.forward, layer.backward)
      }
    }
  }

  private struct Shape {
    var rows: Int
    var batch: Int
    var frames: Int
    var inputs: Int
    var hidden: Int
  }

  private let shapes = [
    Shape(rows: 3, batch: 3, frames: 1, inputs: 1, hidden: 5),
    Shape(rows: 3, batch: 5, frames: 2, inputs: 3, hidden: 8),
    Shape(rows: 3, batch: 4, frames: 7, inputs: 3, hidden: 5),
    Shape(rows: 1, batch: 2, frames: 7, inputs: 8, hidden: 8),
    Shape(rows: 3, batch: 4, frames: 2, inputs: 1, hidden: 33),
    Shape(rows: 1, batch: 1, frames: 7, inputs: 1, hidden: 17),
    // More rows than a block has.
    Shape(rows: 131, batch: 140, frames: 3, inputs: 2, hidden: 3),
  ]

  func testRNNGradients() { for shape in shapes { checkGradients(.rnn, shape) } }

  func testLSTMGradients() { for shape in shapes { checkGradients(.lstm, shape) } }

  private func checkGradients(_ kind: Kind, _ shape: Shape) {
    var generator = TestGenerator(state: 15)
    let layer = Layer(
      kind, frames: shape.frames, inputs: shape.inputs, hidden: shape.hidden, batch: shape.batch)
    for parameter in layer.group.parameters {
      parameter.value.set(generator.floats(parameter.value.count).map { 0.7 * $0 })
    }
    let columns = shape.frames * shape.inputs
    let x = OwnedMatrix(generator.floats(shape.rows * columns), rows: shape.rows, columns: columns)
    let dy = OwnedMatrix(
      generator.floats(shape.rows * shape.hidden), rows: shape.rows, columns: shape.hidden)
    let (input, weights) = (doubles(x.matrix.array), doubles(dy.matrix.array))
    let (wx, wh) = (doubles(layer.inputWeight.value.array), doubles(layer.recurrentWeight.value.array))
    let b = doubles(layer.bias.value.array)
    func twin(_ wx: [Double], _ wh: [Double], _ b: [Double]) -> [Double] {
      kind.twin(input, wx, wh, b, frames: shape.frames)
    }
    let expected = twin(wx, wh, b)
    let inputWeight = numericalGradient(at: wx) { dot(twin($0, wh, b), weights) }
    let recurrentWeight = numericalGradient(at: wh) { dot(twin(wx, $0, b), weights) }
    let bias = numericalGradient(at: b) { dot(twin(wx, wh, $0), weights) }

    // A full batch of NaN first: fewer rows after it must not read what that left behind.
    let full = OwnedMatrix(
      [Float](repeating: .nan, count: shape.batch * columns), rows: shape.batch, columns: columns)
    let fullGradient = OwnedMatrix(
      [Float](repeating: 1, count: shape.batch * shape.hidden), rows: shape.batch, columns: shape.hidden)
    atEachLevel { level in
      let name = "\(kind) \(shape.rows)x\(shape.frames)x\(shape.inputs)->\(shape.hidden) \(level)"
      _ = layer.forward(full.matrix)
      layer.backward(full.matrix, fullGradient.matrix)
      XCTAssertTrue(layer.bias.gradient.array.allSatisfy(\.isNaN), name)

      let y = layer.forward(x.matrix)
      XCTAssertLessThan(relativeError(y.array, expected), 1e-6, name)
      for parameter in layer.group.parameters { parameter.gradient.fill(99) }
      layer.backward(x.matrix, dy.matrix)
      assertGradient(layer.inputWeight.gradient.array, inputWeight, "\(name) input weight")
      assertGradient(layer.recurrentWeight.gradient.array, recurrentWeight, "\(name) recurrent weight")
      assertGradient(layer.bias.gradient.array, bias, "\(name) bias")
    }
  }

  private struct Fixtures: Decodable {
    struct Case: Decodable {
      let batch, frames, inputs, hidden: Int
      let x, y, dy, inputWeight, recurrentWeight, bias, dInputWeight, dRecurrentWeight, dBias: [Float]
    }
    let rnn, lstm: [Case]
  }

  func testRNNAgainstPyTorch() throws { try check(.rnn, fixture("recurrent.json", as: Fixtures.self).rnn) }

  func testLSTMAgainstPyTorch() throws { try check(.lstm, fixture("recurrent.json", as: Fixtures.self).lstm) }

  private func check(_ kind: Kind, _ cases: [Fixtures.Case]) {
    atEachLevel { level in
      for c in cases {
        let name = "\(kind) \(c.batch)x\(c.frames)x\(c.inputs)->\(c.hidden) \(level)"
        let layer = Layer(kind, frames: c.frames, inputs: c.inputs, hidden: c.hidden, batch: c.batch)
        layer.inputWeight.value.set(c.inputWeight)
        layer.recurrentWeight.value.set(c.recurrentWeight)
        layer.bias.value.set(c.bias)
        let x = OwnedMatrix(c.x, rows: c.batch, columns: c.frames * c.inputs)
        assertClose(layer.forward(x.matrix).array, c.y, name)
        let dy = OwnedMatrix(c.dy, rows: c.batch, columns: c.hidden)
        layer.backward(x.matrix, dy.matrix)
        assertClose(layer.inputWeight.gradient.array, c.dInputWeight, "\(name) input weight")
        assertClose(layer.recurrentWeight.gradient.array, c.dRecurrentWeight, "\(name) recurrent weight")
        assertClose(layer.bias.gradient.array, c.dBias, "\(name) bias")
      }
    }
  }

  /// tanh over numbers of all sizes: the kernel's promised bound, odd, never above 1, and exact at the ends.
  func testTanh() {
    let dense = sweep()
    let expected = dense.map { tanh(Double($0)) }
    atEachLevel { level in
      var (worst, squares) = (0.0, 0.0)
      let positive = activations(dense)
      let negative = activations(dense.map { -$0 })
      for i in dense.indices {
        let error = Double(positive.tanh[i]) / expected[i] - 1
        worst = max(worst, error.isNaN ? .infinity : abs(error))
        squares += error * error
      }
      let mean = (squares / Double(dense.count)).squareRoot()
      print("tanh at \(level): relative error \(worst), root mean square \(mean)")
      XCTAssertLessThan(worst, 4e-7, level)
      XCTAssertLessThan(mean, 7e-8, level)
      XCTAssertLessThanOrEqual(positive.tanh.max()!, 1, level)
      XCTAssertEqual(negative.tanh, positive.tanh.map { -$0 }, level)
      XCTAssertEqual(
        activations([0, 12, -12, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude])
          .tanh,
        [0, 1, -1, 1, -1, 1, .leastNonzeroMagnitude], level)
    }
  }

  func testSigmoid() {
    let dense = sweep()
    let x = dense.map { -$0 } + dense
    let expected = x.map { Twin.sigmoid(Double($0)) }
    atEachLevel { level in
      let found = activations(x).sigmoid
      let worst = zip(found, expected).map { abs(Double($0) - $1) }.max()!
      print("sigmoid at \(level): absolute error \(worst)")
      XCTAssertLessThan(worst, 2e-7, level)
      XCTAssertTrue(found.allSatisfy { $0 >= 0 && $0 <= 1 }, level)
      XCTAssertEqual(
        activations([0, 24, -24, .infinity, -.infinity, .greatestFiniteMagnitude]).sigmoid,
        [0.5, 1, 0, 1, 0, 1], level)
    }
  }

  /// Positive normal numbers: some of each size, and densely those between 2^-8 and 32.
  private func sweep() -> [Float] {
    let all = stride(from: Float.leastNormalMagnitude.bitPattern, to: Float.infinity.bitPattern, by: 65_537)
    let dense = stride(from: Float(0x1p-8).bitPattern, to: Float(32).bitPattern, by: 211)
    return all.map(Float.init(bitPattern:)) + dense.map(Float.init(bitPattern:))
  }

  /// The kernels' own: tanh as an RNN's step takes it, sigmoid as an LSTM's output gate does.
  private func activations(_ x: [Float]) -> (tanh: [Float], sigmoid: [Float]) {
    let n = x.count
    let zeros = [Float](repeating: 0, count: 4 * n)
    var states = x
    rnnStep(&states, zeros, 1, n)
    var gates = x + x + x + x
    var (c, h) = (x, x)
    lstmStep(&gates, zeros, zeros, &c, &h, 1, n)
    for gate in [0, 1] { XCTAssertEqual(gates[gate * n..<(gate + 1) * n], gates[(3 * n)...]) }
    XCTAssertEqual(Array(gates[2 * n..<3 * n]), states)
    return (states, Array(gates[(3 * n)...]))
  }

  /// The kernels' steps, reading zeros.
  private func rnnStep(
    _ h: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>, _ rows: Int, _ hidden: Int
  ) {
    let (zeros, row) = (Storage(count: hidden), Storage(count: hidden))
    withExtendedLifetime((zeros, row)) {
      var frame = hw_frame(x: zeros.data, stride: 0, inputs: 1, weight: zeros.data)
      hw_rnn_forward(h, &frame, bias, row.data, rows, hidden)
    }
  }

  private func lstmStep(
    _ gates: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>, _ before: UnsafePointer<Float>,
    _ c: UnsafeMutablePointer<Float>, _ h: UnsafeMutablePointer<Float>,
    _ rows: Int, _ hidden: Int
  ) {
    let (zeros, row) = (Storage(count: 4 * hidden), Storage(count: 4 * hidden))
    withExtendedLifetime((zeros, row)) {
      var frame = hw_frame(x: zeros.data, stride: 0, inputs: 1, weight: zeros.data)
      hw_lstm_forward(gates, &frame, bias, row.data, before, c, h, rows, hidden)
    }
  }

  /// A NaN in any gate, state or gradient comes out, and touches no other element.
  func testNaNIsNeverHidden() {
    let hidden = 40
    let zeros = [Float](repeating: 0, count: 4 * hidden)
    func isNaNOnly(_ values: [Float], at: Int) -> Bool {
      values[at].isNaN && values.filter(\.isNaN).count == 1
    }
    atEachLevel { level in
      for at in 0..<hidden {
        var x = [Float](repeating: 0.5, count: hidden)
        x[at] = .nan
        var (h, dz) = (x, x)
        rnnStep(&h, zeros, 1, hidden)
        XCTAssertTrue(isNaNOnly(h, at: at), level)
        hw_rnn_backward(zeros, x, &dz, hidden)
        XCTAssertTrue(isNaNOnly(dz, at: at), level)
        for gate in 0..<4 {
          var gates = [Float](repeating: 0.5, count: 4 * hidden)
          gates[gate * hidden + at] = .nan
          var c = zeros
          lstmStep(&gates, zeros, zeros, &c, &h, 1, hidden)
          XCTAssertTrue(isNaNOnly(gates, at: gate * hidden + at), level)
          XCTAssertTrue(isNaNOnly(h, at: at), level)
          XCTAssertEqual(isNaNOnly(c, at: at), gate < 3, level)
        }
        let half = [Float](repeating: 0.5, count: hidden)
        for (dh, dc, reached) in [(x, half, 4), (half, x, 3)] {
          var (gates, c, dc) = (half + half + half + half, half, dc)
          hw_lstm_backward(&gates, half, &c, dh, &dc, 1, hidden)
          for gate in 0..<4 {
            let gradient = Array(gates[gate * hidden..<(gate + 1) * hidden])
            XCTAssertEqual(isNaNOnly(gradient, at: at), gate < reached, level)
          }
          XCTAssertTrue(isNaNOnly(dc, at: at), level)
        }
      }
    }
  }

  /// A NaN in one row's first frame reaches that row's output and no other's, and all gradients.
  func testNaNReachesTheLastState() {
    atEachLevel { level in
      for kind in [Kind.rnn, .lstm] {
        let layer = Layer(kind, frames: 9, inputs: 2, hidden: 19, batch: 4)
        var generator = TestGenerator(state: 16)
        for parameter in layer.group.parameters {
          parameter.value.set(generator.floats(parameter.value.count))
        }
        let x = OwnedMatrix(generator.floats(4 * 18), rows: 4, columns: 18)
        x.matrix[2, 0] = .nan
        let y = layer.forward(x.matrix)
        for row in 0..<4 {
          let state = y.slice(row..<row + 1).array
          XCTAssertTrue(state.allSatisfy { $0.isNaN == (row == 2) }, "\(kind) \(level)")
        }
        layer.backward(x.matrix, OwnedMatrix(generator.floats(4 * 19), rows: 4, columns: 19).matrix)
        for parameter in layer.group.parameters {
          XCTAssertTrue(parameter.gradient.array.allSatisfy(\.isNaN), "\(kind) \(parameter.name) \(level)")
        }
      }
    }
  }

  /// Gradients that vanish over many frames must not end in subnormal numbers, which are slow.
  func testVanishedGradientsAreFlushed() {
    atEachLevel { level in
      let n = 19
      let (half, zeros) = ([Float](repeating: 0.5, count: n), [Float](repeating: 0, count: n))
      let small = [Float](repeating: 0x1p-98, count: n)
      var dz = half
      hw_rnn_backward(half, small, &dz, n)
      XCTAssertEqual(dz, [Float](repeating: 0x1.8p-99, count: n), level)
      hw_rnn_backward(half, small.map { $0 / 8 }, &dz, n)
      XCTAssertEqual(dz, zeros, level)
      var (gates, c, dc) = (half + half + half + half, half, small.map { $0 / 8 })
      hw_lstm_backward(&gates, half, &c, zeros, &dc, 1, n)
      XCTAssertEqual(gates + dc, [Float](repeating: 0, count: 5 * n), level)
    }
  }

  func testSameBitsAtEveryAlignment() {
    var same = SameBits()
    atEachLevel { level in
      for (rows, hidden) in [(4, 13), (3, 64), (2, 33)] {
        let n = rows * hidden
        let what = "\(rows) x \(hidden)"
        same.check(
          "rnn \(what)", at: level,
          (0..<16).map { shift in
            shifted(shift, [n, hidden, n]) { inputs, output in
              rnnStep(inputs[0], inputs[1], rows, hidden)
              hw_rnn_backward(inputs[0], inputs[2], output, n)
              (output + n).update(from: inputs[0], count: n)
              return 2 * n
            }
          })
        same.check(
          "lstm \(what)", at: level,
          (0..<16).map { shift in
            shifted(shift, [4 * n, 4 * hidden, n, n, n]) { inputs, output in
              let (gates, before, dh, dc) = (inputs[0], inputs[2], inputs[3], inputs[4])
              let (again, h, activated) = (output + n, output + 2 * n, output + 3 * n)
              lstmStep(gates, inputs[1], before, output, h, rows, hidden)
              again.update(from: output, count: n)
              activated.update(from: gates, count: 4 * n)
              hw_lstm_backward(gates, before, again, dh, dc, rows, hidden)
              XCTAssertEqual(memcmp(again, h, 4 * n), 0, "h made again, \(what)")
              (output + 7 * n).update(from: gates, count: 4 * n)
              (output + 11 * n).update(from: dc, count: n)
              return 12 * n
            }
          })
        same.check(
          "recurrent product \(what)", at: level,
          (0..<16).map { shift in
            shifted(shift, [n, 4 * hidden * hidden]) { inputs, output in
              for i in 0..<4 * n { output[i] = Float(i) }
              hw_product(0, 0, inputs[0], inputs[1], output, rows, 4 * hidden, hidden, 1, nil, 0)
              return 4 * n
            }
          })
      }
    }
  }

  /// Rows do not see one another, in whatever block they lie.
  func testBlocksOfRowsAreApart() {
    atEachLevel { level in
      for kind in [Kind.rnn, .lstm] {
        let layer = Layer(kind, frames: 5, inputs: 3, hidden: 16, batch: 150)
        var generator = TestGenerator(state: 19)
        for parameter in layer.group.parameters {
          parameter.value.set(generator.floats(parameter.value.count))
        }
        let x = OwnedMatrix(generator.floats(150 * 15), rows: 150, columns: 15)
        let whole = layer.forward(x.matrix).array
        let parts = [0..<64, 64..<128, 128..<150].flatMap { layer.forward(x.matrix.slice($0)).array }
        XCTAssertEqual(whole, parts, "\(kind) \(level)")
      }
    }
  }

  func testSwapAxes() {
    atEachLevel { level in
      for (rows, columns, inner) in [(1, 1, 1), (3, 7, 2), (33, 5, 1), (2, 4, 19)] {
        var generator = TestGenerator(state: 17)
        let x = generator.floats(rows * columns * inner)
        var y = [Float](repeating: 99, count: x.count)
        hw_swap_axes(x, &y, rows, columns, inner)
        for i in y.indices {
          let (c, r) = (i / inner / rows, i / inner % rows)
          XCTAssertEqual(y[i], x[(r * columns + c) * inner + i % inner], level)
        }
      }
    }
  }

  /// Every block's columns are orthonormal, no block is another's copy, and the seed alone decides.
  func testOrthogonalInitialiser() {
    for (size, blocks) in [(1, 1), (5, 1), (33, 4), (64, 4)] {
      let group = ParameterGroup(
        name: "test", tensors: [("a", size, blocks * size), ("b", size, blocks * size)])
      var generator = TestGenerator(state: 18)
      group["a"].fillOrthogonal(using: &generator)
      generator = TestGenerator(state: 18)
      group["b"].fillOrthogonal(using: &generator)
      let w = group["a"].value
      XCTAssertEqual(w.array, group["b"].value.array)
      func column(_ c: Int) -> [Double] { (0..<size).map { Double(w[$0, c]) } }
      for block in 0..<blocks {
        let columns = (0..<size).map { column(block * size + $0) }
        for a in 0..<size {
          for b in 0...a {
            XCTAssertEqual(dot(columns[a], columns[b]), a == b ? 1 : 0, accuracy: 1e-6, "\(size) \(blocks)")
          }
        }
        for other in 0..<block { XCTAssertNotEqual(column(block * size), column(other * size)) }
      }
    }
  }
}
