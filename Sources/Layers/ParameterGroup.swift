import CKernels

/// One trained tensor and its gradient: views into a `ParameterGroup`.
public struct Parameter {
  public let name: String
  public let value: Matrix
  public let gradient: Matrix
}

/// Tensors that are clipped and updated together: their values, gradients and Adam's two moments, each in one contiguous
/// buffer, so that a norm and a step of Adam are one pass each. A tensor starts on a 64-byte boundary inside the buffer; the padding between tensors is and stays zero.
public final class ParameterGroup {
  public let name: String
  /// Length of each of the four buffers in floats, padding included.
  public let count: Int
  /// In the order given.
  public let parameters: [Parameter]
  public let values: UnsafeMutablePointer<Float>
  public let gradients: UnsafeMutablePointer<Float>
  public let firstMoment: UnsafeMutablePointer<Float>
  public let secondMoment: UnsafeMutablePointer<Float>
  private let storage: Storage
  private let gradientStorage: Storage

  /// - Parameter scratch: where gradients lie that other groups of the same size use in turn; nil for memory of their own.
  public init(
    name: String, tensors: [(name: String, rows: Int, columns: Int)], sharingGradients scratch: Scratch? = nil
  ) {
    func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
    let count = tensors.reduce(0) { $0 + padded($1.rows * $1.columns) }
    let storage = Storage(count: 3 * count)
    let gradientStorage = scratch?.storage(.weightGradients, count: count) ?? Storage(count: count)
    let (values, gradients) = (storage.data, gradientStorage.data)
    var offset = 0
    self.parameters = tensors.map { tensor in
      defer { offset += padded(tensor.rows * tensor.columns) }
      return Parameter(
        name: tensor.name,
        value: Matrix(values + offset, rows: tensor.rows, columns: tensor.columns),
        gradient: Matrix(gradients + offset, rows: tensor.rows, columns: tensor.columns))
    }
    self.name = name
    self.count = count
    self.values = values
    self.gradients = gradients
    self.firstMoment = values + count
    self.secondMoment = values + 2 * count
    self.storage = storage
    self.gradientStorage = gradientStorage
  }

  /// The parameter of that name, which must be one of the group's.
  public subscript(_ tensor: String) -> Parameter {
    guard let found = parameters.first(where: { $0.name == tensor }) else {
      preconditionFailure("parameter group \(name) has no tensor \(tensor)")
    }
    return found
  }

  /// Values and both moments: all that training goes on from, `3 * count` floats.
  public var state: UnsafeMutableBufferPointer<Float> { storage.buffer }

  /// Copies a group's `state` for later: past the caches, so that training finds there what it left.
  public static func copyAside(
    _ state: UnsafeMutableBufferPointer<Float>, to target: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(target.count == state.count)
    guard let from = state.baseAddress, let to = target.baseAddress else { return }
    hw_copy_past_caches(to, from, state.count)
  }

  /// Euclidean norm of all gradients of the group. NaN or infinite if one of them is.
  public func gradientNorm() -> Double { hw_sum_squares(gradients, count).squareRoot() }
}
