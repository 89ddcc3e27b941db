import Foundation

// The layers again, plainly and in Double: what the tests compare with.

enum Twin {
  /// x: B x (L in), w: (kernel in) x C. Every output is summed from the definition.
  static func convolution(
    _ x: [Double], _ w: [Double], _ b: [Double], length: Int, inputs: Int, kernel: Int, same: Bool
  ) -> [Double] {
    let channels = b.count
    let rows = x.count / (length * inputs)
    let before = same ? (kernel - 1) / 2 : 0
    let positions = same ? length : length - kernel + 1
    var y: [Double] = []
    for row in 0..<rows {
      for p in 0..<positions {
        for c in 0..<channels {
          var sum = b[c]
          for k in 0..<kernel where (0..<length).contains(p + k - before) {
            for i in 0..<inputs {
              sum += x[(row * length + p + k - before) * inputs + i] * w[(k * inputs + i) * channels + c]
            }
          }
          y.append(sum)
        }
      }
    }
    return y
  }

  static func relu(_ x: [Double]) -> [Double] { x.map { max($0, 0) } }

  static func pool(_ x: [Double], positions: Int, channels: Int, window: Int) -> [Double] {
    var y: [Double] = []
    for row in 0..<x.count / (positions * channels) {
      for q in 0..<positions / window {
        for c in 0..<channels {
          y.append((0..<window).map { x[(row * positions + q * window + $0) * channels + c] }.max()!)
        }
      }
    }
    return y
  }

  /// (rows x inner) (inner x columns) + b
  static func linear(_ x: [Double], _ w: [Double], _ b: [Double]?, inputs: Int, outputs: Int) -> [Double] {
    var y: [Double] = []
    for row in 0..<x.count / inputs {
      for o in 0..<outputs {
        y.append((0..<inputs).reduce(b?[o] ?? 0) { $0 + x[row * inputs + $1] * w[$1 * outputs + o] })
      }
    }
    return y
  }

  /// x: B x (T D), wx: D x H, wh: H x H; the last hidden state, B x H.
  static func rnn(_ x: [Double], _ wx: [Double], _ wh: [Double], _ b: [Double], frames: Int) -> [Double] {
    let hidden = b.count
    return lastStates(x, frames: frames, inputs: wx.count / hidden, hidden: hidden) { frame, h, _ in
      h = preactivations(frame, h, wx, wh, b).map(tanh)
    }
  }

  /// x: B x (T D), wx: D x 4H, wh: H x 4H; the last hidden state, B x H.
  static func lstm(_ x: [Double], _ wx: [Double], _ wh: [Double], _ b: [Double], frames: Int) -> [Double] {
    let hidden = b.count / 4
    return lastStates(x, frames: frames, inputs: wx.count / b.count, hidden: hidden) { frame, h, c in
      let z = preactivations(frame, h, wx, wh, b)
      for j in 0..<hidden {
        let (i, f) = (sigmoid(z[j]), sigmoid(z[hidden + j]))
        c[j] = f * c[j] + i * tanh(z[2 * hidden + j])
        h[j] = sigmoid(z[3 * hidden + j]) * tanh(c[j])
      }
    }
  }

  private static func lastStates(
    _ x: [Double], frames: Int, inputs: Int, hidden: Int,
    step: (_ frame: ArraySlice<Double>, _ h: inout [Double], _ c: inout [Double]) -> Void
  ) -> [Double] {
    var y: [Double] = []
    for row in 0..<x.count / (frames * inputs) {
      var (h, c) = ([Double](repeating: 0, count: hidden), [Double](repeating: 0, count: hidden))
      for t in 0..<frames {
        let start = (row * frames + t) * inputs
        step(x[start..<start + inputs], &h, &c)
      }
      y += h
    }
    return y
  }

  private static func preactivations(
    _ frame: ArraySlice<Double>, _ h: [Double], _ wx: [Double], _ wh: [Double], _ b: [Double]
  ) -> [Double] {
    var z = b
    for (d, value) in frame.enumerated() { for j in z.indices { z[j] += value * wx[d * b.count + j] } }
    for (k, value) in h.enumerated() { for j in z.indices { z[j] += value * wh[k * b.count + j] } }
    return z
  }

  static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  static func crossEntropy(_ logits: [Double], labels: [Int32], weights: [Double], classes: Int) -> Double {
    var loss = 0.0
    for row in labels.indices {
      let z = logits[row * classes..<(row + 1) * classes]
      let highest = z.max()!
      let norm = highest + logSum(z.map { $0 - highest })
      loss += weights[row] * (norm - z[row * classes + Int(labels[row])])
    }
    return loss
  }

  static func adam(
    value: inout [Double], m: inout [Double], v: inout [Double], gradient: [Double], step: Int, rate: Double,
    decay: Double, scale: Double
  ) {
    for i in value.indices {
      let g = gradient[i] * scale + decay * value[i]
      m[i] = 0.9 * m[i] + 0.1 * g
      v[i] = 0.999 * v[i] + 0.001 * g * g
      let (c1, c2) = (1 - power(0.9, step), 1 - power(0.999, step))
      value[i] -= rate * (m[i] / c1) / ((v[i] / c2).squareRoot() + 1e-8)
    }
  }

  private static func power(_ base: Double, _ n: Int) -> Double { (0..<n).reduce(1) { p, _ in p * base } }
}

private func logSum(_ z: [Double]) -> Double { log(z.reduce(0) { $0 + exp($1) }) }
