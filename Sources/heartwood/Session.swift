import Cohort
import Foundation
import Layers
import MPI
import Scaling
import SharedTrunk

/// One command on all ranks: starts MPI, runs, ends it; a failure anywhere ends every rank with the same code and one line.
struct Session {
  let communicator: Communicator
  var rank: Int { communicator.rank }
  var ranks: Int { communicator.size }
  var leads: Bool { rank == 0 }

  /// Seconds from the start of the process until MPI was ready.
  let startupSeconds: Double

  /// Runs `body` on every rank and exits. Errors that all ranks know (`Shared`, `AgreedError`) end the job in good order;
  /// any other, known to one rank alone, aborts it.
  ///
  /// - Parameter canStop: whether the command saves its work when a signal asks it to stop.
  static func run(canStop: Bool = false, _ body: (Session) throws -> Void) -> Never {
    do { try startWatchdog(canStop: canStop) } catch { Failure(error).exitAlike() }
    do {
      _ = try Environment.initialize(.funneled)
    } catch {
      Failure(error).exit()
    }
    let world = Communicator.world
    do {
      let session = Session(communicator: world, startupSeconds: ProcessClock.sinceStart)
      try session.requireAlike(Self.program)
      try session.agreeOnCPU()
      if session.leads && Launcher.awaitsReady {
        try? FileHandle.standardError.write(contentsOf: Data("heartwood: ready\n".utf8))
      }
      try body(session)
      try Environment.finalize()
      exit(0)
    } catch let shared as Shared {
      session(world, ends: shared.failure)
    } catch let error as AgreedError {
      session(world, ends: Failure(error))
    } catch {
      let failure = Failure(error)
      failure.print()
      world.abort(failure.status.rawValue)
    }
  }

  /// `HEARTWOOD_WATCHDOG`: seconds without progress after which a rank ends itself; 0 for no watchdog.
  private static func startWatchdog(canStop: Bool) throws {
    let text = ProcessInfo.processInfo.environment["HEARTWOOD_WATCHDOG"] ?? "60"
    guard let limit = Double(text), limit >= 0, limit <= 1e6 else {
      throw Failure(.usage, "HEARTWOOD_WATCHDOG=\(text): seconds, or 0 for no watchdog")
    }
    Watchdog.start(
      limit: limit, name: "heartwood: rank \(Launcher.rank)", turn: Int(Launcher.rank) ?? 0,
      code: ExitStatus.stalled.rawValue,
      takesSignals: canStop, hint: "HEARTWOOD_WATCHDOG=SECONDS sets the limit")
  }

  private static func session(_ world: Communicator, ends failure: Failure) -> Never {
    if world.rank == 0 { failure.print() }
    try? Environment.finalize()
    exit(failure.status.rawValue)
  }

  /// Does something that may fail on this rank alone; then all ranks go on, or all throw the lowest failing rank's error.
  ///
  /// - Parameter isLong: whether some ranks may have to wait for minutes: then they wait asleep, and their watchdogs with them.
  func together<T>(isLong: Bool = false, _ work: () throws -> T) throws -> T {
    let result = Result { try work() }
    if isLong { try communicator.barrier(lookingEvery: 0.02) }
    var mine: Failure?
    if case .failure(let error) = result { mine = Failure(error) }
    let agreed = try communicator.agree(
      on: mine.map { (code: $0.status.rawValue, message: $0.message) }, kind: Message.status)
    if let agreed {
      throw Shared(
        failure: Failure(
          ExitStatus(rawValue: agreed.code) ?? .internal,
          ranks > 1 ? "rank \(agreed.rank): \(agreed.message)" : agreed.message))
    }
    return try result.get()
  }

  /// What the first rank makes, on all ranks: they may not all see the same files. If it fails, all end.
  func fromFirst<T: Codable>(isLong: Bool = false, _ work: () throws -> T) throws -> T {
    let made = try together(isLong: isLong) { leads ? try work() : nil }
    let text = try communicator.broadcast(
      String(decoding: try JSONEncoder.line.encode(made), as: UTF8.self), root: 0, kind: Message.status)
    return try JSONDecoder().decode(T.self, from: Data(text.utf8))
  }

  /// Does something that succeeds or fails alike on every rank.
  func shared<T>(_ work: () throws -> T) throws -> T {
    do {
      return try work()
    } catch let error as AssemblyError {
      throw Shared(failure: Failure(error))
    }
  }

  /// Ends the job for a reason that every rank found by itself.
  func end(_ status: ExitStatus, _ message: String) throws -> Never {
    throw Shared(failure: Failure(status, message))
  }

