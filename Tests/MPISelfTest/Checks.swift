import CMPIShim
import Foundation
import MPI

/// Every call of the MPI module against what it must give, computed here without MPI.
///
/// Rank r's i-th number is `(5 r + 3 i) mod 11`: small enough for sums over ten ranks to be exact in every datatype.
final class Checks {
  private(set) var count = 0
  private let kind = Kind("self-test")
  private var rank = 0
  private var size = 0

  func run(_ world: Communicator, _ level: ThreadLevel) throws {
    rank = world.rank
    size = world.size
    try environment(level)
    try everyCall(world, Float.self) { Float($0) }
    try everyCall(world, Double.self) { Double($0) }
    try everyCall(world, Int32.self) { Int32($0) }
    try everyCall(world, Int64.self) { Int64($0) }
    try everyCall(world, UInt8.self) { UInt8($0) }
    try extremes(world)
    try values(world)
    try agreement(world)
    try communicators(world)
    try rankSums(world)
    try errors(world)
    try traffic(world)
  }

  private func expect(_ holds: Bool, _ what: @autoclosure () -> String, line: UInt = #line) {
    count += 1
    guard !holds else { return }
    say("rank \(rank) of \(size), line \(line): \(what())")
    Communicator.world.abort(1)
  }

  private func expectEqual<T: Equatable>(_ a: T, _ b: T, _ what: String, line: UInt = #line) {
    expect(a == b, "\(what): \(a), not \(b)", line: line)
  }

  private func element(_ rank: Int, _ i: Int) -> Int { (5 * rank + 3 * i) % 11 }

  private func environment(_ level: ThreadLevel) throws {
    expect(level >= .funneled, "thread level \(level)")
    expect(Environment.isInitialized && !Environment.isFinalized, "MPI is not running")
    expect(Environment.libraryVersion.contains("MPI"), Environment.libraryVersion)
    let before = Environment.wallTime()
    usleep(1000)
    expect(Environment.wallTime() - before >= 0.001, "the clock")
    expectError("MPI_Init_thread", "MPI_ERR_OTHER") { _ = try Environment.initialize() }
  }

  // MARK: Calls on buffers

  private func everyCall<T: Datatype & Equatable>(
    _ world: Communicator, _ type: T.Type, _ make: (Int) -> T
  ) throws {
    for length in [0, 1, 7, 5000] {
      let mine = (0..<length).map { make(element(rank, $0)) }
      let name = "\(type), \(length) elements"

      for (operation, combine) in operations {
        var sums = mine
        try sums.withUnsafeMutableBufferPointer { try world.allreduce($0, operation, kind: kind) }
        expectEqual(
          sums, (0..<length).map { i in make(reduce(i, combine)) }, "allreduce \(operation), \(name)")
      }

      for root in 0..<size {
        var copy = rank == root ? mine : [T](repeating: make(99), count: length)
        try copy.withUnsafeMutableBufferPointer { try world.broadcast($0, root: root, kind: kind) }
        expectEqual(copy, (0..<length).map { make(element(root, $0)) }, "broadcast from \(root), \(name)")
      }

      let joined = (0..<size).flatMap { r in (0..<length).map { make(element(r, $0)) } }
      var gathered = [T](repeating: make(99), count: size * length)
      try mine.withUnsafeBufferPointer { send in
        try gathered.withUnsafeMutableBufferPointer { try world.allgather(send, into: $0, kind: kind) }
      }
      expectEqual(gathered, joined, "allgather, \(name)")

      for root in 0..<size {
        gathered = [T](repeating: make(99), count: size * length)
        try mine.withUnsafeBufferPointer { send in
          try gathered.withUnsafeMutableBufferPointer {
            try world.gather(send, into: rank == root ? $0 : nil, root: root, kind: kind)
          }
        }
        let expected = rank == root ? joined : [T](repeating: make(99), count: size * length)
        expectEqual(gathered, expected, "gather to \(root), \(name)")
      }

      try byRank(world, length, make)
    }
  }

