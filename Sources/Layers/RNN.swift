import CKernels

/// Elman's network: h_t = tanh(x_t W_x + h_(t-1) W_h + b), h before the first frame 0.
public final class RNN {
  private let recurrence: Recurrence
  private let states: Storage
  private let preactivationGradients: Storage
  private let stateGradient: Storage
  private let output: Storage
  private var rows = 0

  /// - Parameters:
  ///   - frames: T.
  ///   - inputs: D, numbers a frame.
  ///   - hidden: H.
  ///   - batch: the largest number of rows of a call.
  ///   - inputWeight: D x H.
  ///   - recurrentWeight: H x H.
  ///   - bias: 1 x H.
  ///   - scratch: memory shared with the same layer of other tasks.
  public init(
    frames: Int, inputs: Int, hidden: Int, batch: Int, inputWeight: Parameter, recurrentWeight: Parameter,
    bias: Parameter, scratch: Scratch = Scratch()
  ) {
    self.recurrence = Recurrence(
      frames: frames, inputs: inputs, hidden: hidden, batch: batch, gates: 1, inputWeight: inputWeight,
      recurrentWeight: recurrentWeight, bias: bias, scratch: scratch)
    self.states = recurrence.storage(columns: hidden)
    self.preactivationGradients = recurrence.blockStorage(
      .preactivationGradients, columns: hidden, scratch)
    self.stateGradient = Storage(count: batch * hidden)
    self.output = Storage(count: batch * hidden)
  }

  /// x is B x (T * D), frame first; returns the last hidden state, B x H.
  public func forward(_ x: Matrix) -> Matrix {
    rows = x.rows
    let last = output.matrix(rows: rows, columns: recurrence.hidden)
    for block in recurrence.blocks(x) { forward(x.slice(block), block, into: last.slice(block)) }
    return last
  }

  private func forward(_ x: Matrix, _ block: Range<Int>, into last: Matrix) {
    let (rows, hidden) = (block.count, recurrence.hidden)
    let h = recurrence.steps(block, of: states, columns: hidden)
    h.step(0, rows: rows).fill(0)
    for t in 0..<recurrence.frames {
      let state = h.step(t, rows: rows)
      if t > 0 { recurrence.multiplyState(h.step(t - 1, rows: rows), into: state) }
      var frame = recurrence.frame(t, of: x)
      hw_rnn_forward(
        state.data, &frame, recurrence.bias.value.data, recurrence.row.data, rows, hidden)
    }
    last.copy(h.step(recurrence.frames - 1, rows: rows))
  }

  /// Sets the gradients of the three parameters from dh = dL/dh_T (B x H), x being that of the last `forward`.
  public func backward(_ x: Matrix, _ dh: Matrix) {
    precondition(x.rows == rows, "RNN.backward without forward on the same rows before it")
    precondition(
      dh.rows == rows && dh.columns == recurrence.hidden, "a gradient of another shape than the output")
    recurrence.prepareToPropagate()
    for block in recurrence.blocks(x) { backward(x.slice(block), dh.slice(block), block) }
  }

  private func backward(_ x: Matrix, _ dh: Matrix, _ block: Range<Int>) {
    let (rows, hidden) = (block.count, recurrence.hidden)
    let h = recurrence.steps(block, of: states, columns: hidden)
    let dz = preactivationGradients.matrix(rows: h.rows, columns: hidden)
    var dState = dh
    for t in (0..<recurrence.frames).reversed() {
      let step = dz.step(t, rows: rows)
      hw_rnn_backward(h.step(t, rows: rows).data, dState.data, step.data, step.count)
      guard t > 0 else { break }
      dState = stateGradient.matrix(rows: rows, columns: hidden)
      recurrence.propagate(step, into: dState, ahead: h.step(max(t - 2, 0), rows: rows))
    }
    recurrence.addGradients(block, x: x, dz: dz, h: h)
  }
}
