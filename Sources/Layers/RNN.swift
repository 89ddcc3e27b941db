import CKernels

/// Elman's network: h_t = tanh(x_t W_x + h_(t-1) W_h + b), h before the first frame 0.
public final class RNN {
  private let recurrence: Recurrence
  private let states: Storage
  private let preactivationGradients: Storage
  private let stateGradient: Storage
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
    self.preactivationGradients = scratch.storage(.preactivationGradients, count: frames * batch * hidden)
    self.stateGradient = Storage(count: batch * hidden)
  }

  /// x is B x (T * D), frame first; returns the last hidden state, B x H.
  public func forward(_ x: Matrix) -> Matrix {
    rows = x.rows
    let hidden = recurrence.hidden
    let h = states.matrix(rows: recurrence.frames * rows, columns: hidden)
    recurrence.multiplyInput(x, into: h)
    for t in 0..<recurrence.frames {
      let state = h.step(t, rows: rows)
      if t > 0 { recurrence.addRecurrent(h.step(t - 1, rows: rows), to: state) }
      hw_rnn_forward(state.data, recurrence.bias.value.data, rows, hidden)
    }
    return h.step(recurrence.frames - 1, rows: rows)
  }

  /// Sets the gradients of the three parameters from dh = dL/dh_T (B x H), x being that of the last `forward`.
  public func backward(_ x: Matrix, _ dh: Matrix) {
    let (rows, hidden) = (x.rows, recurrence.hidden)
    precondition(rows == self.rows, "RNN.backward without forward on the same rows before it")
    precondition(dh.rows == rows && dh.columns == hidden, "a gradient of another shape than the output")
    let h = states.matrix(rows: recurrence.frames * rows, columns: hidden)
    let dz = preactivationGradients.matrix(rows: h.rows, columns: hidden)
    recurrence.prepareToPropagate()
    var dState = dh
    for t in (0..<recurrence.frames).reversed() {
      let step = dz.step(t, rows: rows)
      hw_rnn_backward(h.step(t, rows: rows).data, dState.data, step.data, step.count)
      guard t > 0 else { break }
      dState = stateGradient.matrix(rows: rows, columns: hidden)
      recurrence.propagate(step, into: dState)
    }
    recurrence.setGradients(dz: dz, h: h)
  }
}
