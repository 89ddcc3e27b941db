import CMPIShim

/// Collective calls: every rank of the communicator makes them in the same order (MPI 3.1, chapter 5).
extension Communicator {
  /// MPI_Barrier, section 5.3: returns when every rank has come.
  public func barrier() throws { try check(cmpi_barrier(handle), "MPI_Barrier") }

  /// MPI_Bcast, section 5.4: the root's numbers to all.
  public func broadcast<T: Datatype>(_ buffer: UnsafeMutableBufferPointer<T>, root: Int, kind: Kind) throws {
    let count = try number(buffer.count, "MPI_Bcast")
    if rank == root { traffic.add(bytes(buffer.count, T.self), kind) }
    try check(cmpi_bcast(handle, buffer.baseAddress, count, T.code, Int32(root)), "MPI_Bcast")
  }

  /// MPI_Allreduce, section 5.9.6, in place: every rank's numbers combined, element by element, to all.
  public func allreduce<T: Datatype>(_ buffer: UnsafeMutableBufferPointer<T>, _ operation: Operation, kind: Kind) throws {
    let count = try number(buffer.count, "MPI_Allreduce")
    traffic.add(bytes(buffer.count, T.self), kind)
    try check(cmpi_allreduce(handle, buffer.baseAddress, count, T.code, operation.code), "MPI_Allreduce")
  }

  /// MPI_Allgather, section 5.7: equally many numbers of every rank, in rank order, to all.
  public func allgather<T: Datatype>(
    _ send: UnsafeBufferPointer<T>, into receive: UnsafeMutableBufferPointer<T>, kind: Kind
  ) throws {
    try require(receive.count == send.count * size, "MPI_Allgather", "\(receive.count) places for \(size) x \(send.count)")
    let count = try number(send.count, "MPI_Allgather")
    traffic.add(bytes(send.count, T.self), kind)
    try check(cmpi_allgather(handle, send.baseAddress, count, receive.baseAddress, T.code), "MPI_Allgather")
  }

  /// MPI_Allgatherv, section 5.7: `counts[r]` numbers of rank r, in rank order, to all.
  public func allgatherv<T: Datatype>(
    _ send: UnsafeBufferPointer<T>, into receive: UnsafeMutableBufferPointer<T>, counts: [Int], kind: Kind
  ) throws {
    try require(
      counts.count == size && counts[rank] == send.count && counts.reduce(0, +) == receive.count, "MPI_Allgatherv",
      "counts \(counts) do not fit \(send.count) sent and \(receive.count) places")
    let sizes = try counts.map { try number($0, "MPI_Allgatherv") }
    _ = try number(receive.count, "MPI_Allgatherv")
    var offset: Int32 = 0
    let offsets = sizes.map { size in
      defer { offset += size }
      return offset
    }
    traffic.add(bytes(send.count, T.self), kind)
    try check(
      cmpi_allgatherv(
        handle, send.baseAddress, sizes[rank], receive.baseAddress, sizes, offsets, T.code), "MPI_Allgatherv")
  }

  /// MPI_Reduce_scatter, section 5.10.2: all ranks' numbers combined; rank r receives its `counts[r]` of them.
  public func reduceScatter<T: Datatype>(
    _ send: UnsafeBufferPointer<T>, into receive: UnsafeMutableBufferPointer<T>, counts: [Int], _ operation: Operation,
    kind: Kind
  ) throws {
    try require(
      counts.count == size && counts[rank] == receive.count && counts.reduce(0, +) == send.count,
      "MPI_Reduce_scatter", "counts \(counts) do not fit \(send.count) sent and \(receive.count) places")
    let sizes = try counts.map { try number($0, "MPI_Reduce_scatter") }
    traffic.add(bytes(send.count, T.self), kind)
    try check(
      cmpi_reduce_scatter(handle, send.baseAddress, receive.baseAddress, sizes, T.code, operation.code),
      "MPI_Reduce_scatter")
  }

