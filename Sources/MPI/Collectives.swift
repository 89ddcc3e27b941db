import CMPIShim

// Collective communication (MPI 3.1, chapter 5). Every rank of the communicator makes the same call with fitting shapes; a
// rank that does not leaves the others waiting. Buffers are the caller's, so that none of these calls allocates. The C shim enters every
// call in the ledger (`Traffic`).
extension Communicator {
  /// Waits for every rank. `MPI_Barrier`, section 5.3.
  public func barrier() throws {
    try check(cmpi_barrier(handle), "MPI_Barrier")
  }

  /// Waits for every rank asleep, and looks every `interval` seconds whether all have come: a rank that has long to wait leaves its core
  /// to those that work, where MPI's own waiting would spin. All ranks make this call, late ones too. `MPI_Ibarrier`, section 5.12.1.
  public func barrier(lookingEvery interval: Double) throws {
    try Watchdog.suspended {
      try check(cmpi_barrier_sleeping(handle, Int(max(interval, 0) * 1e9)), "MPI_Ibarrier")
    }
  }

  /// Copies the root's buffer to every rank's, of the same length. `MPI_Bcast`, section 5.4.
  public func broadcast<T: Datatype>(
    _ buffer: UnsafeMutableBufferPointer<T>, root: Int, kind: Kind
  ) throws {
    let count = try checkedCount(buffer.count, "MPI_Bcast")
    let source = try checkedRoot(root, "MPI_Bcast")
    try check(cmpi_bcast(kind.index, buffer.baseAddress, count, T._datatype, source, handle), "MPI_Bcast")
  }

  /// Reduces element by element over all ranks, and leaves the result in every rank's buffer. `MPI_Allreduce` with
  /// `MPI_IN_PLACE`, section 5.9.6.
  public func allreduce<T: Datatype>(
    _ buffer: UnsafeMutableBufferPointer<T>, _ operation: Operation, kind: Kind
  ) throws {
    let count = try checkedCount(buffer.count, "MPI_Allreduce")
    try check(
      cmpi_allreduce_in_place(kind.index, buffer.baseAddress, count, T._datatype, operation.code, handle),
      "MPI_Allreduce"
    )
  }

  /// Concatenates every rank's buffer, in the order of ranks, on every rank. `MPI_Allgather`, section 5.7.
  ///
  /// - Parameters:
  ///   - send: as long on every rank.
  ///   - receive: `size` times as long.
  ///   - kind: of message, for the ledger.
  public func allgather<T: Datatype>(
    _ send: UnsafeBufferPointer<T>, into receive: UnsafeMutableBufferPointer<T>, kind: Kind
  ) throws {
    let count = try checkedCount(send.count, "MPI_Allgather")
    try requireCount(receive.count, is: send.count * size, "the receive buffer", "MPI_Allgather")
    try check(
      cmpi_allgather(kind.index, send.baseAddress, count, T._datatype, receive.baseAddress, handle),
      "MPI_Allgather")
  }

  /// Concatenates buffers whose length differs by rank, on every rank. `MPI_Allgatherv`, section 5.7.
  ///
  /// - Parameters:
  ///   - send: `counts[rank]` elements.
  ///   - receive: as many elements as `counts` sums to.
  ///   - counts: a length for each rank, the same list on all.
  ///   - kind: of message, for the ledger.
  public func allgatherv<T: Datatype>(
    _ send: UnsafeBufferPointer<T>, into receive: UnsafeMutableBufferPointer<T>, counts: [Int], kind: Kind
  ) throws {
    let total = try layOut(counts, "MPI_Allgatherv")
    try requireCount(send.count, is: counts[rank], "the send buffer", "MPI_Allgatherv")
    try requireCount(receive.count, is: total, "the receive buffer", "MPI_Allgatherv")
    try check(
      cmpi_allgatherv(
        kind.index, send.baseAddress, layout[rank], T._datatype, receive.baseAddress, layout.baseAddress,
        layout.baseAddress! + size, handle),
      "MPI_Allgatherv")
  }

