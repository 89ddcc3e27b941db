import CKernels

/// One trained tensor and its gradient: views into a `ParameterGroup`.
public struct Parameter {
  public let name: String
  public let value: Matrix
  public let gradient: Matrix
}

/// Tensors that are clipped and updated together: their values, gradients and Adam's two moments, each in one contiguous
/// stretch, so that a norm and a step of Adam are one pass each. A tensor starts on a 64-byte boundary inside it; the padding between tensors is and stays zero.
public final class ParameterGroup {
  public let name: String
  /// Length of each of the four in floats, padding included.
  public let count: Int
  /// In the order given.
  public let parameters: [Parameter]
  public let values: UnsafeMutablePointer<Float>
  public let gradients: UnsafeMutablePointer<Float>
  private let valueStorage: Storage
  private let gradientStorage: Storage
  private var momentStorage: Storage
  /// As much room again, where moments are to be lent.
  private var spareMoments: Storage?
  private var areMomentsLent = false

  /// - Parameter scratch: where gradients lie that other groups of the same size use in turn; nil for memory of their own.
  public init(
    name: String, tensors: [(name: String, rows: Int, columns: Int)], sharingGradients scratch: Scratch? = nil
  ) {
    func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
    let count = tensors.reduce(0) { $0 + padded($1.rows * $1.columns) }
    valueStorage = Storage(count: count)
    gradientStorage = scratch?.storage(.weightGradients, count: count) ?? Storage(count: count)
    momentStorage = Storage(count: 2 * count)
    let (values, gradients) = (valueStorage.data, gradientStorage.data)
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
  }

  /// The parameter of that name, which must be one of the group's.
  public subscript(_ tensor: String) -> Parameter {
    guard let found = parameters.first(where: { $0.name == tensor }) else {
      preconditionFailure("parameter group \(name) has no tensor \(tensor)")
    }
    return found
  }

  /// The first moment, then the second: `2 * count` floats.
  public var moments: UnsafeMutableBufferPointer<Float> { momentStorage.buffer }

  /// Finds the room that lending takes.
  public func prepareToLendMoments() {
    if spareMoments == nil { spareMoments = Storage(count: 2 * count) }
  }

  /// The moments, for another thread to read: they stay as they are until the next call, as what changes moments writes the new ones
  /// elsewhere. After `prepareToLendMoments`.
  public func lendMoments() -> UnsafeMutableBufferPointer<Float> {
    precondition(spareMoments != nil, "moments of \(name) are lent before there is room for others")
    areMomentsLent = true
    return moments
  }

  /// Calls `change` with the moments as they are, and with the place of the new ones: the same, or another where they are lent.
  func changeMoments(_ change: (_ old: Storage, _ new: Storage) -> Void) {
    let old = momentStorage
    if areMomentsLent, let spare = spareMoments {
      (momentStorage, spareMoments) = (spare, old)
      areMomentsLent = false
    }
    change(old, momentStorage)
  }

  /// Sets both moments to 0, as before the first step.
  public func clearMoments() {
    changeMoments { _, new in new.data.update(repeating: 0, count: new.count) }
  }

  /// Copies the values for later: past the caches, so that training finds there what it left. As many floats as `count`.
  public func copyValues(to target: UnsafeMutablePointer<Float>) {
    hw_copy_past_caches(target, values, count)
  }

  /// Euclidean norm of all gradients of the group. NaN or infinite if one of them is.
  public func gradientNorm() -> Double { hw_sum_squares(gradients, count).squareRoot() }
}
