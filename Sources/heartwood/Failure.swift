import ArgumentParser
import Cohort
import Files
import Foundation
import MPI
import SharedTrunk
import WFDB

/// Exit codes of the contract (after sysexits.h).
enum ExitStatus: Int32 {
  case usage = 64
  case data = 65
  case `internal` = 70
  case cannotCreate = 73
  /// A rank made no progress, and was ended by its watchdog: it counts as lost.
  case stalled = 71
  case inputOutput = 74
  /// Stopped by a signal; the work is saved and can be gone on with.
  case stopped = 75
}

/// Why the command ends: one line and a code.
struct Failure: Error {
  let status: ExitStatus
  let message: String

  init(_ status: ExitStatus, _ message: String) {
    self.status = status
    self.message = message
  }

  /// What went wrong, and under which code of the contract it falls.
  init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as WFDBError: self.init(error.status, error.description)
    case let error as CohortError: self.init(error.status, error.description)
    case let error as ModelError: self.init(error.status, error.description)
    case let error as FileError: self.init(.inputOutput, error.description)
    case let error as AgreedError: self.init(error)
    case let error as AssemblyError: self.init(error.status, error.description)
    case let error as MPIError: self.init(.internal, error.description)
    case let error as ValidationError: self.init(.usage, error.message)
    default: self.init(.internal, "\(error)")
    }
  }

  private init(_ error: any AgreedError) {
    switch error {
    case let error as Stopped:
      self.init(
        .stopped, "\(error); the same command\(error.isSaved ? " with --resume" : "") goes on from there")
    case let error as CheckpointWriteError:
      self.init(error.isNumeric ? .internal : .inputOutput, error.description)
    case let error as CheckpointMismatch: self.init(error.isOfData ? .data : .usage, error.description)
    default: self.init(.internal, error.description)
    }
  }

  func print() {
    let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
    // Nobody may be listening any more; the exit code remains.
    try? FileHandle.standardError.write(contentsOf: Data("heartwood: \(printable(line, limit: 4000))\n".utf8))
  }

  /// Ends a process whose fellows, before MPI, have all found the same: the first rank says it.
  func exitAlike() -> Never {
    if Launcher.isFirstRank { print() } else { Launcher.waitForTheFirstRank() }
    Foundation.exit(status.rawValue)
  }

  func exit() -> Never {
    print()
    Foundation.exit(status.rawValue)
  }
}

extension WFDBError {
  fileprivate var status: ExitStatus {
    switch reason {
    case .cannotRead(let code): code == ENOENT || code == ENOTDIR ? .data : .inputOutput
    case .cannotWrite: .inputOutput
    default: .data
    }
  }
}

extension CohortError {
  /// Whether the record is whole but holds no beat of use.
  var isForWantOfBeats: Bool {
    switch self {
    case .noBeats, .noUsableBeats: true
    default: false
    }
  }

  fileprivate var status: ExitStatus {
    switch self {
    case .cannotWrite: .inputOutput
    case .cannotSimulate: .usage
    default: .data
    }
  }
}

extension AssemblyError {
  fileprivate var status: ExitStatus {
    switch self {
    case .moreRanksThanTasks: .usage
    case .emptyClass, .tooFewClasses: .data
    }
  }
}

extension ModelError {
  fileprivate var status: ExitStatus {
    switch self {
    case .unreadable, .damaged, .missing: .data
    case .unwritable: .inputOutput
    }
  }
}

extension AtomicFile {
  /// Before anything is measured: that `file`, where one is asked for, can be created. Throws `Failure`.
  static func requireFolder(of file: String?) throws {
    guard let file else { return }
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
    guard access(folder, W_OK) == 0 else {
      throw Failure(.cannotCreate, "cannot create \(file): \(String(cString: strerror(errno)))")
    }
  }
}