  /// Reduces element by element over all ranks, and leaves rank i with the i-th part of the result. `MPI_Reduce_scatter`,
  /// section 5.10.2.
  ///
  /// - Parameters:
  ///   - send: as many elements as `counts` sums to.
  ///   - receive: `counts[rank]` elements.
  ///   - counts: the length of each rank's part, the same list on all.
  ///   - operation: how elements are reduced.
  ///   - kind: of message, for the ledger.
  public func reduceScatter<T: Datatype>(
    _ send: UnsafeBufferPointer<T>, into receive: UnsafeMutableBufferPointer<T>, counts: [Int],
    _ operation: Operation, kind: Kind
  ) throws {
    let total = try layOut(counts, "MPI_Reduce_scatter")
    try requireCount(send.count, is: total, "the send buffer", "MPI_Reduce_scatter")
    try requireCount(receive.count, is: counts[rank], "the receive buffer", "MPI_Reduce_scatter")
    try check(
      cmpi_reduce_scatter(
        kind.index, send.baseAddress, receive.baseAddress, layout.baseAddress, T._datatype, operation.code,
        handle),
      "MPI_Reduce_scatter")
  }

  /// Concatenates every rank's buffer, in the order of ranks, on the root. `MPI_Gather`, section 5.5.
  ///
  /// - Parameters:
  ///   - send: as long on every rank.
  ///   - receive: `size` times as long; only the root gives it, elsewhere it is ignored.
  ///   - root: the rank that receives.
  ///   - kind: of message, for the ledger.
  public func gather<T: Datatype>(
    _ send: UnsafeBufferPointer<T>, into receive: UnsafeMutableBufferPointer<T>?, root: Int, kind: Kind
  ) throws {
    let count = try checkedCount(send.count, "MPI_Gather")
    let target = try checkedRoot(root, "MPI_Gather")
    if rank == root {
      try requireCount(receive?.count ?? 0, is: send.count * size, "the root's receive buffer", "MPI_Gather")
    }
    try check(
      cmpi_gather(kind.index, send.baseAddress, count, T._datatype, receive?.baseAddress, target, handle),
      "MPI_Gather")
  }

  /// Concatenates buffers whose length differs by rank, on the root. `MPI_Gatherv`, section 5.5.
  ///
  /// - Parameters:
  ///   - send: `counts[rank]` elements.
  ///   - receive: as many elements as `counts` sums to; only the root gives it, elsewhere it is ignored.
  ///   - counts: a length for each rank, the same list on all.
  ///   - root: the rank that receives.
  ///   - kind: of message, for the ledger.
  public func gatherv<T: Datatype>(
    _ send: UnsafeBufferPointer<T>, into receive: UnsafeMutableBufferPointer<T>?, counts: [Int], root: Int,
    kind: Kind
  ) throws {
    let total = try layOut(counts, "MPI_Gatherv")
    let target = try checkedRoot(root, "MPI_Gatherv")
    try requireCount(send.count, is: counts[rank], "the send buffer", "MPI_Gatherv")
    if rank == root {
      try requireCount(receive?.count ?? 0, is: total, "the root's receive buffer", "MPI_Gatherv")
    }
    try check(
      cmpi_gatherv(
        kind.index, send.baseAddress, layout[rank], T._datatype, receive?.baseAddress, layout.baseAddress,
        layout.baseAddress! + size, target, handle),
      "MPI_Gatherv")
  }

  private func checkedRoot(_ root: Int, _ call: StaticString) throws -> Int32 {
    guard root >= 0, root < size else {
      throw MPIError(
        call: "\(call)", errorClass: "MPI_ERR_ROOT", text: "root \(root) is not a rank from 0 to \(size - 1)")
    }
    return Int32(root)
  }

  /// Writes the counts and the displacements of a gapless layout where MPI reads them, and returns their sum.
  private func layOut(_ counts: [Int], _ call: StaticString) throws -> Int {
    try requireCount(counts.count, is: size, "counts", call)
    var total: Int32 = 0
    for (i, count) in counts.enumerated() {
      layout[i] = try checkedCount(count, call)
      layout[size + i] = total
      total = try checkedCount(Int(total) + count, call)
    }
    return Int(total)
  }
}
