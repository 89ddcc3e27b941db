/// Memory that the same layer of many tasks uses in turn. A rank with many tasks shares one: what every task writes anew stays in the
/// cache, and a task takes less.
public final class Scratch {
  /// What the memory is for. It lasts until another layer uses it for the same purpose.
  enum Purpose: Hashable {
    case inputGradient, convolvedRow, inputByFrame, preactivationGradients, transposedWeight,
      weightGradients
  }

  private struct Key: Hashable {
    let purpose: Purpose
    let count: Int
  }

  private var buffers: [Key: Storage] = [:]

  public init() {}

  /// `count` floats for this purpose, the same at each call.
  func storage(_ purpose: Purpose, count: Int) -> Storage {
    let key = Key(purpose: purpose, count: count)
    if let made = buffers[key] { return made }
    let made = Storage(count: count)
    buffers[key] = made
    return made
  }
}
