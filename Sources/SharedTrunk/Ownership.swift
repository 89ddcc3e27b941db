/// Which rank owns which tasks: neighbouring tasks in equal shares, the first ranks one more where it does not divide.
public struct Ownership: Sendable, Equatable {
  /// The tasks of every rank.
  public let ranges: [Range<Int>]
  /// This rank's tasks.
  public let own: Range<Int>

  /// `ranks` must not exceed `tasks`.
  public init(tasks: Int, ranks: Int, rank: Int) {
    let (share, rest) = (tasks / ranks, tasks % ranks)
    ranges = (0..<ranks).map { r in
      let start = r * share + min(r, rest)
      return start..<start + share + (r < rest ? 1 : 0)
    }
    own = ranges[rank]
  }

  /// The rank that owns `task`, which must be one of them.
  public func rank(of task: Int) -> Int {
    ranges.firstIndex { $0.contains(task) }!
  }
}
