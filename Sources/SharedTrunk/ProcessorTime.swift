import Foundation

/// Seconds for which a core was at work for somebody so far.
public enum ProcessorTime {
  /// For this process, all threads together.
  public static var ofProcess: Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

  /// For the calling thread.
  static var ofThread: Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }
}
