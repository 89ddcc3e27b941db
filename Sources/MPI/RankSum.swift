import CMPIShim
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A sum of 64-bit integers over all ranks, to be taken again and again.
///
/// Ranks of one host may share the memory for it: each writes its part where the others read it, adds up a stretch of all parts, and reads
/// the total where the others have written theirs. No message is sent for it, nothing copied. Of every host the first rank then adds
/// the other hosts' by `MPI_Allreduce`. Integers, which give the same total in any order.
public final class RankSum {
  /// This rank's part, zeros at first; `reduce` may change it.
  public let part: UnsafeMutableBufferPointer<Int64>
  /// What the last `reduce` made, the same on every rank until this one calls it again. Where nothing is shared it is `part` itself.
  public let total: UnsafeMutableBufferPointer<Int64>
  private let communicator: Communicator
  /// Nil for memory of this rank's own.
  private let hall: Hall?

  /// A sum of `count` numbers by `MPI_Allreduce` alone.
  public init(count: Int, _ communicator: Communicator) {
    part = Self.allocate(count)
    total = part
    self.communicator = communicator
    hall = nil
  }

  /// A sum of `count` numbers in memory that the ranks of a host share; where a rank does not wish that, or a host has none to share, it is
  /// one by `MPI_Allreduce` alone. All ranks call it.
  ///
  /// - Parameters:
  ///   - count: the same on every rank.
  ///   - communicator: the ranks that add.
  ///   - sharesMemory: whether this rank wishes it.
  ///   - kind: of the messages that setting it up takes.
  ///   - hosts: how ranks lie on them, nil to find out.
  /// - Throws: `MPIError`.
  public init(
    count: Int, _ communicator: Communicator, sharesMemory: Bool, kind: Kind = .setup, hosts: Hosts? = nil
  ) throws {
    self.communicator = communicator
    if communicator.size > 1 {
      let hosts = try hosts ?? communicator.hosts(kind: kind)
      hall =
        hosts.mostRanks > 1 ? try Hall(count: count, hosts, communicator, kind, isWanted: sharesMemory) : nil
    } else {
      hall = nil
    }
    part = hall?.part ?? Self.allocate(count)
    total = hall?.total ?? part
    // Memory lies near the core that first writes to it.
    hall?.part.initialize(repeating: 0)
  }

  private static func allocate(_ count: Int) -> UnsafeMutableBufferPointer<Int64> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 8, alignment: 64)
    let numbers = UnsafeMutableBufferPointer(
      start: memory.bindMemory(to: Int64.self, capacity: count), count: count)
    numbers.initialize(repeating: 0)
    return numbers
  }

  deinit { if hall == nil { part.deallocate() } }

  /// How many ranks of this host share memory for it; 1 if none do.
  public var ranksSharingMemory: Int { hall?.size ?? 1 }

  /// Adds up the parts of all ranks. Every rank calls it. Throws `MPIError`.
  public func reduce(kind: Kind) throws {
    guard let hall else { return try communicator.allreduce(part, .sum, kind: kind) }
    try check(hall.reduce(kind), "an allreduce in shared memory")
  }
}

/// What the ranks of one host share for a sum: of each a counter of what it has done, and its part; and the total.
private final class Hall {
  let part: UnsafeMutableBufferPointer<Int64>
  let total: UnsafeMutableBufferPointer<Int64>
  let size: Int
  private let rank: Int
  private let hosts: Hosts
  private let memory: SharedMemory
  private let parts: [UnsafeMutablePointer<Int64>]
  /// The numbers that this rank adds up.
  private let stretch: Range<Int>
  /// What this rank has done: it counts on from sum to sum, on all ranks alike.
  private var stage: UInt64 = 0

  private static let line = 64

  init?(count: Int, _ hosts: Hosts, _ communicator: Communicator, _ kind: Kind, isWanted: Bool) throws {
    let (near, numbersInLine) = (hosts.near, Self.line / MemoryLayout<Int64>.stride)
    let stride = (count + numbersInLine - 1) / numbersInLine * numbersInLine
    let bytes = near.size * Self.line + (near.size + 1) * stride * MemoryLayout<Int64>.stride
    guard let memory = try SharedMemory(bytes: bytes, near, communicator, kind, isWanted: isWanted) else {
      return nil
    }
    let numbers = (memory.start + near.size * Self.line).assumingMemoryBound(to: Int64.self)
    parts = (0..<near.size).map { numbers + $0 * stride }
    part = UnsafeMutableBufferPointer(start: parts[near.rank], count: count)
    total = UnsafeMutableBufferPointer(start: numbers + near.size * stride, count: count)
    func bound(_ rank: Int) -> Int { min(stride / numbersInLine * rank / near.size * numbersInLine, count) }
    stretch = bound(near.rank)..<bound(near.rank + 1)
    (size, rank) = (near.size, near.rank)
    self.hosts = hosts
    self.memory = memory
  }

