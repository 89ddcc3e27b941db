// Collectives on Swift values, for set-up and for results. They allocate; a training step uses the ones on buffers.
extension Communicator {
  /// One value reduced over all ranks.
  public func allreduce<T: Datatype>(_ value: T, _ operation: Operation, kind: Kind = .setup) throws -> T {
    var result = value
    try withUnsafeMutablePointer(to: &result) {
      try allreduce(UnsafeMutableBufferPointer(start: $0, count: 1), operation, kind: kind)
    }
    return result
  }

  /// Every rank's value, in the order of ranks.
  public func allgather<T: Datatype>(_ value: T, kind: Kind = .setup) throws -> [T] {
    var result = [T](repeating: ._zero, count: size)
    try withUnsafePointer(to: value) { send in
      try result.withUnsafeMutableBufferPointer {
        try allgather(UnsafeBufferPointer(start: send, count: 1), into: $0, kind: kind)
      }
    }
    return result
  }

  /// Every rank's list, in the order of ranks; lengths may differ.
  public func allgatherv<T: Datatype>(_ values: [T], kind: Kind = .setup) throws -> [[T]] {
    let counts = try allgather(Int64(values.count), kind: kind).map { Int($0) }
    var joined = [T](repeating: ._zero, count: counts.reduce(0, +))
    try values.withUnsafeBufferPointer { send in
      try joined.withUnsafeMutableBufferPointer {
        try allgatherv(send, into: $0, counts: counts, kind: kind)
      }
    }
    return split(joined, counts)
  }

  /// The root's list, on every rank; what the others give is ignored.
  public func broadcast<T: Datatype>(_ values: [T], root: Int = 0, kind: Kind = .setup) throws -> [T] {
    let count = try broadcast(Int64(values.count), root: root, kind: kind)
    var result = rank == root ? values : [T](repeating: ._zero, count: Int(count))
    try result.withUnsafeMutableBufferPointer { try broadcast($0, root: root, kind: kind) }
    return result
  }

  /// The root's value, on every rank; what the others give is ignored.
  public func broadcast<T: Datatype>(_ value: T, root: Int = 0, kind: Kind = .setup) throws -> T {
    var result = value
    try withUnsafeMutablePointer(to: &result) {
      try broadcast(UnsafeMutableBufferPointer(start: $0, count: 1), root: root, kind: kind)
    }
    return result
  }

  /// The root's string, on every rank, sent as UTF-8; what the others give is ignored.
  public func broadcast(_ text: String, root: Int = 0, kind: Kind = .setup) throws -> String {
    String(
      decoding: try broadcast(rank == root ? Array(text.utf8) : [], root: root, kind: kind), as: UTF8.self)
  }

  /// Every rank's list on the root, in the order of ranks; lengths may differ. Empty on the other ranks.
  public func gather<T: Datatype>(_ values: [T], root: Int = 0, kind: Kind = .setup) throws -> [[T]] {
    let counts = try allgather(Int64(values.count), kind: kind).map { Int($0) }
    var joined = [T](repeating: ._zero, count: rank == root ? counts.reduce(0, +) : 0)
    try values.withUnsafeBufferPointer { send in
      try joined.withUnsafeMutableBufferPointer {
        try gatherv(send, into: $0, counts: counts, root: root, kind: kind)
      }
    }
    return rank == root ? split(joined, counts) : []
  }

  /// Every rank's string on the root, in the order of ranks, sent as UTF-8. Empty on the other ranks.
  public func gather(_ text: String, root: Int = 0, kind: Kind = .setup) throws -> [String] {
    try gather(Array(text.utf8), root: root, kind: kind).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Settles whether any rank has failed, so that all leave by the same door. Every rank calls it, the failed ones with
  /// what they have to say.
  ///
  /// - Parameters:
  ///   - failure: this rank's exit code and message; nil if all is well here.
  ///   - kind: of message, for the ledger.
  /// - Returns: nil if no rank failed; else, the same on every rank, the failure of the lowest rank that did.
  public func agree(
    on failure: (code: Int32, message: String)?, kind: Kind = .setup
  ) throws -> (rank: Int, code: Int32, message: String)? {
    let first = try Int(allreduce(Int64(failure == nil ? size : rank), .min, kind: kind))
    guard first < size else { return nil }
    let code = try broadcast(failure?.code ?? 0, root: first, kind: kind)
    let message = try broadcast(failure?.message ?? "", root: first, kind: kind)
    return (first, code, message)
  }

  private func split<T>(_ joined: [T], _ counts: [Int]) -> [[T]] {
    var start = 0
    return counts.map { count in
      defer { start += count }
      return Array(joined[start..<start + count])
    }
  }
}
