/// An error that is thrown on every rank alike: all can end in good order, and one speaks for all.
public protocol AgreedError: Error, CustomStringConvertible {}

/// Training was asked to stop, by a signal.
public struct Stopped: AgreedError {
  /// Steps done.
  public let step: Int
  /// The network's name among those of the run; empty where nothing is saved.
  public let network: String
  /// Whether a checkpoint of this step is on disk.
  public let isSaved: Bool
  public var description: String {
    isSaved ? "stopped at step \(step) of \(network), which is saved" : "stopped at step \(step)"
  }
}

/// A checkpoint could not be written: on which rank, and why.
public struct CheckpointWriteError: AgreedError {
  /// The first rank that failed.
  public let rank: Int
  /// The system's words, or what is wrong with the numbers.
  public let reason: String
  /// Of the numbers to be written, not of the disk.
  public let isNumeric: Bool
  public var description: String { "rank \(rank): checkpoint: \(reason)" }
}

/// A checkpoint, or a finished run, is not of the run that is to go on with it.
public struct CheckpointMismatch: AgreedError {
  /// Of the data, not of the network or its tasks.
  public let isOfData: Bool
  /// What differs, and how to go on.
  public let description: String
}

/// What all ranks should hold alike is not alike.
public struct DriftError: AgreedError {
  /// Those that differ from most; empty where no majority agrees.
  public let ranks: [Int]
  /// The step, counted from 1, after which it was seen.
  public let step: Int
  public var description: String {
    let which =
      ranks.isEmpty
      ? "the ranks differ, each from each"
      : "rank\(ranks.count == 1 ? "" : "s") \(ranks.map { "\($0)" }.joined(separator: ", ")) "
        + (ranks.count == 1 ? "differs" : "differ") + " from the others"
    return "the shared weights have drifted apart by step \(step): \(which); "
      + "look at these hosts' memory and CPUs, and go on with --resume from before"
  }
}
