import CKernels

/// Sets each number to 0 with probability p and multiplies the others by 1 / (1 - p), in place.
///
/// The mask depends on the key and the element's index alone: not on the call before, the thread or the rank.
public final class Dropout {
  private let threshold: UInt32
  private let keepScale: Float
  private var key: UInt64 = 0

  public init(probability: Float) {
    precondition(probability >= 0 && probability < 1, "dropout probability \(probability)")
    threshold = UInt32(Double(probability) * 4_294_967_296)
    keepScale = 1 / (1 - probability)
  }

  public func forward(_ x: Matrix, key: UInt64) {
    self.key = key
    apply(x)
  }

  /// The same mask on the gradient.
  public func backward(_ dy: Matrix) { apply(dy) }

  private func apply(_ x: Matrix) {
    if threshold > 0 { hw_dropout(x.data, x.count, key, threshold, keepScale) }
  }
}
