/// How an allreduce goes through the ranks: the algorithms of Open MPI 4.1, and which of them it takes (coll_tuned's fixed decision for
/// commutative sums).
public enum AllreduceAlgorithm: String, Codable, Sendable {
  case recursiveDoubling = "recursive doubling"
  case ring
  /// Reduce-scatter by recursive halving, then allgather by recursive doubling.
  case rabenseifner = "Rabenseifner"
  /// A reduce, then a broadcast; taken here to be along binomial trees.
  case reduceAndBroadcast = "reduce and broadcast"
  /// Every rank's whole message to the first, one after the other, and back: where a sum has fewer numbers than the ranks' power of two, too few
  /// to be halved among them.
  case linear

  /// What Open MPI 4.1 takes for a sum of 64-bit numbers of that many bytes.
  public init(ranks: Int, bytes: Int) {
    // Each: from that many ranks on; below so many bytes such an algorithm.
    let largest = Int.max
    let table: [(ranks: Int, choices: [(bytes: Int, AllreduceAlgorithm)])] = [
      (
        0,
        [
          (8, .ring), (4096, .recursiveDoubling), (8192, .ring), (16384, .recursiveDoubling),
          (262_144, .ring), (largest, .rabenseifner),
        ]
      ),
      (4, [(16, .ring), (8192, .recursiveDoubling), (largest, .rabenseifner)]),
      (8, [(8192, .recursiveDoubling), (largest, .rabenseifner)]),
      (16, [(64, .ring), (4096, .recursiveDoubling), (largest, .rabenseifner)]),
      (32, [(128, .ring), (largest, .rabenseifner)]),
      (64, [(262_144, .recursiveDoubling), (largest, .rabenseifner)]),
      (
        128,
        [(131_072, .reduceAndBroadcast), (262_144, .recursiveDoubling), (largest, .rabenseifner)]
      ),
      (256, [(4096, .reduceAndBroadcast), (largest, .rabenseifner)]),
      (512, [(2048, .reduceAndBroadcast), (16384, .recursiveDoubling), (largest, .rabenseifner)]),
      (
        2048,
        [
          (2048, .reduceAndBroadcast), (4096, .ring), (16384, .recursiveDoubling),
          (largest, .rabenseifner),
        ]
      ),
      (
        4096,
        [
          (2048, .reduceAndBroadcast), (16384, .ring), (32768, .recursiveDoubling),
          (largest, .rabenseifner),
        ]
      ),
    ]
    let choices = table.last { $0.ranks <= ranks }!.choices
    let choice = choices.first { bytes < $0.bytes }!.1
    self =
      switch choice {
      case .ring where bytes / 8 < ranks: .recursiveDoubling
      case .rabenseifner where bytes / 8 < 1 << Self.doublings(ranks): .linear
      default: choice
      }
  }

  /// Rounds one after the other, in each of which ranks send a message or none; those of one size together.
  package func rounds(ranks: Int, bytes: Int) -> [Round] {
    guard ranks > 1 else { return [] }
    let (size, doublings) = (Double(bytes), Self.doublings(ranks))
    // Ranks beyond a power of two are paired up beforehand, and told the result at the end.
    let hasRest = ranks > 1 << doublings
    switch self {
    case .ring: return [Round(size / Double(ranks), times: 2 * (ranks - 1))]
    case .recursiveDoubling: return [Round(size, times: doublings + (hasRest ? 2 : 0))]
    case .rabenseifner:
      let halves = (0..<doublings).map { Round(size / Double(2 << $0), times: 2) }
      return halves + (hasRest ? [Round(size / 2, times: 2), Round(size)] : [])
    case .reduceAndBroadcast: return [Round(size, times: 2 * (hasRest ? doublings + 1 : doublings))]
    case .linear: return [Round(size, times: 2 * (ranks - 1))]
    }
  }

  /// Of the largest power of two that is not above `ranks`.
  private static func doublings(_ ranks: Int) -> Int { Int.bitWidth - 1 - ranks.leadingZeroBitCount }

  /// Messages of one size that go at the same time.
  package struct Round {
    package let bytes: Double
    /// How often the round comes, one after the other.
    package let times: Int

    init(_ bytes: Double, times: Int = 1) {
      (self.bytes, self.times) = (bytes, times)
    }
  }
}
