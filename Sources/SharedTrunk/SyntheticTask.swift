import Cohort

/// Random windows and labels, for timing: they mean nothing.
public enum SyntheticTask {
  /// `count` windows of `length` normally distributed samples, labels 0 and 1 by coin, the same on whatever rank.
  public static func make(_ task: Int, count: Int, length: Int) -> TaskData {
    var stream = RandomStream(seed: streamKey(0, .synthetic, task))
    let windows = (0..<count * length).map { _ in Float(stream.normal()) }
    let labels = (0..<count).map { _ in Int32(stream.index(below: 2)) }
    let examples = Examples(
      windowLength: length, windows: windows, rr: [Float](repeating: 0, count: count * RRFeatures.count),
      labels: labels)
    let none = Examples(windowLength: length)
    return TaskData(name: "\(task)", training: examples, validation: none, test: none)
  }
}
