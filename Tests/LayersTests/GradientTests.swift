import CKernels
import Layers
import XCTest

/// Each layer forward against its twin in Double, and each gradient against central differences of that twin. The scalar that is
/// differentiated is the output weighted by random numbers, which are then dL/dy.
final class GradientTests: XCTestCase {
  private struct ConvolutionCase {
    var batch = 3
    var rows = 3
    var length: Int
    var inputs = 1
    var channels: Int
    var kernel: Int
    var same = false
  }

  func testConvolution() {
    let cases = [
      ConvolutionCase(length: 16, channels: 8, kernel: 7),
      ConvolutionCase(length: 33, channels: 16, kernel: 7, same: true),
      ConvolutionCase(length: 20, channels: 32, kernel: 7, same: true),
      ConvolutionCase(batch: 5, rows: 2, length: 13, inputs: 3, channels: 13, kernel: 5),
      ConvolutionCase(batch: 4, rows: 1, length: 9, inputs: 2, channels: 1, kernel: 1),
      ConvolutionCase(length: 11, inputs: 2, channels: 45, kernel: 4, same: true),
      ConvolutionCase(length: 7, channels: 3, kernel: 7),
      ConvolutionCase(length: 8, channels: 10, kernel: 3, same: true),
      ConvolutionCase(length: 8, channels: 12, kernel: 2, same: true),
    ]
    atEachLevel { level in for shape in cases { checkConvolution(shape, level) } }
  }

  private func checkConvolution(_ shape: ConvolutionCase, _ level: String) {
    var generator = TestGenerator(state: 1)
    let group = ParameterGroup(
      name: "test",
      tensors: [("weight", shape.kernel * shape.inputs, shape.channels), ("bias", 1, shape.channels)])
    let (weight, bias) = (group["weight"], group["bias"])
    weight.value.set(generator.floats(weight.value.count))
    bias.value.set(generator.floats(bias.value.count))
    let layer = Conv1D(
      length: shape.length, inputChannels: shape.inputs, outputChannels: shape.channels, kernel: shape.kernel,
      padding: shape.same ? .same : .valid, batch: shape.batch, weight: weight, bias: bias,
      inputGradient: true)
    // A full batch first: a smaller one after it must not read what that left behind.
    let full = OwnedMatrix(
      generator.floats(shape.batch * shape.length * shape.inputs), rows: shape.batch,
      columns: shape.length * shape.inputs)
    _ = layer.forward(full.matrix)

    let x = full.matrix.prefix(shape.rows)
    let y = layer.forward(x)
    let (dx, dw, db) = (doubles(x.array), doubles(weight.value.array), doubles(bias.value.array))
    func twin(_ x: [Double], _ w: [Double], _ b: [Double]) -> [Double] {
      Twin.convolution(
        x, w, b, length: shape.length, inputs: shape.inputs, kernel: shape.kernel, same: shape.same)
    }
    XCTAssertLessThan(relativeError(y.array, twin(dx, dw, db)), 1e-6, "\(shape) \(level)")

    let dy = OwnedMatrix(generator.floats(y.count), rows: y.rows, columns: y.columns)
    let weights = doubles(dy.matrix.array)
    weight.gradient.fill(99)
    bias.gradient.fill(99)
    let input = layer.backward(x, dy.matrix)!
    let name =
      "conv \(shape.rows)x\(shape.length)x\(shape.inputs)->\(shape.channels) k\(shape.kernel) \(level)"
    assertGradient(
      weight.gradient.array, numericalGradient(at: dw) { dot(twin(dx, $0, db), weights) }, "\(name) weight")
    assertGradient(
      bias.gradient.array, numericalGradient(at: db) { dot(twin(dx, dw, $0), weights) }, "\(name) bias")
    assertGradient(input.array, numericalGradient(at: dx) { dot(twin($0, dw, db), weights) }, "\(name) input")
    XCTAssertEqual(hw_sum_squares(group.gradients, group.count), paddingFree(group), "padding is not zero")
  }

