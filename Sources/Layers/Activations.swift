import CKernels

/// max(x, 0), in place both ways.
public final class ReLU {
  private var output: Matrix?

  public init() {}

  /// Rectifies x in place and returns it; it must stay as it is until `backward`.
  @discardableResult
  public func forward(_ x: Matrix) -> Matrix {
    x.rectify()
    output = x
    return x
  }

  /// Turns dy = dL/dy into dL/dx in place and returns it. At 0 the derivative is 0.
  @discardableResult
  public func backward(_ dy: Matrix) -> Matrix {
    guard let output else { preconditionFailure("ReLU.backward before forward") }
    dy.maskWhereRectified(output)
    return dy
  }
}

/// Sets elements to 0 with `probability` and scales the others by 1 / (1 - probability), in place both ways. The mask
/// is a hash of the key and the element's index (row * columns + column), so it depends on nothing else.
public final class Dropout {
  private let threshold: UInt32
  private let keepScale: Float
  private let columns: Int
  private let batch: Int
  private var key: UInt64 = 0

  /// - Parameter probability: 0 ..< 1; 0 does nothing and costs nothing.
  public init(probability: Double, columns: Int, batch: Int) {
    precondition(probability >= 0 && probability < 1, "a dropout probability outside 0 ..< 1")
    precondition(batch * columns <= Int(UInt32.max), "more elements than the mask has indices")
    self.threshold = UInt32(min((probability * 0x1p32).rounded(), 0x1p32 - 1))
    self.keepScale = Float(1 / (1 - probability))
    self.columns = columns
    self.batch = batch
  }

  @discardableResult
  public func forward(_ x: Matrix, key: UInt64) -> Matrix {
    self.key = key
    return mask(x)
  }

  /// Masks and scales dy as the last `forward` did.
  @discardableResult
  public func backward(_ dy: Matrix) -> Matrix { mask(dy) }

  private func mask(_ x: Matrix) -> Matrix {
    precondition(x.columns == columns && x.rows <= batch, "a matrix of another shape than the layer's")
    if threshold > 0 { hw_dropout(x.data, x.count, key, threshold, keepScale) }
    return x
  }
}
