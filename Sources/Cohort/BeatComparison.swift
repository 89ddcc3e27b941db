import WFDB

/// Beats that were found beside those that are annotated, matched one to one as ANSI/AAMI EC57 has it and the WFDB program `bxb` does.
///
/// Two beats match if they are no further apart than the window and neither has a nearer partner next in line. Beats in episodes of
/// ventricular flutter and fibrillation are left out on both sides.
public struct BeatComparison: Sendable, Equatable {
  /// The match window of EC57, in seconds.
  public static let window = 0.15

  /// Annotated beats that were not found.
  public private(set) var missed: [Int] = []
  /// Beats found where none is annotated.
  public private(set) var extra: [Int] = []
  /// Samples by which each matched beat was found late (or, below 0, early), in order of time.
  public private(set) var offsets: [Int] = []

  /// - Parameters:
  ///   - found: samples of beats, ascending.
  ///   - annotated: samples of the annotated beats, ascending.
  ///   - episodes: what is left out, as `flutterEpisodes` gives it.
  ///   - samplingFrequency: of all these samples, in Hz.
  public init(
    found: [Int], annotated: [Int], leavingOut episodes: [ClosedRange<Int>] = [], samplingFrequency: Double
  ) {
    let window = Int((Self.window * samplingFrequency).rounded())
    func isCounted(_ sample: Int) -> Bool { !episodes.contains { $0.contains(sample) } }
    var found = found.filter(isCounted)[...]
    var annotated = annotated.filter(isCounted)[...]
    while let test = found.first, let reference = annotated.first {
      let distance = abs(test - reference)
      // Only the earlier of the two can have a nearer partner later on: the later one's.
      let rival =
        test < reference
        ? found.dropFirst().first.map { abs($0 - reference) }
        : annotated.dropFirst().first.map { abs($0 - test) }
      if distance <= window, distance <= rival ?? .max {
        offsets.append(test - reference)
        found.removeFirst()
        annotated.removeFirst()
      } else if test < reference {
        extra.append(found.removeFirst())
      } else {
        missed.append(annotated.removeFirst())
      }
    }
    extra += found
    missed += annotated
  }

  public var matched: Int { offsets.count }

  /// Of the annotated beats, the fraction found; nil without any.
  public var sensitivity: Double? { fraction(of: matched + missed.count) }

  /// Of the beats found, the fraction that is annotated; nil without any.
  public var positivePredictivity: Double? { fraction(of: matched + extra.count) }

  private func fraction(of all: Int) -> Double? { all > 0 ? Double(matched) / Double(all) : nil }

  /// Episodes of ventricular flutter and fibrillation, from each "[" to its "]" or to the end.
  public static func flutterEpisodes(in annotations: [Annotation]) -> [ClosedRange<Int>] {
    var episodes: [ClosedRange<Int>] = []
    var start: Int?
    for annotation in annotations {
      switch annotation.code {
      case .ventricularFlutterStart: start = start ?? annotation.sample
      case .ventricularFlutterEnd:
        if let begun = start { episodes.append(begun...max(begun, annotation.sample)) }
        start = nil
      default: break
      }
    }
    if let start { episodes.append(start...Int.max) }
    return episodes
  }
}