  /// The sum of squares of the gradients without the padding between tensors.
  private func paddingFree(_ group: ParameterGroup) -> Double {
    var squares: [Float] = []
    for parameter in group.parameters {
      squares += parameter.gradient.array
      squares += [Float](repeating: 0, count: (16 - parameter.gradient.count % 16) % 16)
    }
    return hw_sum_squares(squares, squares.count)
  }

  /// The block gives the very bits of its three parts in turn.
  func testConvolutionBlock() {
    atEachLevel { level in
      for (length, inputs, channels, kernel, padding, pool) in [
        (256, 1, 32, 7, Conv1D.Padding.same, 2), (33, 2, 13, 5, .valid, 4), (20, 3, 45, 4, .same, 3),
        (9, 1, 8, 9, .valid, 1),
      ] {
        var generator = TestGenerator(state: 21)
        func parameters() -> ParameterGroup {
          ParameterGroup(
            name: "test", tensors: [("weight", kernel * inputs, channels), ("bias", 1, channels)])
        }
        let (apart, together) = (parameters(), parameters())
        for name in ["weight", "bias"] {
          apart[name].value.set(generator.floats(apart[name].value.count))
          together[name].value.copy(apart[name].value)
        }
        let convolution = Conv1D(
          length: length, inputChannels: inputs, outputChannels: channels, kernel: kernel, padding: padding,
          batch: 4, weight: apart["weight"], bias: apart["bias"])
        let maximum = MaxPool1D(
          positions: convolution.positions, channels: channels, window: pool, batch: 4)
        let relu = ReLU()
        let block = ConvolutionBlock(
          length: length, inputChannels: inputs, outputChannels: channels, kernel: kernel, padding: padding,
          pool: pool, batch: 4, weight: together["weight"], bias: together["bias"])
        for rows in [4, 3] {
          let x = OwnedMatrix(
            generator.floats(rows * length * inputs), rows: rows, columns: length * inputs)
          let y = relu.forward(maximum.forward(convolution.forward(x.matrix)))
          XCTAssertEqual(block.forward(x.matrix).array, y.array, level)
          let gradient = generator.floats(y.count)
          let (dy, same) = (
            OwnedMatrix(gradient, rows: rows, columns: y.columns),
            OwnedMatrix(gradient, rows: rows, columns: y.columns)
          )
          convolution.backward(x.matrix, maximum.backward(relu.backward(dy.matrix)))
          block.backward(x.matrix, same.matrix)
          for name in ["weight", "bias"] {
            XCTAssertEqual(apart[name].gradient.array, together[name].gradient.array, "\(name) \(level)")
          }
        }
      }
    }
  }

  func testReLU() {
    atEachLevel { level in
      var generator = TestGenerator(state: 2)
      let values = generator.floats(7 * 13)
      let x = OwnedMatrix(values, rows: 7, columns: 13)
      let dy = OwnedMatrix(generator.floats(7 * 13), rows: 7, columns: 13)
      let weights = doubles(dy.matrix.array)
      let layer = ReLU()
      XCTAssertEqual(doubles(layer.forward(x.matrix).array), Twin.relu(doubles(values)), level)
      let expected = numericalGradient(at: doubles(values)) { dot(Twin.relu($0), weights) }
      assertGradient(layer.backward(dy.matrix).array, expected, "relu \(level)")
    }
  }

  func testBiasWithReLU() {
    atEachLevel { level in
      var generator = TestGenerator(state: 3)
      let (values, biases) = (generator.floats(6 * 13), generator.floats(13))
      let x = OwnedMatrix(values, rows: 6, columns: 13)
      let bias = OwnedMatrix(biases, rows: 1, columns: 13)
      let gradients = OwnedMatrix([Float](repeating: 99, count: 13), rows: 1, columns: 13)
      let dy = OwnedMatrix(generator.floats(6 * 13), rows: 6, columns: 13)
      let weights = doubles(dy.matrix.array)
      func twin(_ x: [Double], _ b: [Double]) -> [Double] {
        Twin.relu(x.indices.map { x[$0] + b[$0 % 13] })
      }
      let (dx, db) = (doubles(values), doubles(biases))
      x.matrix.addBiasReLU(bias.matrix)
      XCTAssertLessThan(relativeError(x.matrix.array, twin(dx, db)), 1e-6, level)
      dy.matrix.maskWhereRectified(x.matrix)
      dy.matrix.sumColumns(into: gradients.matrix)
      let input = numericalGradient(at: dx) { dot(twin($0, db), weights) }
      assertGradient(dy.matrix.array, input, "bias and relu, input \(level)")
      let output = numericalGradient(at: db) { dot(twin(dx, $0), weights) }
      assertGradient(gradients.matrix.array, output, "bias and relu, bias \(level)")
    }
  }

