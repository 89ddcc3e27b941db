import Foundation

/// A stream of random numbers named by a seed and a list of words, such as (task, step).
///
/// The same name gives the same numbers on every rank, whatever was drawn before from other streams, so nothing
/// about a draw depends on how tasks are dealt out to ranks. The generator is SplitMix64 (Steele, Lea and Flood,
/// *Fast splittable pseudorandom number generators*, OOPSLA 2014): the n-th number is a hash of `start + n * gamma`,
/// where `start` is a hash of the name.
public struct RandomStream: RandomNumberGenerator, Sendable {
  private static let gamma: UInt64 = 0x9e37_79b9_7f4a_7c15

  private var state: UInt64
  private var spareNormal: Double?

  /// The stream of a seed and its keys. Order and number of the keys count: (1), (1, 0) and (0, 1) differ.
  public init(seed: UInt64, _ keys: UInt64...) {
    state = Self.hash(seed &+ Self.gamma)
    for key in keys { state = Self.hash(state &+ Self.gamma) ^ Self.hash(key ^ Self.gamma) }
    state = Self.hash(state)
  }

  /// The finaliser of SplitMix64 (variant 13 of David Stafford's mixers).
  private static func hash(_ word: UInt64) -> UInt64 {
    var z = word
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    state &+= Self.gamma
    return Self.hash(state)
  }

  /// A number in 0 ..< 1, a multiple of 2^-53.
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// A number in `range`, uniform.
  public mutating func uniform(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }

  /// An index in 0 ..< `bound`, every one equally likely: Lemire's multiplication with rejection
  /// (*Fast random integer generation in an interval*, 2019). `bound` must be positive.
  public mutating func index(below bound: Int) -> Int {
    precondition(bound > 0, "index(below: \(bound)): the bound must be positive")
    let bound = UInt64(bound)
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
    }
    return Int(product.high)
  }

  /// A number from the standard normal distribution (Box and Muller 1958; the pair's second is kept for the next call).
  public mutating func normal() -> Double {
    if let spare = spareNormal {
      spareNormal = nil
      return spare
    }
    let radius = (-2 * log(1 - uniform())).squareRoot()
    let angle = 2 * Double.pi * uniform()
    spareNormal = radius * sin(angle)
    return radius * cos(angle)
  }

  /// Puts the elements in random order, all orders equally likely (Fisher and Yates).
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, index(below: last + 1))
    }
  }
}