  /// Returns MPI's error code.
  func reduce(_ kind: Kind) -> Int32 {
    arrive()
    var error = wait(for: 0..<size)
    guard error == 0 else { return error }
    add()
    arrive()
    if hosts.first == nil || !hosts.isSeveral { cmpi_enter(kind.index, Int64(part.count), Int64._datatype) }
    guard hosts.isSeveral else { return wait(for: 0..<size) }
    guard let first = hosts.first else {
      stage += 1
      error = wait(for: 0..<1)
      return error == 0 ? failure.pointee : error
    }
    error = wait(for: 0..<size)
    guard error == 0 else { return error }
    failure.pointee = cmpi_allreduce_in_place(
      kind.index, total.baseAddress, Int32(total.count), Int64._datatype, Operation.sum.code, first.handle)
    arrive()
    return failure.pointee
  }

  /// MPI's error code of what the first rank did for all.
  private var failure: UnsafeMutablePointer<Int32> {
    (memory.start + Self.line / 2).assumingMemoryBound(to: Int32.self)
  }

  /// The sum of this rank's stretch.
  private func add() {
    let sum = total.baseAddress!
    for i in stretch { sum[i] = parts[0][i] }
    for part in parts.dropFirst() {
      for i in stretch { sum[i] &+= part[i] }
    }
  }

  private func counter(_ rank: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    (memory.start + rank * Self.line).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  private func arrive() {
    stage += 1
    counter(rank).pointee.store(stage, ordering: .releasing)
  }

  /// Waits until ranks of this host have done what this one has.
  private func wait(for ranks: Range<Int>) -> Int32 {
    for other in ranks {
      var looks = 0
      while counter(other).pointee.load(ordering: .acquiring) < stage {
        looks += 1
        if looks < 300 {
          cmpi_pause()
        } else {
          // It may need this core, or what MPI has still to send from here.
          sched_yield()
          let error = looks % 64 == 0 ? cmpi_progress(hosts.near.handle) : 0
          if error != 0 { return error }
        }
      }
    }
    return 0
  }
}

/// How a communicator's ranks lie on hosts.
public struct Hosts {
  /// The ranks of this rank's host.
  let near: Communicator
  /// The first ranks of all hosts; nil on the others.
  let first: Communicator?
  let isSeveral: Bool
  /// Of any host.
  let mostRanks: Int

  /// All ranks call it, each with the ranks that it shares a host with.
  public init(_ communicator: Communicator, near: Communicator, kind: Kind = .setup) throws {
    self.near = near
    first = try communicator.split(color: near.rank == 0 ? 0 : nil, key: communicator.rank)
    isSeveral = near.size < communicator.size
    mostRanks = Int(try communicator.allreduce(Int32(near.size), .max, kind: kind))
  }

  /// All ranks call it. Throws `MPIError`.
  public func free() throws {
    try first?.free()
    try near.free()
  }
}

/// Memory of several processes of one host. It has no name: the others find it in `/proc` as an open file of the rank that made it, and
/// nothing is left of it when they end.
private final class SharedMemory {
  let start: UnsafeMutableRawPointer
  private let bytes: Int

  /// Zeros. Nil on all ranks unless all of them wish it and could get it. All ranks call it.
  init?(
    bytes: Int, _ near: Communicator, _ communicator: Communicator, _ kind: Kind, isWanted: Bool
  ) throws {
    let made = near.rank == 0 && isWanted ? cmpi_memory(bytes) : -1
    defer { if made >= 0 { close(made) } }
    // Which process and file, and its number in its file system: where processes are numbered apart, the same name may be another's.
    var place = made < 0 ? [0, 0, 0] : [Int64(getpid()), Int64(made), Self.identity(made, bytes)]
    try place.withUnsafeMutableBufferPointer { try near.broadcast($0, root: 0, kind: kind) }
    var mapped: UnsafeMutableRawPointer?
    if made >= 0 {
      mapped = Self.map(made, bytes)
    } else if isWanted && place[0] > 0 {
      let file = open("/proc/\(place[0])/fd/\(place[1])", O_RDWR | O_CLOEXEC | O_NONBLOCK)
      if file >= 0 {
        if Self.identity(file, bytes) == place[2] { mapped = Self.map(file, bytes) }
        close(file)
      }
    }
    let all = try communicator.allreduce(Int32(mapped == nil ? 0 : 1), .min, kind: kind)
    guard let mapped else { return nil }
    guard all == 1 else {
      munmap(mapped, bytes)
      return nil
    }
    start = mapped
    self.bytes = bytes
  }

  deinit { munmap(start, bytes) }

  private static func map(_ file: Int32, _ bytes: Int) -> UnsafeMutableRawPointer? {
    let mapped = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    return mapped == MAP_FAILED ? nil : mapped
  }

  /// 0 for a file that is not of that size.
  private static func identity(_ file: Int32, _ bytes: Int) -> Int64 {
    var status = stat()
    return fstat(file, &status) == 0 && status.st_size == bytes ? Int64(status.st_ino) : 0
  }
}
