import CKernels

/// What RNN and LSTM share: weights, the input frame by frame and the products that take all frames at once. A step's rows
/// follow one another, so T steps of B rows are a (T * B)-row matrix.
struct Recurrence {
  let frames: Int
  let hidden: Int
  /// Pre-activations a row: `hidden` for each gate.
  let width: Int
  let bias: Parameter
  private let inputs: Int
  private let batch: Int
  private let inputWeight: Parameter
  private let recurrentWeight: Parameter
  private let input: Storage
  private let transposed: Storage

  /// - Parameter batch: the largest number of rows of a call.
  init(
    frames: Int, inputs: Int, hidden: Int, batch: Int, gates: Int, inputWeight: Parameter,
    recurrentWeight: Parameter, bias: Parameter, scratch: Scratch
  ) {
    let width = gates * hidden
    precondition(frames >= 1, "a recurrent layer over no frames")
    precondition(
      inputWeight.value.rows == inputs && inputWeight.value.columns == width
        && recurrentWeight.value.rows == hidden && recurrentWeight.value.columns == width
        && bias.value.count == width, "recurrent weights of another shape than the layer's")
    self.frames = frames
    self.hidden = hidden
    self.batch = batch
    self.width = width
    self.bias = bias
    self.inputs = inputs
    self.inputWeight = inputWeight
    self.recurrentWeight = recurrentWeight
    self.input = Storage(count: frames * batch * inputs)
    self.transposed = scratch.storage(.transposedWeight, count: width * hidden)
  }

  /// Memory for `columns` numbers a row in every step.
  func storage(columns: Int) -> Storage { Storage(count: frames * batch * columns) }

  /// Writes every frame's product with the input weight into `z` (T x B x width). x is B x (T * D).
  func multiplyInput(_ x: Matrix, into z: Matrix) {
    precondition(
      x.columns == frames * inputs && x.rows <= batch, "a recurrent input of another shape than the layer's")
    let byFrame = input.matrix(rows: frames * x.rows, columns: inputs)
    hw_swap_axes(x.data, byFrame.data, x.rows, frames, inputs)
    multiply(byFrame, inputWeight.value, into: z)
  }

  /// z += h W_h, for one step.
  func addRecurrent(_ h: Matrix, to z: Matrix) { multiply(h, recurrentWeight.value, into: z, keep: 1) }

  /// Transposes the recurrent weight for `propagate`: products with a transposed second matrix take twice as long.
  func prepareToPropagate() {
    hw_swap_axes(recurrentWeight.value.data, transposed.data, hidden, width, 1)
  }

  /// dh = dz W_h^T: the gradient at the hidden state before, for one step.
  func propagate(_ dz: Matrix, into dh: Matrix) {
    multiply(dz, transposed.matrix(rows: width, columns: hidden), into: dh)
  }

  /// Sets the parameters' gradients from dz (T x B x width) and the hidden states h (T x B x H) of the last `multiplyInput`.
  func setGradients(dz: Matrix, h: Matrix) {
    let rows = dz.rows / frames
    multiply(
      input.matrix(rows: dz.rows, columns: inputs), dz, into: inputWeight.gradient, transposeA: true)
    dz.sumColumns(into: bias.gradient)
    guard frames > 1 else { return recurrentWeight.gradient.fill(0) }
    multiply(
      h.prefix(dz.rows - rows), dz.slice(rows..<dz.rows), into: recurrentWeight.gradient, transposeA: true)
  }
}

extension Matrix {
  /// Step t of T x B rows.
  func step(_ t: Int, rows: Int) -> Matrix { slice(t * rows..<(t + 1) * rows) }
}
