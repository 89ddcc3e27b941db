import CMPIShim

/// A group of ranks that talk to one another (MPI 3.1, chapter 6).
///
/// Collectives are in `Collectives.swift`. Use it from the main thread only, which the compiler cannot check: the class is
/// marked `Sendable` so that it can be kept anywhere. Calls before ``Environment/initialize(_:)`` or after
/// ``Environment/finalize()`` end the process, as the standard has it.
public final class Communicator: @unchecked Sendable {
  /// All ranks, `MPI_COMM_WORLD`; valid once MPI is initialised.
  public static let world: Communicator = {
    precondition(Environment.isInitialized, "Communicator.world was used before Environment.initialize()")
    return Communicator(cmpi_world())
  }()

  /// This process's number in the group, from 0. `MPI_Comm_rank`, section 6.4.1.
  public let rank: Int
  /// How many ranks the group has. `MPI_Comm_size`, section 6.4.1.
  public let size: Int
  /// What this rank handed to others; one ledger for a communicator and all made from it.
  public let traffic = Traffic.ofProcess

  let handle: OpaquePointer
  /// Room for the counts and displacements of the calls that vary by rank, so that these allocate nothing: 2 x size.
  let layout: UnsafeMutableBufferPointer<Int32>
  private var knownHosts: Hosts?

  private init(_ handle: OpaquePointer) {
    var rank: Int32 = 0
    var size: Int32 = 0
    let failed = cmpi_rank(handle, &rank) != 0 || cmpi_size(handle, &size) != 0
    precondition(!failed, "MPI does not know the rank or the size of a communicator that it has made")
    self.handle = handle
    self.rank = Int(rank)
    self.size = Int(size)
    layout = .allocate(capacity: 2 * Int(size))
    layout.initialize(repeating: 0)
  }

  deinit { layout.deallocate() }

  /// The same ranks, with messages of their own. All ranks call it. `MPI_Comm_dup`, section 6.4.2.
  public func duplicate() throws -> Communicator {
    var made: OpaquePointer?
    try check(cmpi_dup(handle, &made), "MPI_Comm_dup")
    return Communicator(made!)
  }

  /// The ranks that give the same colour, ordered by key, then by rank. All ranks call it. `MPI_Comm_split`, section 6.4.2.
  ///
  /// - Parameters:
  ///   - color: 0 or more; nil (`MPI_UNDEFINED`) to be in no group.
  ///   - key: any number that fits a C int.
  /// - Returns: nil for a rank that is in no group.
  public func split(color: Int?, key: Int) throws -> Communicator? {
    func argument(_ name: String, _ value: Int, from least: Int32) throws -> Int32 {
      guard let narrow = Int32(exactly: value), narrow >= least else {
        throw MPIError(
          call: "MPI_Comm_split", errorClass: "MPI_ERR_ARG",
          text: "\(name) \(value) is not from \(least) to \(Int32.max)")
      }
      return narrow
    }
    let narrowColor = try color.map { try argument("color", $0, from: 0) } ?? -1
    let narrowKey = try argument("key", key, from: .min)
    var made: OpaquePointer?
    try check(cmpi_split(handle, narrowColor, narrowKey, &made), "MPI_Comm_split")
    return made.map { Communicator($0) }
  }

  /// How the ranks lie on hosts. All ranks call it. `MPI_Comm_split_type`, section 6.4.2.
  func hosts(kind: Kind) throws -> Hosts {
    if let knownHosts { return knownHosts }
    var made: OpaquePointer?
    try check(cmpi_split_shared(handle, &made), "MPI_Comm_split_type")
    let hosts = try Hosts(self, near: Communicator(made!), kind: kind)
    knownHosts = hosts
    return hosts
  }

  /// Gives a duplicate or a split back to MPI; all its ranks call it, and none uses it again. `MPI_Comm_free`, section 6.4.3.
  ///
  /// Not done when the object goes: the call is collective, and ranks drop their objects at different times.
  public func free() throws {
    try knownHosts?.free()
    knownHosts = nil
    try check(cmpi_free(handle), "MPI_Comm_free")
  }

  /// Ends every rank of the job with `code` as its exit code. `MPI_Abort`, section 8.7.
  public func abort(_ code: Int32) -> Never {
    cmpi_abort(handle, code)
  }
}
