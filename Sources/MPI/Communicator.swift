import CMPIShim

/// A group of ranks that talk to one another (MPI 3.1, chapter 6). To be used on the main thread alone (MPI_THREAD_FUNNELED).
/// Errors come back as `MPIError` (MPI_ERRORS_RETURN).
public final class Communicator: @unchecked Sendable {
  /// All ranks of the job (MPI_COMM_WORLD). Only after `Environment.initialize`.
  public static let world = Communicator(cmpi_world(), owned: false, traffic: Traffic())

  let handle: OpaquePointer
  private let owned: Bool
  /// This rank's number, from 0.
  public let rank: Int
  /// Ranks in the group.
  public let size: Int
  public let traffic: Traffic

  private init(_ handle: OpaquePointer, owned: Bool, traffic: Traffic) {
    var (rank, size): (Int32, Int32) = (0, 1)
    guard cmpi_rank(handle, &rank) == 0, cmpi_size(handle, &size) == 0 else {
      preconditionFailure("a communicator needs Environment.initialize first")
    }
    self.handle = handle
    self.owned = owned
    self.traffic = traffic
    self.rank = Int(rank)
    self.size = Int(size)
  }

  deinit {
    if owned && !Environment.isFinalized { _ = cmpi_free(handle) }
  }

  /// MPI_Comm_dup, section 6.4.2: the same ranks, messages of their own.
  public func duplicate() throws -> Communicator {
    var result: OpaquePointer?
    try check(cmpi_dup(handle, &result), "MPI_Comm_dup")
    return Communicator(result!, owned: true, traffic: traffic)
  }

  /// MPI_Comm_split, section 6.4.2: one communicator a color, ranked by `key`; nil for ranks without a color.
  public func split(color: Int?, key: Int) throws -> Communicator? {
    var result: OpaquePointer?
    try check(cmpi_split(handle, Int32(color ?? -1), Int32(key), &result), "MPI_Comm_split")
    return result.map { Communicator($0, owned: true, traffic: traffic) }
  }

  /// MPI_Abort, section 8.7: ends every rank of the job with this code.
  public func abort(_ code: Int32) -> Never {
    cmpi_abort(handle, code)
    fatalError("MPI_Abort returned")
  }
}
