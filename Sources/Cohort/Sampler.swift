/// Draws examples with replacement: first a class by its weight, then any example of that class.
public struct ClassWeightedSampler: Sendable {
  private let members: [[Int]]
  /// The share of draws below which class c falls: the running sum of the weights, ending in 1.
  private let bounds: [Double]

  /// A sampler over the examples at `indices`.
  ///
  /// - Parameters:
  ///   - labels: the classes of all examples.
  ///   - indices: the examples to draw from, such as a training part.
  ///   - weights: one a class, in any unit; equal ones unless given. A class without examples gets none of the draws.
  /// - Returns: nil if no class has both an example and a weight above 0.
  public init?(labels: [Int32], indices: [Int], weights: [Double] = [1, 1]) {
    precondition(
      weights.allSatisfy { $0 >= 0 && $0.isFinite }, "weights \(weights) must be finite and not negative")
    var members = [[Int]](repeating: [], count: weights.count)
    for i in indices { members[Int(labels[i])].append(i) }
    let present = zip(members, weights).map { $0.isEmpty ? 0 : $1 }
    let total = present.reduce(0, +)
    guard total > 0 else { return nil }
    var sum = 0.0
    bounds = present.map { weight in
      sum += weight
      return sum / total
    }
    self.members = members
  }

  /// One example.
  public func draw(using stream: inout RandomStream) -> Int {
    let share = stream.uniform()
    // Always found: the last bound is exactly 1 (the same sum divided by itself) and `share` is below it.
    let label = bounds.firstIndex { share < $0 }!
    return members[label][stream.index(below: members[label].count)]
  }
}
