/// How long a step's sum of some bytes takes on ranks of a placement: latencies and bandwidths, fitted to measured ones.
///
/// Ranks of one host add in shared memory: all wait for one another twice, a third time where there are other hosts, and each reads what the
/// others have written. Between hosts one rank of each goes through the rounds of an allreduce (``AllreduceAlgorithm``), each a latency and
/// its bytes. Up to a size that the fit finds messages are copied through buffers, which costs more a byte; larger ones cost a second
/// latency, in which sender and receiver agree. How long a sum takes where ranks wait for cores is the kernel's affair: such sums are not
/// fitted.
public struct SumModel: Codable, Sendable, Equatable {
  /// Seconds, each time, for each rank of the host that has most.
  public var latencyWithin = 0.0
  /// Seconds a round.
  public var latencyBetween = 0.0
  /// Seconds a byte.
  public var byteWithin = 0.0
  public var byteBetween = 0.0
  /// Seconds more for each of the first few bytes within a host.
  public var byteOfFew = 0.0
  /// Seconds more a round whose messages are larger than that many bytes, and a byte of smaller ones; nil: no size matters.
  public var latencyOfLarge = 0.0
  public var byteOfSmall = 0.0
  public var largeBytes: Int?

  public init() {}

  /// A sum that was measured.
  public struct Measured: Sendable {
    public let placement: Placement
    public let bytes: Int
    public let seconds: Double
    public init(_ placement: Placement, bytes: Int, seconds: Double) {
      (self.placement, self.bytes, self.seconds) = (placement, bytes, seconds)
    }
  }

  /// Fitted to those sums of which every rank has a core; without any, sums cost nothing.
  public init(fitting sums: [Measured]) {
    let sums = sums.filter { !$0.placement.isCrowded }
    let thresholds: [Int?] = [nil, 1024, 2048, 4096, 8192, 16384, 32768, 65536]
    let fits = thresholds.map { threshold in
      let features = sums.map { Features($0.placement, bytes: $0.bytes, large: threshold).all }
      let columns = Features.names.indices.map { column in features.map { $0[column] } }
      return (threshold, LeastSquares.fit(columns, sums.map(\.seconds)))
    }
    // A threshold must earn its place.
    var best = fits[0]
    for fit in fits.dropFirst() where fit.1.loss < 0.95 * best.1.loss { best = fit }
    let x = best.1.coefficients
    (latencyWithin, latencyBetween, byteWithin, byteBetween) = (x[0], x[1], x[2], x[3])
    byteOfFew = x[6]
    (latencyOfLarge, byteOfSmall, largeBytes) = (x[4], x[5], x[4] + x[5] > 0 ? best.0 : nil)
  }

  public func seconds(_ placement: Placement, bytes: Int) -> Double {
    let features = Features(placement, bytes: bytes, large: largeBytes).all
    let costs = [
      latencyWithin, latencyBetween, byteWithin, byteBetween, latencyOfLarge, byteOfSmall, byteOfFew,
    ]
    return zip(features, costs).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// What a sum's time is made of.
  private struct Features {
    static let names = [
      "waits within", "rounds between", "bytes within", "between", "large", "bytes of small",
      "few bytes within",
    ]
    /// Bytes that come as they are asked for, until the processor fetches those that follow by itself.
    static let few = 4096.0
    var all = [Double](repeating: 0, count: names.count)

    init(_ placement: Placement, bytes: Int, large: Int?) {
      let (hosts, most) = (placement.hostCount, Double(placement.ranksOnHost))
      if most > 1 {
        all[0] = (hosts > 1 ? 3 : 2) * most
        // One after the other: a stretch of the others' parts, of the total all but that; between hosts its first rank changes all of it.
        all[2] = Double(bytes) * (hosts > 1 ? 3 - 2 / most : 2 - 2 / most)
        all[6] = min(all[2], Self.few)
      }
      for round in AllreduceAlgorithm(ranks: hosts, bytes: bytes).rounds(ranks: hosts, bytes: bytes) {
        let times = Double(round.times)
        all[1] += times
        all[3] += times * round.bytes
        guard let large else { continue }
        if round.bytes > Double(large) { all[4] += times } else { all[5] += times * round.bytes }
      }
    }
  }
}

/// A network given as latency and bandwidth.
public struct NetworkKind: Codable, Sendable, Equatable {
  public let name: String
  /// Seconds of a message without content, from rank to rank.
  public let latency: Double
  /// Seconds a byte.
  public let byte: Double

  public init(_ name: String, latency: Double, byte: Double) {
    (self.name, self.latency, self.byte) = (name, latency, byte)
  }

  public init(_ name: String, microseconds: Double, gigabits: Double) {
    self.init(name, latency: microseconds * 1e-6, byte: 8e-9 / gigabits)
  }

  /// Seconds of an allreduce over that many hosts of one rank each: every round one latency and its bytes.
  public func seconds(ranks: Int, bytes: Int) -> Double {
    AllreduceAlgorithm(ranks: ranks, bytes: bytes).rounds(ranks: ranks, bytes: bytes).reduce(0) {
      $0 + Double($1.times) * (latency + $1.bytes * byte)
    }
  }
}