  func testMaxPool() {
    atEachLevel { level in
      for (rows, positions, channels, window) in [
        (2, 16, 8, 2), (3, 13, 5, 4), (1, 9, 45, 3), (2, 6, 1, 6), (2, 5, 16, 1),
      ] {
        var generator = TestGenerator(state: 4)
        let values = generator.floats(rows * positions * channels)
        let x = OwnedMatrix(values, rows: rows, columns: positions * channels)
        let layer = MaxPool1D(positions: positions, channels: channels, window: window, batch: rows + 1)
        func twin(_ x: [Double]) -> [Double] {
          Twin.pool(x, positions: positions, channels: channels, window: window)
        }
        let y = layer.forward(x.matrix)
        XCTAssertEqual(doubles(y.array), twin(doubles(values)), level)
        let dy = OwnedMatrix(generator.floats(y.count), rows: y.rows, columns: y.columns)
        let weights = doubles(dy.matrix.array)
        let expected = numericalGradient(at: doubles(values)) { dot(twin($0), weights) }
        assertGradient(
          layer.backward(dy.matrix).array, expected,
          "pool \(rows)x\(positions)x\(channels)/\(window) \(level)")
      }
    }
  }

  func testLinear() {
    for (rows, inputs, outputs, hasBias) in [
      (4, 5, 3, true), (1, 17, 9, false), (7, 33, 2, true), (16, 120, 64, false), (9, 512, 2, true),
    ] {
      var generator = TestGenerator(state: 5)
      let group = ParameterGroup(name: "test", tensors: [("weight", inputs, outputs), ("bias", 1, outputs)])
      let (weight, bias) = (group["weight"], group["bias"])
      weight.value.set(generator.floats(inputs * outputs))
      bias.value.set(generator.floats(outputs))
      let x = OwnedMatrix(generator.floats(rows * inputs), rows: rows, columns: inputs)
      let layer = Linear(weight: weight, bias: hasBias ? bias : nil, batch: rows + 2)
      let (dx, dw, db) = (doubles(x.matrix.array), doubles(weight.value.array), doubles(bias.value.array))
      func twin(_ x: [Double], _ w: [Double], _ b: [Double]) -> [Double] {
        Twin.linear(x, w, hasBias ? b : nil, inputs: inputs, outputs: outputs)
      }
      let y = layer.forward(x.matrix)
      XCTAssertLessThan(relativeError(y.array, twin(dx, dw, db)), 1e-6)
      let dy = OwnedMatrix(generator.floats(y.count), rows: rows, columns: outputs)
      let weights = doubles(dy.matrix.array)
      weight.gradient.fill(99)
      let name = "linear \(rows)x\(inputs)->\(outputs)"
      let input = layer.backward(x.matrix, dy.matrix)
      assertGradient(
        input.array, numericalGradient(at: dx) { dot(twin($0, dw, db), weights) }, "\(name) input")
      assertGradient(
        weight.gradient.array, numericalGradient(at: dw) { dot(twin(dx, $0, db), weights) }, "\(name) weight")
      guard hasBias else { continue }
      assertGradient(
        bias.gradient.array, numericalGradient(at: db) { dot(twin(dx, dw, $0), weights) }, "\(name) bias")
    }
  }

