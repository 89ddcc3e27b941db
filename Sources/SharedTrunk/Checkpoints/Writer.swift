import Foundation
import Synchronization

/// A thread that writes one thing after the other, and gives way to training: where every core has a rank at work it takes a tenth of one,
/// and that a fraction of a millisecond at a time, so that nobody waits for it.
final class Writer: @unchecked Sendable {
  /// `rest` is to be called between pieces of long work.
  typealias Work = @Sendable (_ rest: () -> Void) throws -> [CheckpointManifest.File]

  private let handed = DispatchSemaphore(value: 0)
  /// Up while nothing is being written.
  private let free = DispatchSemaphore(value: 1)
  private let isBusy = Atomic<Bool>(false)
  private let isAwaited = Atomic<Bool>(false)
  /// Handed over by the semaphores; nil ends the thread.
  private var work: Work?
  /// The thread's processor time when it last rested.
  private var rested = 0.0
  private let state = Mutex<(files: [CheckpointManifest.File], failure: Failure?)>(([], nil))

  struct Failure {
    let reason: String
    /// Of the numbers to be written, not of the disk.
    let isNumeric: Bool
  }

  init() {
    Thread.detachNewThread { self.run() }
  }

  private func run() {
    // On Linux both are of the calling thread alone. A batch thread that wakes does not take the core from a rank at once.
    #if canImport(Glibc)
      var parameters = sched_param()
      sched_setscheduler(0, 3, &parameters)  // SCHED_BATCH, a macro that Swift does not see
    #endif
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
    while true {
      handed.wait()
      guard let work else { return }
      do {
        let files = try work(rest)
        state.withLock { $0.files = files }
      } catch {
        let failure = Failure(reason: "\(error)", isNumeric: error is NotFinite)
        state.withLock { $0.failure = $0.failure ?? failure }
      }
      isBusy.store(false, ordering: .releasing)
      free.signal()
    }
  }

  /// After a piece of work, four times as long as it kept a core: the kernel gives even a thread of low rank one for milliseconds, once it
  /// is its turn. Not while somebody waits for the work.
  private func rest() {
    let now = ProcessorTime.ofThread
    defer { rested = now }
    guard !isAwaited.load(ordering: .relaxed) else { return }
    usleep(UInt32(min(4e6 * (now - rested), 20_000)))
  }

  private func waitUntilFree() {
    isAwaited.store(true, ordering: .relaxed)
    free.wait()
    isAwaited.store(false, ordering: .relaxed)
  }

  /// Waits for what is under way, then lets this be done.
  func start(_ work: @escaping Work) {
    waitUntilFree()
    isBusy.store(true, ordering: .relaxed)
    self.work = work
    handed.signal()
  }

  func wait() {
    waitUntilFree()
    free.signal()
  }

  /// Waits for what is under way, then ends the thread.
  func end() {
    wait()
    work = nil
    handed.signal()
  }

  var isDone: Bool { !isBusy.load(ordering: .acquiring) }
  /// What the last work wrote.
  var files: [CheckpointManifest.File] { state.withLock { $0.files } }
  /// Why the first work that failed did.
  var failure: Failure? { state.withLock { $0.failure } }
}

/// A state that has blown up is not worth keeping.
struct NotFinite: Error, CustomStringConvertible {
  let file: String
  var description: String { "the numbers of \(file) are not finite" }
}