  /// Ends the job if this many bytes a rank are more than a machine has for its ranks.
  func requireMemory(_ bytes: Double) throws {
    let here = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    let machines = try Placement.gathered(communicator).machines
    let count = machines.count { $0 == machines[rank] }
    try together {
      guard bytes * Double(count) < 0.9 * here else {
        throw Failure(
          .usage,
          "--batch: \(count == 1 ? "a rank" : "\(count) ranks of a machine") would need \(decimals(bytes * Double(count) / 1e9, 1)) GB "
            + "of its \(decimals(here / 1e9, 1)); take a smaller batch, fewer tasks or more hosts")
      }
    }
  }

  /// What must be the same on every rank before anything else can be: by name, in the order of the message.
  private static var program: [(name: String, value: String)] {
    let size = (try? FileManager.default.attributesOfItem(atPath: "/proc/self/exe")[.size] as? Int) ?? nil
    return [
      ("version", "\(Heartwood.version), a program of \(size ?? 0) bytes"),
      ("byte order", Int(1).littleEndian == 1 ? "little-endian" : "big-endian"),
      ("options", CommandLine.arguments.dropFirst().joined(separator: " ")),
    ]
  }

  /// Compares named values over the ranks by their hashes; where one differs, ends the job and names it, the first rank that has another
  /// value than rank 0, and both values.
  func requireAlike(_ values: [(name: String, value: String)]) throws {
    guard ranks > 1 else { return }
    var hashes = values.map { value in
      var hash = Fingerprint()
      hash.add(value.value)
      return Int64(bitPattern: hash.value)
    }
    let mine = hashes
    hashes += hashes.map { ~$0 }  // the greatest is the complement of the complements' least
    try hashes.withUnsafeMutableBufferPointer { try communicator.allreduce($0, .min, kind: Message.status) }
    guard let index = mine.indices.first(where: { hashes[$0] != ~hashes[mine.count + $0] }) else { return }
    let (name, value) = values[index]
    let all = try communicator.allgatherv(Array(value.utf8), kind: Message.status)
    let odd = all.firstIndex { $0 != all[0] }!
    func shown(_ rank: Int) -> String { String(decoding: all[rank], as: UTF8.self).prefix(200).description }
    try end(
      name == "options" ? .usage : .internal,
      "rank \(odd) differs from rank 0 in its \(name): \(shown(odd)); on rank 0: \(shown(0))")
  }

  /// Mixed nodes must round alike, as those with AVX2 and AVX-512 do: where one has neither, all ranks compute as it does.
  private func agreeOnCPU() throws {
    let lowest = try communicator.allreduce(CPULevel.supported.rawValue, .min, kind: Message.status)
    let highest = try communicator.allreduce(CPULevel.supported.rawValue, .max, kind: Message.status)
    guard lowest == CPULevel.plain.rawValue, highest > lowest else { return }
    if leads { say("The hosts' CPUs differ, and one has no AVX2: all ranks compute at level plain") }
    CPULevel.use(.plain)
  }

  /// A failure that every rank knows of.
  private struct Shared: Error {
    let failure: Failure
  }
}

/// This process's clock and memory, as the kernel counts them.
enum ProcessClock {
  /// Seconds since this process was started (10 ms steps).
  static var sinceStart: Double { Self.process(getpid())?.sinceStart ?? 0 }

  /// Seconds since mpirun or mpiexec was started, where it is on this host; else nil.
  static var sinceLaunch: Double? {
    var ancestor = process(getppid())
    while let process = ancestor {
      if process.name.hasPrefix("mpirun") || process.name.hasPrefix("mpiexec") { return process.sinceStart }
      ancestor = Self.process(process.parent)
    }
    return nil
  }

  /// What proc(5) says in /proc/PID/stat: "PID (NAME) STATE PARENT ...".
  private static func process(_ number: pid_t) -> (name: String, parent: pid_t, sinceStart: Double)? {
    guard let stat = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8),
      let uptime = try? String(contentsOfFile: "/proc/uptime", encoding: .utf8),
      let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"), open < close
    else { return nil }
    let fields = stat[close...].split(separator: " ").dropFirst()
    guard fields.count > 19, let parent = pid_t(fields[fields.startIndex + 1]),
      let ticks = Double(fields[fields.startIndex + 19]),
      let up = uptime.split(separator: " ").first.flatMap({ Double($0) })
    else { return nil }
    return (
      String(stat[stat.index(after: open)..<close]), parent, up - ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    )
  }

  /// The most memory this process has held, in MB (10^6 bytes).
  static var peakMemoryMB: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) * 1024 / 1e6
  }
}