  /// The calls whose counts differ by rank: rank r has `(r mod 3) length`, so that some have nothing.
  private func byRank<T: Datatype & Equatable>(
    _ world: Communicator, _ length: Int, _ make: (Int) -> T
  ) throws {
    let counts = (0..<size).map { $0 % 3 * length }
    let total = counts.reduce(0, +)
    let start = counts[..<rank].reduce(0, +)
    let name = "\(T.self), counts \(counts)"
    let mine = (0..<counts[rank]).map { make(element(rank, $0)) }
    let joined = (0..<size).flatMap { r in (0..<counts[r]).map { make(element(r, $0)) } }

    var gathered = [T](repeating: make(99), count: total)
    try mine.withUnsafeBufferPointer { send in
      try gathered.withUnsafeMutableBufferPointer {
        try world.allgatherv(send, into: $0, counts: counts, kind: kind)
      }
    }
    expectEqual(gathered, joined, "allgatherv, \(name)")

    gathered = [T](repeating: make(99), count: total)
    let root = size - 1
    try mine.withUnsafeBufferPointer { send in
      try gathered.withUnsafeMutableBufferPointer {
        try world.gatherv(send, into: rank == root ? $0 : nil, counts: counts, root: root, kind: kind)
      }
    }
    if rank == root { expectEqual(gathered, joined, "gatherv, \(name)") }

    for (operation, combine) in operations {
      let whole = (0..<total).map { make(element(rank, $0)) }
      var part = [T](repeating: make(99), count: counts[rank])
      try whole.withUnsafeBufferPointer { send in
        try part.withUnsafeMutableBufferPointer {
          try world.reduceScatter(send, into: $0, counts: counts, operation, kind: kind)
        }
      }
      let expected = (start..<start + counts[rank]).map { i in make(reduce(i, combine)) }
      expectEqual(part, expected, "reduceScatter \(operation), \(name)")
    }
  }

  private let operations: [(MPI.Operation, (Int, Int) -> Int)] = [
    (.sum, { $0 + $1 }), (.min, { min($0, $1) }), (.max, { max($0, $1) }),
  ]

  private func reduce(_ i: Int, _ combine: (Int, Int) -> Int) -> Int {
    (1..<size).reduce(element(0, i)) { combine($0, element($1, i)) }
  }

  /// Values that a wrong datatype of the same width, or of half of it, would spoil.
  private func extremes(_ world: Communicator) throws {
    expectEqual(try world.allreduce(Int64.max - Int64(rank), .min), Int64.max - Int64(size - 1), "Int64 min")
    expectEqual(try world.allreduce((1 << 40) + Int64(rank), .max), (1 << 40) + Int64(size - 1), "Int64 max")
    expectEqual(try world.allreduce(Int64(1) << 50, .sum), Int64(size) << 50, "Int64 sum")
    expectEqual(try world.allreduce(Int32.min + Int32(rank), .min), Int32.min, "Int32 min")
    expectEqual(try world.allreduce(-Float(rank + 1), .min), -Float(size), "Float min")
    expectEqual(try world.allreduce(-Double(rank + 1) * 1e-300, .max), -1e-300, "Double max")
    expectEqual(try world.allreduce(UInt8(255 - rank), .max), 255, "UInt8 max")
  }

  // MARK: Calls on values

  private func values(_ world: Communicator) throws {
    let last = size - 1
    expectEqual(try world.allgather(Int32(rank)), (0..<size).map { Int32($0) }, "allgather of a value")
    let lists = (0..<size).map { r in (0..<(size - 1 - r) * 3).map { Double(element(r, $0)) } }
    expectEqual(try world.allgatherv(lists[rank]), lists, "allgatherv of lists")
    expectEqual(try world.gather(lists[rank], root: last), rank == last ? lists : [], "gather of lists")
    expectEqual(try world.broadcast(lists[rank], root: 0), lists[0], "broadcast of a list")
    expectEqual(try world.broadcast(Int64(rank), root: last), Int64(last), "broadcast of a value")
    let names = (0..<size).map { $0 % 2 == 0 ? "rank \($0), “Löffel”" : "" }
    expectEqual(try world.broadcast(names[rank], root: 0), names[0], "broadcast of a string")
    expectEqual(try world.gather(names[rank], root: 0), rank == 0 ? names : [], "gather of strings")
  }

