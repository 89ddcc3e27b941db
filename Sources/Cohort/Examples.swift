/// Labelled heartbeats of one patient, ready for a network: example i is row i of every array.
public struct Examples: Sendable, Equatable {
  /// Samples in a window.
  public let windowLength: Int
  /// The windows one after the other: count x `windowLength`.
  public internal(set) var windows: [Float] = []
  /// RR features: count x `RRFeatures.count`.
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
