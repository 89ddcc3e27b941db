import Synchronization

/// What a message is, for the ledger of bytes: a name that the caller chooses ("activations", "gradients", ...).
///
/// Make kinds once, outside loops: the name is looked up in a process-wide list when the kind is made, never when it is used.
public struct Kind: Hashable, Sendable, CustomStringConvertible {
  public let name: String
  let index: Int

  public init(_ name: String) {
    self.name = name
    index = Kind.names.withLock { names in
      if let known = names.firstIndex(of: name) { return known }
      names.append(name)
      return names.count - 1
    }
  }

  public var description: String { name }

  /// The kind of messages that say nothing else: set-up, agreement on errors.
  public static let setup = Kind("setup")

  fileprivate static let names = Mutex<[String]>([])
  fileprivate static var all: [Kind] {
    names.withLock { $0 }.map { Kind($0) }
  }
}

/// A ledger of the calls made and the payload bytes handed to MPI by this rank, by kind of message.
///
/// What counts: for allreduce the buffer; for broadcast the root's buffer, nothing elsewhere; for allgather, gather and
/// reduce-scatter the send buffer; for a barrier nothing. Headers, and copies that MPI makes on the way, are not counted.
public final class Traffic {
  /// Calls and bytes, of one kind or in all.
  public struct Tally: Equatable, Sendable {
    public var calls = 0
    public var bytes = 0

    public init(calls: Int = 0, bytes: Int = 0) {
      self.calls = calls
      self.bytes = bytes
    }

    public static func + (a: Tally, b: Tally) -> Tally {
      Tally(calls: a.calls + b.calls, bytes: a.bytes + b.bytes)
    }
    public static func - (a: Tally, b: Tally) -> Tally {
      Tally(calls: a.calls - b.calls, bytes: a.bytes - b.bytes)
    }
  }

  /// The ledger at one moment; subtract an earlier one for what passed in between.
  public struct Snapshot: Equatable, Sendable {
    /// Every kind that was used, and no other.
    public let byKind: [Kind: Tally]

    public var total: Tally { byKind.values.reduce(Tally(), +) }

    public subscript(kind: Kind) -> Tally { byKind[kind] ?? Tally() }

    public static func - (later: Snapshot, earlier: Snapshot) -> Snapshot {
      var difference = later.byKind
      for (kind, tally) in earlier.byKind { difference[kind, default: Tally()] = later[kind] - tally }
      return Snapshot(byKind: difference.filter { $0.value != Tally() })
    }
  }

  private var tallies: [Tally] = []

  /// The ledger as it stands.
  public var snapshot: Snapshot {
    var byKind: [Kind: Tally] = [:]
    for kind in Kind.all where kind.index < tallies.count && tallies[kind.index] != Tally() {
      byKind[kind] = tallies[kind.index]
    }
    return Snapshot(byKind: byKind)
  }

  /// All calls and bytes so far.
  public var total: Tally { snapshot.total }

  /// Enters one call. Allocates only when a kind is met for the first time.
  func add(_ kind: Kind, bytes: Int) {
    while tallies.count <= kind.index { tallies.append(Tally()) }
    tallies[kind.index].calls += 1
    tallies[kind.index].bytes += bytes
  }
}
