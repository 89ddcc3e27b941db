import Foundation
import MPI

/// CPU time, user and system, in seconds.
package enum ProcessorTime {
  /// Of this process, all threads together.
  package static var ofProcess: Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

  /// Of the calling thread.
  static var ofThread: Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }
}

/// A clock of the thread that makes it, to tell what a stretch of work takes by itself: it stands still while the thread waits for a core that
/// another process or the kernel has, but for the CPU time of its own process's other threads. Asleep, it goes on.
package final class OwnClock {
  private let file: Int32

  package init() {
    // CPU time, time waiting for a core (both in nanoseconds), turns. proc(5); without it all time counts as the thread's own.
    file = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)
  }

  deinit { close(file) }

  /// Differences count. A look takes two or three microseconds.
  package var seconds: Double {
    Environment.wallTime() - waited + (ProcessorTime.ofProcess - ProcessorTime.ofThread)
  }

  private var waited: Double {
    var text = [UInt8](repeating: 0, count: 64)
    let length = max(pread(file, &text, text.count, 0), 0)
    let numbers = text.prefix(length).split(separator: UInt8(ascii: " "))
    guard numbers.count > 1, let nanoseconds = Double(String(decoding: numbers[1], as: UTF8.self)) else {
      return 0
    }
    return nanoseconds * 1e-9
  }
}
