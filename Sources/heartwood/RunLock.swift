import Foundation
import MPI

/// Keeps a second process from writing into a run's folder. The kernel lets go of it when this process ends, however it ends; only on
/// NFS it can outlive a host that has vanished, until the server gives that host up.
final class RunLock {
  private let file: Int32

  /// `command`: the subcommand whose run it is. Throws `Failure` if another process has it.
  init(_ folder: String, of command: String) throws {
    let path = "\(folder)/.lock"
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      throw Failure(.cannotCreate, "cannot create \(path): \(String(cString: strerror(errno)))")
    }
    // Half seconds: of a job that takes a lost one's place, longer than an NFS server's lease.
    var patience = ProcessInfo.processInfo.environment["HEARTWOOD_RESTART"] == nil ? 0 : 240
    // A file system without locks has nothing to say.
    while flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK {
      guard patience == 0 else {
        patience -= 1
        Watchdog.feed()
        usleep(500_000)
        continue
      }
      throw Failure(
        .cannotCreate,
        "another run of \(command) is at work in --output \(folder); wait for its end, or choose another folder"
      )
    }
  }

  deinit { close(file) }
}
