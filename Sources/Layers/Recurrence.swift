import CKernels

/// What RNN and LSTM share: weights, and the products of a step and of all steps.
///
/// A batch is cut into blocks of rows, each taken through all steps by itself, so that a large batch's numbers stay in the cache as long as
/// a small one's. In memory a block's steps follow one another, and in a step its rows.
struct Recurrence {
  let frames: Int
  let hidden: Int
  /// Pre-activations a row: `hidden` for each gate.
  let width: Int
  let bias: Parameter
  /// Memory for one row's pre-activations.
  let row: Storage
  private let inputs: Int
  private let batch: Int
  private let inputWeight: Parameter
  private let recurrentWeight: Parameter
  private let byFrame: Storage
  private let transposed: Storage
  private let biasPart: Storage

  /// Rows of a block. Of an LSTM of hidden size 64 over 128 frames a block takes 8 MB.
  private static let blockRows = 64

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
    row = Storage(count: width)
    byFrame = scratch.storage(.inputByFrame, count: frames * min(batch, Self.blockRows) * inputs)
    transposed = scratch.storage(.transposedWeight, count: width * hidden)
    biasPart = Storage(count: width)
  }

  /// Memory for `columns` numbers a row in every step.
  func storage(columns: Int) -> Storage { Storage(count: frames * batch * columns) }

  /// Memory for `columns` numbers a row in every step of one block.
  func blockStorage(_ purpose: Scratch.Purpose, columns: Int, _ scratch: Scratch) -> Storage {
    scratch.storage(purpose, count: frames * min(batch, Self.blockRows) * columns)
  }

  /// The blocks of a batch of x: B x (T * D).
  func blocks(_ x: Matrix) -> some Sequence<Range<Int>> {
    precondition(
      x.columns == frames * inputs && x.rows <= batch, "a recurrent input of another shape than the layer's")
    return stride(from: 0, to: x.rows, by: Self.blockRows).lazy.map {
      $0..<min($0 + Self.blockRows, x.rows)
    }
  }

  /// A block's part of `storage`: T * rows x columns.
  func steps(_ block: Range<Int>, of storage: Storage, columns: Int) -> Matrix {
    Matrix(
      storage.data + block.lowerBound * frames * columns, rows: frames * block.count, columns: columns)
  }

  // MARK: One step

  /// What step t reads of a block's rows of x.
  func frame(_ t: Int, of x: Matrix) -> hw_frame {
    hw_frame(x: x.data + t * inputs, stride: x.columns, inputs: inputs, weight: inputWeight.value.data)
  }

  /// z = h W_h.
  func multiplyState(_ h: Matrix, into z: Matrix) { multiply(h, recurrentWeight.value, into: z) }

  /// Transposes the recurrent weight for `propagate`: products with a transposed second matrix take a fifth longer.
  func prepareToPropagate() {
    hw_swap_axes(recurrentWeight.value.data, transposed.data, hidden, width, 1)
  }

  /// dh = dz W_h^T: the gradient at the hidden state before. `ahead` is read soon.
  func propagate(_ dz: Matrix, into dh: Matrix, ahead: Matrix? = nil) {
    multiply(dz, transposed.matrix(rows: width, columns: hidden), into: dh, ahead: ahead)
  }

  // MARK: All steps

  /// Sets the parameters' gradients, or adds to them from the second block on, by one product over all steps: dz T * rows x width,
  /// h T * rows x H, of the block's rows of x.
  func addGradients(_ block: Range<Int>, x: Matrix, dz: Matrix, h: Matrix) {
    let rows = block.count
    let keep: Float = block.lowerBound == 0 ? 0 : 1
    let byFrame = byFrame.matrix(rows: dz.rows, columns: inputs)
    hw_swap_axes(x.data, byFrame.data, rows, frames, inputs)
    multiply(byFrame, dz, into: inputWeight.gradient, transposeA: true, keep: keep)
    if keep == 0 {
      dz.sumColumns(into: bias.gradient)
    } else {
      let part = biasPart.matrix(rows: 1, columns: width)
      dz.sumColumns(into: part)
      bias.gradient.add(part)
    }
    guard frames > 1 else { return recurrentWeight.gradient.fill(0) }
    multiply(
      h.prefix(dz.rows - rows), dz.slice(rows..<dz.rows), into: recurrentWeight.gradient, transposeA: true,
      keep: keep)
  }
}

extension Matrix {
  /// Step t of T x B rows.
  func step(_ t: Int, rows: Int) -> Matrix { slice(t * rows..<(t + 1) * rows) }
}
