import Cohort
import SharedTrunk

/// A new patient's beats: what may be trained on, and what follows.
struct NewcomerBeats {
  /// Beats whose whole window lies in the first seconds, cut as if no annotation came after.
  let own: Examples
  /// Beats whose whole window lies after.
  let rest: Examples

  /// Throws `Failure` where nothing is to be trained on or judged, and what reading throws.
  init(
    _ record: String, in folder: String, seconds: Double, window: WindowShape, labelling: Labelling,
    lead: String?
  ) throws {
    let path = "\(folder)/\(record)"
    let whole = try Patient.load(record: path, window: window, lead: lead, labelling: labelling)
    let length = Double(whole.sampleCount) / whole.samplingFrequency
    guard seconds < length else {
      throw Failure(
        .usage, "--seconds \(decimals(seconds, 1)): record \(record) has only \(decimals(length, 1)) s")
    }
    own = try Self.beats(before: seconds, path, window, labelling, lead)
    rest = whole.examples(fromSecond: seconds)
    guard own.count > 0 else {
      throw Failure(
        .data,
        "record \(record) has no labelled beat whose window lies in its first \(decimals(seconds, 1)) s (--seconds)"
      )
    }
    guard rest.count > 0 else {
      throw Failure(
        .data, "record \(record) has no beat to judge after \(decimals(seconds, 1)) s (--seconds)")
    }
  }

  /// Nothing annotated later is looked at, not even by a beat's RR features.
  private static func beats(
    before seconds: Double, _ path: String, _ window: WindowShape, _ labelling: Labelling, _ lead: String?
  ) throws -> Examples {
    do {
      return try Patient.load(
        record: path, window: window, lead: lead, labelling: labelling, annotatedTo: seconds
      ).examples(fromSecond: 0, to: seconds)
    } catch let error as CohortError where error.isForWantOfBeats {
      return Examples(windowLength: window.length)
    }
  }
}