  /// MPI_Gather, section 5.5: equally many numbers of every rank, in rank order, to the root (nil elsewhere).
  public func gather<T: Datatype>(
    _ send: UnsafeBufferPointer<T>, into receive: UnsafeMutableBufferPointer<T>?, root: Int, kind: Kind
  ) throws {
    try require(
      rank != root || receive?.count == send.count * size, "MPI_Gather",
      "\(receive?.count ?? 0) places for \(size) x \(send.count)")
    let count = try number(send.count, "MPI_Gather")
    traffic.add(bytes(send.count, T.self), kind)
    try check(
      cmpi_gather(handle, send.baseAddress, count, receive?.baseAddress, T.code, Int32(root)), "MPI_Gather")
  }

  private func number(_ count: Int, _ call: StaticString) throws -> Int32 {
    guard let number = Int32(exactly: count) else {
      throw MPIError(
        call: "\(call)", errorClass: "MPI_ERR_COUNT", text: "\(count) elements; at most \(Int32.max) in one call")
    }
    return number
  }

  private func require(_ holds: Bool, _ call: String, _ text: @autoclosure () -> String) throws {
    if !holds { throw MPIError(call: call, errorClass: "MPI_ERR_COUNT", text: text()) }
  }

  private func bytes<T>(_ count: Int, _ type: T.Type) -> Int { count * MemoryLayout<T>.stride }
}

/// Forms for set-up and results, where an allocation does not matter.
extension Communicator {
  /// One number of every rank, combined.
  public func allreduce<T: Datatype>(_ value: T, _ operation: Operation, kind: Kind) throws -> T {
    var value = value
    try withUnsafeMutablePointer(to: &value) {
      try allreduce(UnsafeMutableBufferPointer(start: $0, count: 1), operation, kind: kind)
    }
    return value
  }

  /// One number of every rank, in rank order.
  public func allgather<T: Datatype>(_ value: T, kind: Kind) throws -> [T] {
    try allgatherv([value], kind: kind).flatMap { $0 }
  }

  /// Every rank's numbers, however many.
  public func allgatherv<T: Datatype>(_ values: [T], kind: Kind) throws -> [[T]] {
    var lengths = [Int64](repeating: 0, count: size)
    try [Int64(values.count)].withUnsafeBufferPointer { send in
      try lengths.withUnsafeMutableBufferPointer { try allgather(send, into: $0, kind: kind) }
    }
    let counts = lengths.map { Int($0) }
    let total = counts.reduce(0, +)
    let all = try [T](unsafeUninitializedCapacity: total) { buffer, filled in
      try values.withUnsafeBufferPointer {
        try allgatherv(
          $0, into: UnsafeMutableBufferPointer(rebasing: buffer[0..<total]), counts: counts, kind: kind)
      }
      filled = total
    }
    var start = 0
    return counts.map { count in
      defer { start += count }
      return Array(all[start..<start + count])
    }
  }

  /// The root's numbers, however many; what other ranks pass does not matter.
  public func broadcast<T: Datatype>(_ values: [T], root: Int, kind: Kind) throws -> [T] {
    var count = [Int64(values.count)]
    try count.withUnsafeMutableBufferPointer { try broadcast($0, root: root, kind: kind) }
    let length = Int(count[0])
    return try [T](unsafeUninitializedCapacity: length) { buffer, filled in
      let part = UnsafeMutableBufferPointer(rebasing: buffer[0..<length])
      if rank == root { _ = part.initialize(from: values) }
      try broadcast(part, root: root, kind: kind)
      filled = length
    }
  }

  /// Every rank says whether it failed; all learn of the lowest failing rank's failure, or that there is none.
  public func agree(
    on failure: (code: Int32, message: String)?, kind: Kind
  ) throws -> (rank: Int, code: Int32, message: String)? {
    let first = try allreduce(Int64(failure == nil ? size : rank), .min, kind: kind)
    guard first < Int64(size) else { return nil }
    let code = try broadcast([failure?.code ?? 0], root: Int(first), kind: kind)
    let text = try broadcast(Array((failure?.message ?? "").utf8), root: Int(first), kind: kind)
    return (Int(first), code[0], String(decoding: text, as: UTF8.self))
  }
}