  private func agreement(_ world: Communicator) throws {
    expect(try world.agree(on: nil) == nil, "agreement on nothing")
    for first in 0..<size {
      // Every other rank above the first fails as well; the lowest one is heard.
      let fails = rank >= first && (rank - first) % 2 == 0
      let mine: (code: Int32, message: String)? =
        fails ? (Int32(60 + rank), "rank \(rank): “205.hea” is missing") : nil
      let agreed = try world.agree(on: mine)
      expectEqual(agreed?.rank, first, "agreement, rank")
      expectEqual(agreed?.code, Int32(60 + first), "agreement, code")
      expectEqual(agreed?.message, "rank \(first): “205.hea” is missing", "agreement, message")
    }
  }

  // MARK: Communicators

  private func communicators(_ world: Communicator) throws {
    try world.barrier()
    try sleepingBarrier(world)

    let twin = try world.duplicate()
    expectEqual(twin.rank, rank, "the duplicate's rank")
    expectEqual(twin.size, size, "the duplicate's size")
    expectEqual(try twin.allreduce(Int64(rank), .sum), Int64(size * (size - 1) / 2), "sum on a duplicate")
    expect(twin.traffic === world.traffic, "the duplicate's ledger")
    expectError("MPI_Bcast", "MPI_ERR_ROOT") { _ = try twin.broadcast(Int64(0), root: size) }
    try twin.free()

    // Even and odd ranks, each group in reverse order.
    let half = try world.split(color: rank % 2, key: -rank)!
    let members = (0..<size).filter { $0 % 2 == rank % 2 }
    expectEqual(half.size, members.count, "the split's size")
    expectEqual(try half.allgather(Int32(rank)), members.reversed().map { Int32($0) }, "the split's order")
    try half.free()

    let allButTheLast = try world.split(color: rank == size - 1 ? nil : 0, key: 0)
    expectEqual(allButTheLast?.size, rank == size - 1 ? nil : size - 1, "the split without the last rank")
    try allButTheLast?.free()
  }

  // MARK: Sums in shared memory

  /// On one host as it is, and as if ranks were spread over several.
  private func rankSums(_ world: Communicator) throws {
    for count in [0, 1, 7, 64, 5001] {
      try rankSum(world, RankSum(count: count, world), count, sharing: 1, "a sum by MPI alone")
      try rankSum(
        world, RankSum(count: count, world, sharesMemory: true), count, sharing: size, "a sum on one host")
      try rankSum(
        world, RankSum(count: count, world, sharesMemory: rank < size - 1), count,
        sharing: size > 1 ? 1 : size,
        "a sum that one rank does not share")
      for (name, host) in [("pairs", { $0 / 2 }), ("odd and even", { $0 % 2 }), ("hosts of one", { $0 })]
        as [(String, (Int) -> Int)]
      {
        let hosts = try Hosts(world, near: try world.split(color: host(rank), key: rank)!)
        let near = (0..<size).filter { host($0) == host(rank) }.count
        try rankSum(
          world, RankSum(count: count, world, sharesMemory: true, hosts: hosts), count, sharing: near,
          "a sum over \(name)")
        try hosts.free()
      }
    }
  }

