import CMPIShim
import Foundation

/// Which threads may call MPI (MPI 3.1, section 12.4).
public enum ThreadLevel: Int32, Sendable, Comparable {
  case single, funneled, serialized, multiple

  public static func < (left: ThreadLevel, right: ThreadLevel) -> Bool { left.rawValue < right.rawValue }
}

/// MPI's environment (MPI 3.1, chapter 8). Without mpirun it is a world of one rank.
public enum Environment {
  /// MPI_Init_thread, section 12.4.3. Returns the level provided. Call once, on the main thread.
  @discardableResult
  public static func initialize(_ required: ThreadLevel = .funneled) throws -> ThreadLevel {
    var provided: Int32 = 0
    try check(cmpi_init(required.rawValue, &provided), "MPI_Init_thread")
    return ThreadLevel(rawValue: provided) ?? .single
  }

  /// MPI_Finalize, section 8.7. No call of MPI may follow.
  public static func finalize() throws { try check(cmpi_finalize(), "MPI_Finalize") }

  public static var isInitialized: Bool { flag(cmpi_initialized) }
  public static var isFinalized: Bool { flag(cmpi_finalized) }

  /// MPI_Get_library_version, section 8.1.1: one line.
  public static var libraryVersion: String {
    var text = [CChar](repeating: 0, count: 512)
    cmpi_library_version(&text, text.count)
    return string(text).split(separator: ",").first.map(String.init) ?? ""
  }

  /// MPI_Wtime, section 8.6: seconds since some time in the past.
  public static func wallTime() -> Double { cmpi_wtime() }

  private static func flag(_ call: (UnsafeMutablePointer<Int32>?) -> Int32) -> Bool {
    var flag: Int32 = 0
    return call(&flag) == 0 && flag != 0
  }
}
