/// Labelled heartbeats of one patient, ready for a network: example i is row i of every array.
public struct Examples: Sendable, Equatable {
  /// Samples in a window, of all its channels.
  public let windowLength: Int
  /// Numbers a beat beside its window.
  public let featureCount: Int
  /// The windows one after the other: count x `windowLength`.
  public internal(set) var windows: [Float] = []
  /// RR features, and what `OwnStatistics` adds: count x `featureCount`.
  public internal(set) var rr: [Float] = []
  /// Classes, as `Labelling` numbers them.
  public internal(set) var labels: [Int32] = []
  /// Where each beat's annotation stands, in samples of the record.
  public internal(set) var positions: [Int] = []
  /// The annotated beat symbols, such as "N".
  public internal(set) var symbols: [String] = []
  /// The rhythms in force, such as "(AFIB".
  public internal(set) var rhythms: [String] = []

  /// No examples yet, of windows of `windowLength` samples.
  public init(windowLength: Int, featureCount: Int = RRFeatures.count) {
    self.windowLength = windowLength
    self.featureCount = featureCount
  }

  /// Examples that come from elsewhere than a record on this rank: windows (count x `windowLength`), features
  /// (count x `featureCount`) and labels (all 0 where they are not known here).
  public init(
    windowLength: Int, featureCount: Int = RRFeatures.count, windows: [Float], rr: [Float],
    labels: [Int32]? = nil
  ) {
    let count = windowLength > 0 ? windows.count / windowLength : 0
    precondition(windows.count == count * windowLength && rr.count == count * featureCount)
    self.windowLength = windowLength
    self.featureCount = featureCount
    self.windows = windows
    self.rr = rr
    self.labels = labels ?? [Int32](repeating: 0, count: count)
    positions = [Int](repeating: 0, count: count)
    symbols = [String](repeating: "", count: count)
    rhythms = symbols
  }

  public var count: Int { labels.count }

  /// Examples of each of so many classes.
  public func classCounts(_ classes: Int = 2) -> [Int] {
    var counts = [Int](repeating: 0, count: classes)
    for label in labels { counts[Int(label)] += 1 }
    return counts
  }

  /// The examples whose label has a new number, under that.
  public func renumbered(_ numbers: [Int32: Int32]) -> Examples {
    let rest = self[labels.indices.filter { numbers[labels[$0]] != nil }]
    return rest.relabelled(rest.labels.map { numbers[$0]! })
  }

  /// The same examples under other labels, one for each.
  public func relabelled(_ labels: [Int32]) -> Examples {
    precondition(labels.count == count, "\(labels.count) labels for \(count) examples")
    var copy = self
    copy.labels = labels
    return copy
  }

  /// The same beats, read in another way: other windows and features, one for each.
  func with(windowLength: Int, windows: [Float], featureCount: Int, _ features: [Float]) -> Examples {
    var copy = Examples(
      windowLength: windowLength, featureCount: featureCount, windows: windows, rr: features, labels: labels)
    (copy.positions, copy.symbols, copy.rhythms) = (positions, symbols, rhythms)
    return copy
  }

  /// The samples of one example's window.
  public func window(_ i: Int) -> ArraySlice<Float> {
    windows[(i * windowLength)..<((i + 1) * windowLength)]
  }

  /// Adds another patient's or task's examples behind these; their windows must have the same length.
  public mutating func append(contentsOf other: Examples) {
    precondition(
      other.windowLength == windowLength && other.featureCount == featureCount,
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
    var subset = Examples(windowLength: windowLength, featureCount: featureCount)
    subset.windows.reserveCapacity(indices.count * windowLength)
    for i in indices {
      subset.windows.append(contentsOf: window(i))
      subset.rr.append(contentsOf: rr[(i * featureCount)..<((i + 1) * featureCount)])
      subset.labels.append(labels[i])
      subset.positions.append(positions[i])
      subset.symbols.append(symbols[i])
      subset.rhythms.append(rhythms[i])
    }
    return subset
  }
}
