import CKernels

/// y = x W + b, W stored in x out, b 1 x out or none.
public final class Linear {
  private let weight: Parameter
  private let bias: Parameter?
  /// Columns of the result.
  public var outputs: Int { weight.value.columns }
  private let output: Matrix
  private let outputStorage: Storage
  private let inputGradients: Storage
  private let wide: WideGradients?

  /// - Parameters:
  ///   - batch: the largest number of rows of a call.
  ///   - scratch: memory shared with other layers; what `backward` returns then lasts until one of them runs.
  public init(weight: Parameter, bias: Parameter?, batch: Int, scratch: Scratch = Scratch()) {
    let (inputs, outputs) = (weight.value.rows, weight.value.columns)
    precondition(bias == nil || bias!.value.count == outputs, "a bias of another length than the output")
    self.weight = weight
    self.bias = bias
    self.outputStorage = Storage(count: batch * outputs)
    self.output = outputStorage.matrix(rows: batch, columns: outputs)
    self.inputGradients = scratch.storage(.inputGradient, count: batch * inputs)
    self.wide = WideGradients(inputs: inputs, outputs: outputs, batch: batch)
  }

  /// x is B x in; returns B x out.
  public func forward(_ x: Matrix) -> Matrix {
    let y = output.prefix(x.rows)
    multiply(x, weight.value, into: y)
    if let bias { y.addBias(bias.value) }
    return y
  }

  /// Sets the gradients of W and b from dy = dL/dy (B x out), x being forward's. Returns dL/dx: B x in.
  @discardableResult
  public func backward(_ x: Matrix, _ dy: Matrix) -> Matrix {
    setGradients(x, dy)
    return inputGradient(dy)
  }

  /// The gradients of W and b alone.
  public func setGradients(_ x: Matrix, _ dy: Matrix) {
    precondition(
      x.rows == dy.rows && x.rows <= output.rows && x.columns == weight.value.rows && dy.columns == outputs,
      "an input of another shape than forward's")
    if let wide, wide.takes(rows: x.rows) {
      wide.setWeightGradient(x, dy, weight.gradient)
    } else {
      multiply(x, dy, into: weight.gradient, transposeA: true)
    }
    if let bias { dy.sumColumns(into: bias.gradient) }
  }

  /// dL/dx alone: B x in.
  public func inputGradient(_ dy: Matrix) -> Matrix {
    precondition(dy.columns == outputs, "a gradient of another shape than the output")
    let dx = inputGradients.matrix(rows: dy.rows, columns: weight.value.rows)
    if let wide, wide.takes(rows: dy.rows) {
      wide.setInputGradient(dy, weight.value, dx)
    } else {
      multiply(dy, weight.value, into: dx, transposeB: true)
    }
    return dx
  }
}

/// The gradients' products of a layer of many inputs, by kernels of their own, with the product's bits up to its block of 384 rows or
/// outputs. The product would lay out W^T for dy W^T (32 x 128 by 128 x 4096: 359 us, here 310), and for x^T dy read columns of x that fall
/// into the same few cache sets (128 rows: 1,500 us, here 1,230).
private struct WideGradients {
  private let transposed: Storage
  private let panel: Storage

  /// Nil where the product does as well.
  init?(inputs: Int, outputs: Int, batch: Int) {
    let least = Int(HW_GRADIENT_LEAST)
    guard inputs >= 512, outputs >= least, batch >= least else { return nil }
    transposed = Storage(count: batch * outputs)
    panel = Storage(count: batch * least)
  }

  func takes(rows: Int) -> Bool { rows >= Int(HW_GRADIENT_LEAST) }

  /// dx = dy W^T.
  func setInputGradient(_ dy: Matrix, _ w: Matrix, _ dx: Matrix) {
    hw_swap_axes(dy.data, transposed.data, dy.rows, dy.columns, 1)
    hw_linear_input_gradient(transposed.data, w.data, dx.data, dy.rows, w.rows, w.columns)
  }

  /// dW = x^T dy.
  func setWeightGradient(_ x: Matrix, _ dy: Matrix, _ dw: Matrix) {
    hw_linear_weight_gradient(x.data, dy.data, dw.data, panel.data, x.rows, x.columns, dy.columns)
  }
}
