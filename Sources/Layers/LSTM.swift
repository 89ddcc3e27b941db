import CKernels

/// Long short-term memory, gates i, f, g, o in PyTorch's order with one bias each:
///
///     z = x_t W_x + h_(t-1) W_h + b,  i, f, o = sigmoid(z),  g = tanh(z),  c_t = f c_(t-1) + i g,  h_t = o tanh(c_t)
///
/// h and c before the first frame are 0.
public final class LSTM {
  private let recurrence: Recurrence
  /// T x B x 4H: products, activated gates after `forward`, gradients after `backward`.
  private let gates: Storage
  /// T x B x H: c after `forward`, h after `backward`.
  private let cells: Storage
  private let stateGradient: Storage
  private let output: Storage
  private let cellGradient: Storage
  /// The cells before the first frame.
  private let zeros: Storage
  /// Of the last `forward`, 0 once `backward` has used up its gates.
  private var rows = 0

  /// - Parameters:
  ///   - frames: T.
  ///   - inputs: D, numbers a frame.
  ///   - hidden: H.
  ///   - batch: the largest number of rows of a call.
  ///   - inputWeight: D x 4H.
  ///   - recurrentWeight: H x 4H.
  ///   - bias: 1 x 4H.
  ///   - scratch: memory shared with the same layer of other tasks.
  public init(
    frames: Int, inputs: Int, hidden: Int, batch: Int, inputWeight: Parameter, recurrentWeight: Parameter,
    bias: Parameter, scratch: Scratch = Scratch()
  ) {
    self.recurrence = Recurrence(
      frames: frames, inputs: inputs, hidden: hidden, batch: batch, gates: 4, inputWeight: inputWeight,
      recurrentWeight: recurrentWeight, bias: bias, scratch: scratch)
    self.gates = recurrence.storage(columns: 4 * hidden)
    self.cells = recurrence.storage(columns: hidden)
    self.stateGradient = Storage(count: batch * hidden)
    self.output = Storage(count: batch * hidden)
    self.cellGradient = Storage(count: batch * hidden)
    self.zeros = Storage(count: batch * hidden)
  }

  /// x is B x (T * D), frame first; returns the last hidden state, B x H.
  public func forward(_ x: Matrix) -> Matrix {
    rows = x.rows
    let h = output.matrix(rows: rows, columns: recurrence.hidden)
    for block in recurrence.blocks(x) { forward(x.slice(block), block, h.slice(block)) }
    return h
  }

  /// `h` is every step's in turn.
  private func forward(_ x: Matrix, _ block: Range<Int>, _ h: Matrix) {
    let (rows, hidden) = (block.count, recurrence.hidden)
    let z = recurrence.steps(block, of: gates, columns: recurrence.width)
    let c = recurrence.steps(block, of: cells, columns: hidden)
    z.step(0, rows: rows).fill(0)
    for t in 0..<recurrence.frames {
      let step = z.step(t, rows: rows)
      if t > 0 { recurrence.multiplyState(h, into: step) }
      var frame = recurrence.frame(t, of: x)
      hw_lstm_forward(
        step.data, &frame, recurrence.bias.value.data, recurrence.row.data, before(t, c, rows),
        c.step(t, rows: rows).data, h.data, rows, hidden)
    }
  }

  /// Sets the gradients of the three parameters from dh = dL/dh_T (B x H), x being that of the last `forward`. Once only
  /// after each `forward`: the gates' gradients take the gates' place, and h that of the cells.
  public func backward(_ x: Matrix, _ dh: Matrix) {
    precondition(x.rows == rows, "LSTM.backward without forward on the same rows before it")
    precondition(
      dh.rows == rows && dh.columns == recurrence.hidden, "a gradient of another shape than the output")
    recurrence.prepareToPropagate()
    for block in recurrence.blocks(x) { backward(x.slice(block), dh.slice(block), block) }
    rows = 0
  }

  private func backward(_ x: Matrix, _ dh: Matrix, _ block: Range<Int>) {
    let (rows, hidden) = (block.count, recurrence.hidden)
    let z = recurrence.steps(block, of: gates, columns: recurrence.width)
    let c = recurrence.steps(block, of: cells, columns: hidden)
    let dc = cellGradient.matrix(rows: rows, columns: hidden)
    dc.fill(0)
    var dState = dh
    for t in (0..<recurrence.frames).reversed() {
      let step = z.step(t, rows: rows)
      hw_lstm_backward(
        step.data, before(t, c, rows), c.step(t, rows: rows).data, dState.data, dc.data, rows, hidden)
      guard t > 0 else { break }
      dState = stateGradient.matrix(rows: rows, columns: hidden)
      recurrence.propagate(step, into: dState)
    }
    recurrence.addGradients(block, x: x, dz: z, h: c)
  }

  /// c_(t-1) of a block's cells: rows x H.
  private func before(_ t: Int, _ c: Matrix, _ rows: Int) -> UnsafePointer<Float> {
    UnsafePointer(t > 0 ? c.step(t - 1, rows: rows).data : zeros.data)
  }
}
