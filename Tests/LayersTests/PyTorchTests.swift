import Foundation
import Layers
import XCTest

/// What PyTorch wrote (Fixtures/make_layers.py) against the layers, on every CPU level.
final class PyTorchTests: XCTestCase {
  private struct Fixtures: Decodable {
    struct Convolution: Decodable {
      let batch, length, inputs, channels, kernel: Int
      let same: Bool
      let x, weight, bias, y, dy, dWeight, dBias: [Float]
    }
    struct Pool: Decodable {
      let batch, positions, channels, window: Int
      let x, y, dy, dx: [Float]
    }
    struct Linear: Decodable {
      let batch, inputs, outputs: Int
      let x, weight, y, dy, dx, dWeight: [Float]
      let bias, dBias: [Float]?
    }
    struct CrossEntropy: Decodable {
      let batch, classes: Int
      let logits, probabilities, dLogits: [Float]
      let labels: [Int32]
      let weights: [Float]?
      let scale: Float
      let loss: Double
    }
    struct Adam: Decodable {
      struct Step: Decodable {
        let gradients, values: [[Float]]
        let norm: Double
      }
      let shapes: [[Int]]
      let learningRate, weightDecay: Float
      let clip: Double
      let start: [[Float]]
      let steps: [Step]
    }
    struct Cosine: Decodable {
      let base: Float
      let finalFraction: Double
      let steps: Int
      let rates: [Double]
    }
    let convolution: [Convolution]
    let pool: [Pool]
    let linear: [Linear]
    let crossEntropy: [CrossEntropy]
    let adam: Adam
    let cosine: Cosine
  }

  private func fixtures() throws -> Fixtures { try fixture("layers.json", as: Fixtures.self) }

  func testConvolution() throws {
    let cases = try fixtures().convolution
    atEachLevel { level in
      for (number, c) in cases.enumerated() {
        let group = ParameterGroup(
          name: "test", tensors: [("weight", c.kernel * c.inputs, c.channels), ("bias", 1, c.channels)])
        group["weight"].value.set(c.weight)
        group["bias"].value.set(c.bias)
        let layer = Conv1D(
          length: c.length, inputChannels: c.inputs, outputChannels: c.channels, kernel: c.kernel,
          padding: c.same ? .same : .valid,
          batch: c.batch, weight: group["weight"], bias: group["bias"])
        let x = OwnedMatrix(c.x, rows: c.batch, columns: c.length * c.inputs)
        let y = layer.forward(x.matrix)
        assertClose(y.array, c.y, "convolution \(number) \(level)")
        let dy = OwnedMatrix(c.dy, rows: c.batch, columns: y.columns)
        layer.backward(x.matrix, dy.matrix)
        assertClose(group["weight"].gradient.array, c.dWeight, "convolution \(number) weight \(level)")
        assertClose(group["bias"].gradient.array, c.dBias, "convolution \(number) bias \(level)")
      }
    }
  }

  func testMaxPoolWithTies() throws {
    let cases = try fixtures().pool
    atEachLevel { level in
      for c in cases {
        let layer = MaxPool1D(positions: c.positions, channels: c.channels, window: c.window, batch: c.batch)
        let x = OwnedMatrix(c.x, rows: c.batch, columns: c.positions * c.channels)
        let y = layer.forward(x.matrix)
        XCTAssertEqual(y.array, c.y, level)
        let dy = OwnedMatrix(c.dy, rows: c.batch, columns: y.columns)
        XCTAssertEqual(layer.backward(dy.matrix).array, c.dx, level)
      }
    }
  }

  func testLinear() throws {
    for c in try fixtures().linear {
      let group = ParameterGroup(
        name: "test", tensors: [("weight", c.inputs, c.outputs), ("bias", 1, c.outputs)])
      group["weight"].value.set(c.weight)
      if let bias = c.bias { group["bias"].value.set(bias) }
      let layer = Linear(weight: group["weight"], bias: c.bias == nil ? nil : group["bias"], batch: c.batch)
      let x = OwnedMatrix(c.x, rows: c.batch, columns: c.inputs)
      let dy = OwnedMatrix(c.dy, rows: c.batch, columns: c.outputs)
      assertClose(layer.forward(x.matrix).array, c.y, "linear")
      assertClose(try XCTUnwrap(layer.backward(x.matrix, dy.matrix)).array, c.dx, "linear input")
      assertClose(group["weight"].gradient.array, c.dWeight, "linear weight")
      if let expected = c.dBias { assertClose(group["bias"].gradient.array, expected, "linear bias") }
    }
  }

  func testCrossEntropy() throws {
    for c in try fixtures().crossEntropy {
      let layer = SoftmaxCrossEntropy(classes: c.classes, batch: c.batch)
      let logits = OwnedMatrix(c.logits, rows: c.batch, columns: c.classes)
      let (labels, weights) = (AlignedBuffer<Int32>(count: c.batch), AlignedBuffer<Float>(count: c.batch))
      for row in 0..<c.batch { (labels.data[row], weights.data[row]) = (c.labels[row], c.weights?[row] ?? 1) }
      let loss = layer.forward(
        logits.matrix, labels: labels.data, rowWeights: c.weights == nil ? nil : UnsafePointer(weights.data))
      XCTAssertEqual(loss, c.loss, accuracy: 1e-6 * c.loss)
      assertClose(layer.backward(scale: c.scale).array, c.dLogits, "cross-entropy")
      assertClose(layer.probabilities.array, c.probabilities, "softmax")
    }
  }

  func testAdamWithDecayAndClipping() throws {
    let c = try fixtures().adam
    atEachLevel { level in
      let tensors = c.shapes.enumerated().map {
        (name: "\($0.offset)", rows: $0.element[0], columns: $0.element[1])
      }
      let group = ParameterGroup(name: "test", tensors: tensors)
      for (parameter, start) in zip(group.parameters, c.start) { parameter.value.set(start) }
      let adam = Adam(learningRate: c.learningRate, weightDecay: c.weightDecay)
      for (number, step) in c.steps.enumerated() {
        for (parameter, gradient) in zip(group.parameters, step.gradients) {
          parameter.gradient.set(gradient)
        }
        let norm = group.gradientNorm()
        XCTAssertEqual(norm, step.norm, accuracy: 1e-6 * step.norm)
        adam.update(
          group, step: number + 1, learningRate: c.learningRate,
          gradientScale: Adam.clipFactor(norm: norm, max: c.clip))
        for (parameter, expected) in zip(group.parameters, step.values) {
          assertClose(parameter.value.array, expected, "Adam, step \(number + 1), \(level)")
        }
      }
    }
  }

  func testCosineSchedule() throws {
    let c = try fixtures().cosine
    let schedule = CosineSchedule(base: c.base, finalFraction: c.finalFraction, steps: c.steps)
    for (step, rate) in c.rates.enumerated() {
      XCTAssertEqual(
        Double(schedule.learningRate(at: step)), rate, accuracy: 1e-6 * Double(c.base), "step \(step)")
    }
    XCTAssertEqual(schedule.learningRate(at: c.steps), c.base * Float(c.finalFraction), accuracy: 1e-9)
  }
}