  func testSoftmaxCrossEntropy() {
    for (rows, classes, weighted) in [(5, 2, false), (1, 3, true), (9, 7, true)] {
      var generator = TestGenerator(state: 6)
      let values = generator.floats(rows * classes).map { 4 * $0 }
      let x = OwnedMatrix(values, rows: rows, columns: classes)
      let labels = (0..<rows).map { _ in Int32.random(in: 0..<Int32(classes), using: &generator) }
      let weights = (0..<rows).map { _ in weighted ? Float.random(in: 0..<3, using: &generator) : 1 }
      let layer = SoftmaxCrossEntropy(classes: classes, batch: rows + 1)
      func twin(_ z: [Double]) -> Double {
        Twin.crossEntropy(z, labels: labels, weights: doubles(weights), classes: classes)
      }
      let loss = labels.withUnsafeBufferPointer { labels in
        weights.withUnsafeBufferPointer { weights in
          let loss = layer.forward(
            x.matrix, labels: labels.baseAddress!, rowWeights: weighted ? weights.baseAddress! : nil)
          let gradient = layer.backward(scale: 0.5).array
          let expected = numericalGradient(at: doubles(values)) { 0.5 * twin($0) }
          assertGradient(gradient, expected, "cross-entropy \(rows)x\(classes)")
          return loss
        }
      }
      XCTAssertEqual(loss, twin(doubles(values)), accuracy: 1e-12 * abs(loss))
      for row in 0..<rows {
        let sum = (0..<classes).reduce(0) { $0 + Double(layer.probabilities[row, $1]) }
        XCTAssertEqual(sum, 1, accuracy: 1e-6)
      }
    }
  }

  /// Without labels: the probabilities that the loss has, whatever was labelled before, in batches of any size.
  func testSoftmaxAlone() {
    var generator = TestGenerator(state: 19)
    let layer = SoftmaxCrossEntropy(classes: 3, batch: 5)
    let x = OwnedMatrix(generator.floats(15).map { 4 * $0 }, rows: 5, columns: 3)
    let labels = [Int32](repeating: 2, count: 5)
    let weights: [Float] = [0, .nan, 3, 1, 2]
    _ = layer.forward(x.matrix, labels: labels, rowWeights: weights)
    for rows in [5, 2, 4] {
      let found = layer.softmax(x.matrix.prefix(rows))
      XCTAssertEqual([found.rows, found.columns], [rows, 3])
      let expected = stride(from: 0, to: 3 * rows, by: 3).flatMap { start in
        let powers = (0..<3).map { exp(Double(x.matrix.array[start + $0])) }
        return powers.map { $0 / powers.reduce(0, +) }
      }
      let values = found.array
      XCTAssertLessThan(relativeError(values, expected), 1e-7)
      _ = layer.forward(x.matrix.prefix(rows), labels: labels)
      XCTAssertEqual(values, layer.probabilities.array)
    }
  }

  /// Logits as large as floats go: no overflow, and the right loss.
  func testCrossEntropyOfExtremeLogits() {
    let values: [Float] = [-3e38, 3e38, 0, -1000, 1000, 999]
    let x = OwnedMatrix(values, rows: 2, columns: 3)
    let layer = SoftmaxCrossEntropy(classes: 3, batch: 2)
    let labels: [Int32] = [1, 2]
    let loss = layer.forward(x.matrix, labels: labels, rowWeights: nil)
    XCTAssertEqual(loss, 1.3132616875182228, accuracy: 1e-12)  // ln(1 + e)
    XCTAssertEqual(layer.probabilities.array[1], 1)
    x.matrix[0, 0] = .nan
    XCTAssertTrue(layer.forward(x.matrix, labels: labels, rowWeights: nil).isNaN)
  }

  func testDropout() {
    atEachLevel { level in
      let (rows, columns) = (8, 513)
      let layer = Dropout(probability: 0.2, columns: columns, batch: rows)
      let x = OwnedMatrix([Float](repeating: 3, count: rows * columns), rows: rows, columns: columns)
      layer.forward(x.matrix, key: 11)
      let kept = x.matrix.array.filter { $0 != 0 }
      XCTAssertEqual(Set(kept), [3 / (1 - Float(0.2))])
      XCTAssertEqual(Double(kept.count) / Double(rows * columns), 0.8, accuracy: 0.03, level)
      let dy = OwnedMatrix([Float](repeating: 3, count: rows * columns), rows: rows, columns: columns)
      layer.backward(dy.matrix)
      XCTAssertEqual(dy.matrix.array, x.matrix.array, "backward has another mask at \(level)")
    }
  }
}