  private func rankSum(_ world: Communicator, _ sum: RankSum, _ count: Int, sharing: Int, _ what: String)
    throws
  {
    let kind = Kind("sums")
    let before = world.traffic.snapshot
    expectEqual(sum.ranksSharingMemory, sharing, "\(what), ranks sharing memory")
    for round in 0..<20 {
      // Sums that overflow wrap around alike in any order.
      func number(_ rank: Int, _ i: Int) -> Int64 { (Int64.max / 3) &* Int64(element(rank, i) + round) }
      // Each rank in turn comes last.
      if round % size == rank { usleep(200) }
      for i in 0..<count { sum.part[i] = number(rank, i) }
      try sum.reduce(kind: kind)
      let wrong = (0..<count).first { i in
        sum.total[i] != (0..<size).reduce(0) { $0 &+ number($1, i) }
      }
      expect(wrong == nil, "\(what) of \(count) numbers, round \(round): number \(wrong ?? 0)")
    }
    expectEqual(
      (world.traffic.snapshot - before)[kind], Traffic.Tally(calls: 20, bytes: 20 * 8 * count),
      "\(what), bytes")
  }

  /// No rank leaves before the last has come, and those that wait use hardly any processor time.
  private func sleepingBarrier(_ world: Communicator) throws {
    func seconds(_ clock: clockid_t) -> Double {
      var time = timespec()
      clock_gettime(clock, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    let isLate = rank == size - 1
    if isLate { usleep(300_000) }
    let (came, used) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
    try world.barrier(lookingEvery: 0.003)
    let (left, spent) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID) - used)
    let last = try world.allreduce(came, .max)
    expect(left >= last, "left \(last - left) s before the last rank came")
    expect(spent < 0.15, "waited for \(spent) s of processor time")
  }

  // MARK: Errors

  private func expectError(
    _ call: String, _ errorClass: String, line: UInt = #line, _ body: () throws -> Void
  ) {
    do {
      try body()
      expect(false, "\(call) did not fail", line: line)
    } catch let error as MPIError {
      expectEqual(error.call, call, "the failed call", line: line)
      expectEqual(error.errorClass, errorClass, "the class of \(error)", line: line)
      expect(!error.text.isEmpty && !error.description.contains("\n"), "the text of \(error)", line: line)
    } catch {
      expect(false, "\(error)", line: line)
    }
  }

  private func errors(_ world: Communicator) throws {
    let five = UnsafeMutableBufferPointer<Double>.allocate(capacity: 5)
    five.initialize(repeating: 0)
    defer { five.deallocate() }
    let send = UnsafeBufferPointer(five)
    let tooLong = UnsafeMutableBufferPointer(start: five.baseAddress, count: Int(Int32.max) + 1)
    let wrong = [Int](repeating: 4, count: size)
    let negative = [Int](repeating: -1, count: size)
    let kind = self.kind

    for root in [-1, size] {
      expectError("MPI_Bcast", "MPI_ERR_ROOT") { try world.broadcast(five, root: root, kind: kind) }
      expectError("MPI_Gather", "MPI_ERR_ROOT") { try world.gather(send, into: nil, root: root, kind: kind) }
    }
    expectError("MPI_Allreduce", "MPI_ERR_COUNT") { try world.allreduce(tooLong, .sum, kind: kind) }
    expectError("MPI_Bcast", "MPI_ERR_COUNT") { try world.broadcast(tooLong, root: 0, kind: kind) }
    expectError("MPI_Allgather", "MPI_ERR_COUNT") {
      try world.allgather(send, into: UnsafeMutableBufferPointer(rebasing: five[..<4]), kind: kind)
    }
    for counts in [wrong, negative, []] {
      expectError("MPI_Allgatherv", "MPI_ERR_COUNT") {
        try world.allgatherv(send, into: five, counts: counts, kind: kind)
      }
      expectError("MPI_Reduce_scatter", "MPI_ERR_COUNT") {
        try world.reduceScatter(send, into: five, counts: counts, .sum, kind: kind)
      }
    }
    let huge = [Int](repeating: Int(Int32.max), count: size)
    expectError("MPI_Allgatherv", "MPI_ERR_COUNT") {
      try world.allgatherv(send, into: five, counts: huge, kind: kind)
    }
    if size == 1 {
      expectError("MPI_Gather", "MPI_ERR_COUNT") { try world.gather(send, into: nil, root: 0, kind: kind) }
    }
    expectError("MPI_Comm_split", "MPI_ERR_ARG") { _ = try world.split(color: -1, key: 0) }
    // Refused by MPI itself, so that its own class and text are seen.
    expectError("MPI_Comm_free", "MPI_ERR_COMM") { try world.free() }
    try world.barrier()
  }

