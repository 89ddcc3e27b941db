import CMPIShim

/// How many threads may call MPI, and when (MPI 3.1, section 12.4.3, Initialization).
public enum ThreadLevel: Int32, Sendable, Comparable {
  /// `MPI_THREAD_SINGLE`: the process has one thread.
  case single
  /// `MPI_THREAD_FUNNELED`: only the thread that initialised MPI calls it.
  case funneled
  /// `MPI_THREAD_SERIALIZED`: any thread, one at a time.
  case serialized
  /// `MPI_THREAD_MULTIPLE`: any thread at any time.
  case multiple

  public static func < (a: ThreadLevel, b: ThreadLevel) -> Bool { a.rawValue < b.rawValue }
}

/// The MPI library of this process: its start, its end and its clock (MPI 3.1, chapter 8).
public enum Environment {
  /// Starts MPI; a process that no `mpirun` started becomes a world of one rank. `MPI_Init_thread`, section 12.4.3.
  ///
  /// - Returns: the level that the library grants, which can be lower than the one asked for.
  /// - Throws: ``MPIError`` if MPI was initialised before, which it can be once in a process's life.
  @discardableResult
  public static func initialize(_ required: ThreadLevel = .funneled) throws -> ThreadLevel {
    guard !isInitialized else {
      throw MPIError(call: "MPI_Init_thread", errorClass: "MPI_ERR_OTHER", text: "MPI is already initialised")
    }
    var provided: Int32 = 0
    try check(cmpi_init(required.rawValue, &provided), "MPI_Init_thread")
    return ThreadLevel(rawValue: provided) ?? .single
  }

  /// Ends MPI on this rank; every rank calls it, and no other MPI call may follow. `MPI_Finalize`, section 8.7.
  ///
  /// - Throws: ``MPIError`` if MPI is not running.
  public static func finalize() throws {
    guard isInitialized, !isFinalized else {
      throw MPIError(call: "MPI_Finalize", errorClass: "MPI_ERR_OTHER", text: "MPI is not running")
    }
    try check(cmpi_finalize(), "MPI_Finalize")
  }

  /// Whether MPI was started, finalised or not. `MPI_Initialized`, section 8.7.
  public static var isInitialized: Bool { cmpi_initialized() != 0 }

  /// Whether MPI was ended. `MPI_Finalized`, section 8.7.
  public static var isFinalized: Bool { cmpi_finalized() != 0 }

  /// Name and version of the library, one line. `MPI_Get_library_version`, section 8.1.1; callable at any time.
  public static var libraryVersion: String {
    text(capacity: 512) { cmpi_library_version($0, $1) }
  }

  /// The version of the MPI standard that the library keeps to. `MPI_Get_version`, section 8.1.1; callable at any time.
  public static var standardVersion: (version: Int, subversion: Int) {
    var version: Int32 = 0
    var subversion: Int32 = 0
    cmpi_standard_version(&version, &subversion)
    return (Int(version), Int(subversion))
  }

  /// Seconds since a time in the past that is fixed for the process. `MPI_Wtime`, section 8.6.
  public static func wallTime() -> Double { cmpi_wtime() }
}
