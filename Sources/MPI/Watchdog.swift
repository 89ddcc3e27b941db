import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A thread of every rank that ends the process when it stands still, and takes the signals that ask it to stop.
///
/// A rank whose partner is gone waits in a collective for ever: MPI promises nothing else. So progress is counted (every collective that
/// returns, and what ``feed()`` is called for), and a process that makes none for `limit` seconds says where it stood and exits; the launcher
/// then ends the others. Time in which the whole process was stopped, as by Ctrl-Z, does not count.
public enum Watchdog {
  private static let progress = Atomic<UInt64>(0)
  /// The MPI call under way: its name's address, or 0.
  private static let call = Atomic<UInt>(0)
  private static let step = Atomic<Int>(0)
  private static let suspensions = Atomic<Int>(0)
  private static let signal = Atomic<Int32>(0)
  private static let activity = Mutex<String>("starting")

  /// Starts the thread; to be called once, before MPI is initialised, so that a start that hangs is noticed too.
  ///
  /// - Parameters:
  ///   - limit: seconds without progress; 0 for no watchdog.
  ///   - name: of this process, as the message begins: "rank 3".
  ///   - turn: of several processes that stand still alike, those with higher numbers leave the word to those with lower.
  ///   - code: exit code of a process that stood still.
  ///   - takesSignals: whether SIGTERM, SIGINT and SIGUSR1 set ``stopRequested`` in place of ending the process. A second one ends it.
  ///   - hint: how the limit is set, for the message.
  public static func start(
    limit: Double, name: String, turn: Int, code: Int32, takesSignals: Bool, hint: String
  ) {
    var set = sigset_t()
    sigemptyset(&set)
    if takesSignals {
      for number in [SIGTERM, SIGINT, SIGUSR1] { sigaddset(&set, number) }
      // Threads made from here on, MPI's too, inherit it: the signals reach the watchdog alone.
      pthread_sigmask(SIG_BLOCK, &set, nil)
    }
    let watch = Watch(limit: limit, name: name, turn: turn, code: code, hint: hint, signals: set)
    var thread = pthread_t()
    pthread_create(
      &thread, nil, { Unmanaged<Watch>.fromOpaque($0!).takeRetainedValue().run() },
      Unmanaged.passRetained(watch).toOpaque())
    pthread_detach(thread)
  }

  /// Progress was made.
  public static func feed() { progress.add(1, ordering: .relaxed) }

  /// Progress was made: training is at this step, counted from 1; 0 outside training.
  public static func feed(step number: Int) {
    step.store(number, ordering: .relaxed)
    feed()
  }

  /// Progress was made, and something else begins: what, for the message.
  public static func feed(_ now: String) {
    activity.withLock { $0 = now }
    feed(step: 0)
  }

  /// Does what may take long without progress of this rank, such as waiting for ranks that have other work.
  static func suspended<T>(_ work: () throws -> T) rethrows -> T {
    suspensions.add(1, ordering: .relaxed)
    defer {
      suspensions.subtract(1, ordering: .relaxed)
      feed()
    }
    return try work()
  }

  /// The signal that has asked this process to stop; nil if none has.
  public static var stopSignal: Int32? {
    let number = signal.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
  /// Whether a signal has asked this process to stop.
  public static var stopRequested: Bool { stopSignal != nil }

  /// Around an MPI call.
  @inline(__always)
  static func during<T>(_ name: StaticString, _ work: () -> T) -> T {
    call.store(UInt(bitPattern: name.utf8Start), ordering: .relaxed)
    defer {
      call.store(0, ordering: .relaxed)
      feed()
    }
    return work()
  }

  /// What the thread knows.
  private final class Watch {
    private let limit: Double
    private let name: String
    private let turn: Int
    private let code: Int32
    private let hint: String
    private var signals: sigset_t

    init(limit: Double, name: String, turn: Int, code: Int32, hint: String, signals: sigset_t) {
      self.limit = limit
      self.name = name
      self.turn = turn
      self.code = code
      self.hint = hint
      self.signals = signals
    }

    /// Seconds between looks.
    private static let look = 0.2

    func run() -> UnsafeMutableRawPointer? {
      var (seen, stood, last) = (UInt64(0), 0.0, now)
      while true {
        var pause = timespec(tv_sec: 0, tv_nsec: Int(Self.look * 1e9))
        let number = sigtimedwait(&signals, nil, &pause)
        if number > 0 { take(number, stood) }
        // A look that comes late was late because the process was stopped, or starved.
        let (time, count) = (now, progress.load(ordering: .relaxed))
        let passed = min(time - last, 2 * Self.look)
        last = time
        stood = count == seen && suspensions.load(ordering: .relaxed) == 0 ? stood + passed : 0
        seen = count
        if limit > 0 && stood > limit + patience { end() }
      }
    }

    private var now: Double {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// The first asks to stop. A second one, or one to a process that stands still, ends it: the launcher ends what another has told of.
    private func take(_ number: Int32, _ stood: Double) {
      let first = signal.exchange(number, ordering: .relaxed) == 0
      if !first || (limit > 0 && stood > limit) { _exit(128 + number) }
    }

    /// Processes that wait for others speak only if those have nothing to say, and one for all.
    private var patience: Double {
      call.load(ordering: .relaxed) == 0 ? 0 : 1 + 0.5 * Double(min(turn, 4))
    }

    private func end() -> Never {
      var place = activity.withLock { $0 }
      let number = step.load(ordering: .relaxed)
      if number > 0 { place += ", step \(number)" }
      if let address = UnsafePointer<CChar>(bitPattern: call.load(ordering: .relaxed)) {
        place += ", waiting in \(String(cString: address)) for other ranks"
      }
      let host = text(capacity: 256) { _ = gethostname($0, Int($1) - 1) }
      let line =
        "\(name) on host \(host) made no progress for \(Int(limit)) s: \(place); \(hint)\n"
      _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
      _exit(code)
    }
  }
}
