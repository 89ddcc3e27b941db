import CKernels

/// Softmax over each row and cross-entropy with the labels (paper, equations 3 and 4).
///
/// logits: B x classes; labels and row weights: B.
public final class SoftmaxCrossEntropy {
  private let classes: Int
  private let softmax: AlignedBuffer<Float>
  private let gradients: AlignedBuffer<Float>
  private var labels: UnsafePointer<Int32>?
  private var weights: UnsafePointer<Float>?
  private var rows = 0

  public init(classes: Int, batch: Int) {
    self.classes = classes
    softmax = AlignedBuffer(count: batch * classes)
    gradients = AlignedBuffer(count: batch * classes)
  }

  /// Returns `sum_r w_r (log sum_c exp x_rc - x_r,label)`, in Double, rows in order.
  public func forward(_ logits: Matrix, labels: UnsafePointer<Int32>, rowWeights: UnsafePointer<Float>?) -> Double {
    precondition(logits.columns == classes && logits.count <= softmax.count, "\(logits.rows) x \(logits.columns) logits")
    (self.labels, weights, rows) = (labels, rowWeights, logits.rows)
    return hw_softmax_cross_entropy(logits.data, labels, rowWeights, softmax.data, rows, classes)
  }

  /// Gradient of `scale` times the sum: `scale w_r (p_rc - [c = label_r])`, B x classes.
  public func backward(scale: Float) -> Matrix {
    guard let labels else { preconditionFailure("backward before forward") }
    hw_softmax_cross_entropy_backward(softmax.data, labels, weights, scale, gradients.data, rows, classes)
    return Matrix(data: gradients.data, rows: rows, columns: classes)
  }

  /// Softmax of each row alone: B x classes, a view that the next call overwrites.
  public func probabilities(_ logits: Matrix) -> Matrix {
    precondition(logits.columns == classes && logits.count <= softmax.count, "\(logits.rows) x \(logits.columns) logits")
    hw_softmax(logits.data, softmax.data, logits.rows, classes)
    return Matrix(data: softmax.data, rows: logits.rows, columns: classes)
  }
}