  // MARK: The ledger

  private func traffic(_ world: Communicator) throws {
    let activations = Kind("activations")
    let gradients = Kind("gradients")
    let start = world.traffic.snapshot
    let numbers = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 100)
    numbers.initialize(repeating: 1)
    defer { numbers.deallocate() }
    for _ in 0..<3 { try world.allreduce(numbers, .sum, kind: activations) }
    try world.broadcast(numbers, root: size - 1, kind: gradients)
    let ten = UnsafeBufferPointer(rebasing: numbers[..<10])
    let joined = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 10 * size)
    defer { joined.deallocate() }
    try world.allgather(ten, into: joined, kind: gradients)
    try world.gather(ten, into: joined, root: 0, kind: gradients)
    let spent = world.traffic.snapshot - start
    let broadcast = rank == size - 1 ? 800 : 0
    expectEqual(spent[activations], Traffic.Tally(calls: 3, bytes: 2400), "bytes of activations")
    expectEqual(spent[gradients], Traffic.Tally(calls: 3, bytes: broadcast + 160), "bytes of gradients")
    expectEqual(spent.total, Traffic.Tally(calls: 6, bytes: 2560 + broadcast), "all bytes")
    expectEqual(spent.byKind.count, 2, "kinds")

    // Lengths that differ by rank, and a communicator made from the world.
    let varied = Kind("varied")
    let counts = (0..<size).map { $0 + 1 }
    let total = counts.reduce(0, +)
    let own = UnsafeBufferPointer(rebasing: numbers[..<counts[rank]])
    let all = UnsafeMutableBufferPointer<Int64>.allocate(capacity: total)
    defer { all.deallocate() }
    let twin = try world.duplicate()
    try twin.allgatherv(own, into: all, counts: counts, kind: varied)
    try twin.gatherv(own, into: all, counts: counts, root: 0, kind: varied)
    try twin.reduceScatter(
      UnsafeBufferPointer(all), into: UnsafeMutableBufferPointer(rebasing: numbers[..<counts[rank]]),
      counts: counts, .sum, kind: varied)
    try twin.free()
    expectEqual(
      world.traffic.snapshot[varied], Traffic.Tally(calls: 3, bytes: 8 * (2 * counts[rank] + total)),
      "bytes of calls that vary by rank")
    let bytes: [UInt8] = [1, 2, 3]
    let before = world.traffic.total
    expectEqual(try world.broadcast(bytes, root: 0), bytes, "three bytes")
    // Their number goes before them.
    expectEqual(
      world.traffic.total - before, Traffic.Tally(calls: 2, bytes: rank == 0 ? 8 + 3 : 0), "bytes of bytes")

    // Past its table the shim sends nothing: a rank alone would wait for the others here.
    if rank == 0 {
      let sent = world.traffic.total
      for kind in [-1, Int32(CMPI_KINDS)] {
        expect(
          cmpi_allreduce_in_place(
            kind, numbers.baseAddress, 1, Int32(CMPI_INT64), Int32(CMPI_SUM), cmpi_world())
            != 0,
          "a sum of kind \(kind)")
      }
      expectEqual(world.traffic.total, sent, "all bytes, after calls of no kind")
    }
    expectEqual(spent[Kind("never used")], Traffic.Tally(), "a kind that was never used")
    expectEqual(Kind("activations"), activations, "a kind made twice")
  }
}
