/// What a message is for, as the caller names it: the ledger of bytes is kept by kind.
public struct Kind: Hashable, Sendable {
  public let name: String

  public init(_ name: String) { self.name = name }
}

/// Payload bytes that this rank handed to MPI, by kind. Counted: allreduce, gather, allgather, reduce-scatter, the sending buffer;
/// broadcast, the root's. Shared by a communicator and all made from it.
public final class Traffic {
  public struct Count: Sendable, Equatable {
    public var calls = 0
    public var bytes = 0
  }

  /// The ledger at one moment.
  public struct Snapshot: Sendable, Equatable {
    public let counts: [Kind: Count]

    public func bytes(_ kind: Kind) -> Int { counts[kind]?.bytes ?? 0 }
    public func calls(_ kind: Kind) -> Int { counts[kind]?.calls ?? 0 }
    public var total: Int { counts.values.reduce(0) { $0 + $1.bytes } }
  }

  private var counts: [Kind: Count] = [:]

  func add(_ bytes: Int, _ kind: Kind) {
    counts[kind, default: Count()].calls += 1
    counts[kind, default: Count()].bytes += bytes
  }

  public func snapshot() -> Snapshot { Snapshot(counts: counts) }
}
