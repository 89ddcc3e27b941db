import CKernels

/// Softmax and cross-entropy with a weight a row.
public final class SoftmaxCrossEntropy {
  private let classes: Int
  private let probabilityStorage: Storage
  private let gradientStorage: Storage
  private let batch: Int
  private let labels: AlignedBuffer<Int32>
  private let weights: Storage
  private var rows = 0

  /// - Parameter batch: the largest number of rows of a call.
  public init(classes: Int, batch: Int) {
    self.classes = classes
    self.batch = batch
    self.probabilityStorage = Storage(count: batch * classes)
    self.gradientStorage = Storage(count: batch * classes)
    self.labels = AlignedBuffer(count: batch)
    self.weights = Storage(count: batch)
  }

  /// The softmax of the last `forward`: B x classes.
  public var probabilities: Matrix { probabilityStorage.matrix(rows: rows, columns: classes) }

  /// The sum over rows, in order, of weight * -ln softmax(logits)[label]; in double, and stable for any logits.
  /// - Parameters:
  ///   - labels: one a row, in 0 ..< classes.
  ///   - rowWeights: one a row; nil for 1 each.
  public func forward(_ logits: Matrix, labels: UnsafePointer<Int32>, rowWeights: UnsafePointer<Float>? = nil)
    -> Double
  {
    precondition(
      logits.columns == classes && logits.rows <= batch, "logits of another shape than the layer's")
    rows = logits.rows
    for r in 0..<rows {
      precondition(labels[r] >= 0 && labels[r] < classes, "a label outside the classes")
      self.labels.data[r] = labels[r]
      weights.data[r] = rowWeights?[r] ?? 1
    }
    return hw_softmax_cross_entropy(
      logits.data, self.labels.data, weights.data, probabilityStorage.data, rows, classes)
  }

  /// The softmax alone, B x classes, of logits without labels; nothing to go back through.
  public func softmax(_ logits: Matrix) -> Matrix {
    precondition(
      logits.columns == classes && logits.rows <= batch, "logits of another shape than the layer's")
    rows = logits.rows
    labels.data.update(repeating: 0, count: rows)
    weights.data.update(repeating: 1, count: rows)
    _ = hw_softmax_cross_entropy(
      logits.data, labels.data, weights.data, probabilityStorage.data, rows, classes)
    return probabilities
  }

  /// scale * weight * (softmax - one-hot), for the last `forward`: B x classes.
  public func backward(scale: Float) -> Matrix {
    hw_softmax_cross_entropy_backward(
      probabilityStorage.data, labels.data, weights.data, scale, gradientStorage.data, rows, classes)
    return gradientStorage.matrix(rows: rows, columns: classes)
  }
}
