/// Labelled heartbeats of one patient, ready for a network: example i is row i of every array.
public struct Examples: Sendable, Equatable {
  /// Samples in a window.
  public let windowLength: Int
  /// The windows one after the other: count x `windowLength`.
  public internal(set) var windows: [Float] = []
  /// RR features: count x `RRFeatures.count`.
  public internal(set) var rr: [Float] = []
  /// Classes: 0 or 1, as `Labelling` has them.
  public internal(set) var labels: [Int32] = []
  /// Where each beat's annotation stands, in samples of the record.
  public internal(set) var positions: [Int] = []
  /// The annotated beat symbols, such as "N".
  public internal(set) var symbols: [String] = []
  /// The rhythms in force, such as "(AFIB".
  public internal(set) var rhythms: [String] = []

  /// No examples yet, of windows of `windowLength` samples.
  public init(windowLength: Int) {
    self.windowLength = windowLength
  }

  /// Examples that come from elsewhere than a record on this rank: windows (count x `windowLength`), RR features
  /// (count x `RRFeatures.count`) and labels (all 0 where they are not known here).
  public init(windowLength: Int, windows: [Float], rr: [Float], labels: [Int32]? = nil) {
    let count = windowLength > 0 ? windows.count / windowLength : 0
    precondition(windows.count == count * windowLength && rr.count == count * RRFeatures.count)
    self.windowLength = windowLength
    self.windows = windows
    self.rr = rr
    self.labels = labels ?? [Int32](repeating: 0, count: count)
    positions = [Int](repeating: 0, count: count)
    symbols = [String](repeating: "", count: count)
    rhythms = symbols
  }

  public var count: Int { labels.count }

  /// Examples of each class.
  public var classCounts: [Int] {
    classCounts(among: Array(labels.indices))
  }

  /// Examples of each class among the given ones.
  public func classCounts(among indices: [Int]) -> [Int] {
    var counts = [Int](repeating: 0, count: Labelling.classCount)
    for i in indices { counts[Int(labels[i])] += 1 }
    return counts
  }

  /// The samples of one example's window.
  public func window(_ i: Int) -> ArraySlice<Float> {
    windows[(i * windowLength)..<((i + 1) * windowLength)]
  }

  /// Adds another patient's or task's examples behind these; their windows must have the same length.
  public mutating func append(contentsOf other: Examples) {
    precondition(
      other.windowLength == windowLength,
      "windows of \(other.windowLength) samples behind those of \(windowLength)")
    windows += other.windows
    rr += other.rr
    labels += other.labels
    positions += other.positions
    symbols += other.symbols
    rhythms += other.rhythms
  }

  /// The examples at `indices`, in that order; an index may come more than once.
  public subscript(indices: [Int]) -> Examples {
    var subset = Examples(windowLength: windowLength)
    subset.windows.reserveCapacity(indices.count * windowLength)
    for i in indices {
      subset.windows.append(contentsOf: window(i))
      subset.rr.append(contentsOf: rr[(i * RRFeatures.count)..<((i + 1) * RRFeatures.count)])
      subset.labels.append(labels[i])
      subset.positions.append(positions[i])
      subset.symbols.append(symbols[i])
      subset.rhythms.append(rhythms[i])
    }
    return subset
  }
}
