import CKernels

/// A named tensor: views of its values and its gradient.
public struct Parameter {
  public let name: String
  public let value: Matrix
  public let gradient: Matrix
}

/// One clipping group: values, gradients and Adam's moments of several tensors, each in one contiguous buffer.
///
/// Every tensor starts on a cache line; the padding between tensors stays zero, so that a group is one vector for Adam and norms.
public final class ParameterGroup {
  public let name: String
  /// Numbers in a buffer, padding included.
  public let count: Int
  public let parameters: [Parameter]
  private let storage: [AlignedBuffer<Float>]

  public var values: UnsafeMutablePointer<Float> { storage[0].data }
  public var gradients: UnsafeMutablePointer<Float> { storage[1].data }
  var firstMoment: UnsafeMutablePointer<Float> { storage[2].data }
  var secondMoment: UnsafeMutablePointer<Float> { storage[3].data }

  public init(name: String, tensors: [(name: String, rows: Int, columns: Int)]) {
    self.name = name
    var (offset, offsets) = (0, [Int]())
    for tensor in tensors {
      offsets.append(offset)
      offset += (tensor.rows * tensor.columns + 15) / 16 * 16
    }
    count = offset
    let storage = (0..<4).map { _ in AlignedBuffer<Float>(count: offset) }
    self.storage = storage
    parameters = zip(tensors, offsets).map { tensor, offset in
      Parameter(
        name: tensor.name,
        value: Matrix(data: storage[0].data + offset, rows: tensor.rows, columns: tensor.columns),
        gradient: Matrix(data: storage[1].data + offset, rows: tensor.rows, columns: tensor.columns))
    }
  }

  /// The tensor of this name, which must exist.
  public subscript(_ tensor: String) -> Parameter {
    guard let parameter = parameters.first(where: { $0.name == tensor }) else {
      preconditionFailure("group \(name) has no tensor \(tensor)")
    }
    return parameter
  }

  /// Euclidean norm of all gradients, summed in Double in a fixed order.
  public func gradientNorm() -> Double { hw_sum_squares(gradients, count).squareRoot() }
}
