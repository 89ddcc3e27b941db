import Cohort
import Layers

/// Examples copied side by side for one pass through a branch, at most `batch` of them.
final class Minibatch {
  let capacity: Int
  let labels: AlignedBuffer<Int32>
  /// A row's weight in the loss.
  let weights: AlignedBuffer<Float>
  private let windows: AlignedBuffer<Float>
  private let extras: AlignedBuffer<Float>
  private let length: Int
  private let extraFeatures: Int
  private(set) var rows = 0

  init(_ shape: NetworkShape, batch: Int) {
    capacity = batch
    length = shape.branch.inputs
    extraFeatures = shape.extraFeatures
    labels = AlignedBuffer(count: batch)
    weights = AlignedBuffer(count: batch)
    windows = AlignedBuffer(count: batch * length)
    extras = AlignedBuffer(count: batch * extraFeatures)
    weights.data.update(repeating: 1, count: batch)
  }

  /// Windows: rows x inputs.
  var x: Matrix { Matrix(windows.data, rows: rows, columns: length) }

  /// RR features: rows x extra features.
  var extra: Matrix { Matrix(extras.data, rows: rows, columns: extraFeatures) }

  /// Copies `count` examples, the k-th being number `pick(k)` of `examples`.
  func load(_ examples: Examples, count: Int, _ pick: (Int) -> Int) {
    precondition(
      count <= capacity && examples.windowLength == length && extraFeatures <= examples.featureCount,
      "\(count) windows of \(examples.windowLength) and \(examples.featureCount) features")
    rows = count
    for row in 0..<count {
      let example = pick(row)
      copy(examples.windows, from: example * length, length, to: windows.data + row * length)
      if extraFeatures > 0 {
        copy(
          examples.rr, from: example * examples.featureCount, extraFeatures,
          to: extras.data + row * extraFeatures)
      }
      labels.data[row] = examples.labels[example]
    }
  }

  private func copy(
    _ numbers: [Float], from start: Int, _ count: Int, to target: UnsafeMutablePointer<Float>
  ) {
    numbers.withUnsafeBufferPointer {
      target.update(from: $0.baseAddress! + start, count: count)
    }
  }
}
