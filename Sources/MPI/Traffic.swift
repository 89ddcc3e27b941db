import CMPIShim
import Synchronization

/// What a message is, for the ledger of bytes: a name that the caller chooses ("activations", "gradients", ...).
///
/// Make kinds once, outside loops: the name is looked up in a process-wide list when the kind is made, never when it is used. The ledger
/// has room for 64.
public struct Kind: Hashable, Sendable, CustomStringConvertible {
  /// The name it was made with.
  public let name: String
  let index: Int32

  /// The kind of this name; making it again gives the same.
  public init(_ name: String) {
    self.name = name
    index = Kind.names.withLock { names in
      if let known = names.firstIndex(of: name) { return Int32(known) }
      precondition(
        names.count < CMPI_KINDS, "\(name) is one kind of message too many: the ledger has \(CMPI_KINDS)")
      names.append(name)
      return Int32(names.count - 1)
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

/// A ledger of the calls made and the payload bytes handed to others by this rank, by kind of message.
///
/// What counts: for allreduce the buffer; for broadcast the root's buffer, nothing elsewhere; for allgather, gather and
/// reduce-scatter the send buffer; for a ``RankSum`` the part, in shared memory too; for a barrier nothing. Headers, and copies that MPI makes on the way, are not counted. The C shim
/// counts, at the call itself: nothing with payload can be sent without a kind, or past the ledger.
public final class Traffic: Sendable {
  /// Calls and bytes, of one kind or in all.
  public struct Tally: Equatable, Sendable {
    /// Calls made.
    public var calls = 0
    /// Bytes of payload handed to others.
    public var bytes = 0

    /// A tally of its own, to compare with.
    public init(calls: Int = 0, bytes: Int = 0) {
      self.calls = calls
      self.bytes = bytes
    }

    /// Calls and bytes of both.
    public static func + (a: Tally, b: Tally) -> Tally {
      Tally(calls: a.calls + b.calls, bytes: a.bytes + b.bytes)
    }
    /// What `a` has more than `b`.
    public static func - (a: Tally, b: Tally) -> Tally {
      Tally(calls: a.calls - b.calls, bytes: a.bytes - b.bytes)
    }
  }

  /// The ledger at one moment; subtract an earlier one for what passed in between.
  public struct Snapshot: Equatable, Sendable {
    /// Every kind that was used, and no other.
    public let byKind: [Kind: Tally]

    /// All kinds together.
    public var total: Tally { byKind.values.reduce(Tally(), +) }

    /// Calls and bytes of one kind; 0 of a kind that was not used.
    public subscript(kind: Kind) -> Tally { byKind[kind] ?? Tally() }

    /// What passed between the two, of the kinds that were used.
    public static func - (later: Snapshot, earlier: Snapshot) -> Snapshot {
      var difference = later.byKind
      for (kind, tally) in earlier.byKind { difference[kind, default: Tally()] = later[kind] - tally }
      return Snapshot(byKind: difference.filter { $0.value != Tally() })
    }
  }

  /// The ledger as it stands.
  public var snapshot: Snapshot {
    var byKind: [Kind: Tally] = [:]
    for kind in Kind.all {
      let sent = cmpi_sent(kind.index)
      if sent.calls > 0 { byKind[kind] = Tally(calls: Int(sent.calls), bytes: Int(sent.bytes)) }
    }
    return Snapshot(byKind: byKind)
  }

  /// All calls and bytes so far.
  public var total: Tally { snapshot.total }

  /// The process's, which the C shim keeps: all communicators come of one world.
  static let ofProcess = Traffic()
  private init() {}
}
