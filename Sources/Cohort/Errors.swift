import WFDB

/// Why a signal cannot be filtered or resampled.
public enum SignalError: Error, Equatable, CustomStringConvertible {
  case bandPassDoesNotFit(low: Double, high: Double, samplingFrequency: Double)
  case unusableSamplingFrequency(Double)
  case tooShort(samples: Int, needed: Int)
  case noValidSample
  case constant

  public var description: String {
    switch self {
    case .bandPassDoesNotFit(let low, let high, let rate):
      "sampled at \(rate) Hz, but a band-pass from \(low) to \(high) Hz needs more than \(2 * high) Hz"
    case .unusableSamplingFrequency(let rate):
      "a sampling frequency of \(rate) Hz cannot be resampled; it must be above 0, at most 100000 Hz, and no odd fraction"
    case .tooShort(let samples, let needed):
      "it has \(samples) samples, fewer than the \(needed) that filtering needs"
    case .noValidSample: "none of its samples is valid"
    case .constant: "all its samples are equal, so there is nothing to learn from"
    }
  }
}

/// Why a record cannot be used.
public enum CohortError: Error, Equatable, CustomStringConvertible {
  case signal(record: String, lead: String, SignalError)
  case noSuchLead(record: String, lead: String, available: [String])
  case noElectrocardiogram(record: String, available: [String])
  case sameNames(record: String, lead: String)
  case noAnnotationFile(record: String, path: String)
  case noBeats(record: String, annotations: Int)
  case noUsableBeats(record: String, beats: Int)
  case cannotSimulate(String)
  case cannotWrite(path: String, reason: String)

  public var description: String {
    switch self {
    case .signal(let record, let lead, let error):
      "record \(record), lead \(lead): \(error)"
    case .noSuchLead(let record, let lead, let available):
      "record \(record) has no lead \(lead); it has \(available.joined(separator: ", "))"
    case .noElectrocardiogram(let record, let available):
      "record \(record) has no signal that looks like an ECG lead (it has "
        + "\(available.isEmpty ? "none at all" : available.joined(separator: ", "))); name the lead to use"
    case .sameNames(let record, let lead):
      "record \(record): its ECG lead has the same name as a signal before it, '\(lead)'; give each a name of its own in the header"
    case .noAnnotationFile(let record, let path):
      "record \(record) has no annotation file: \(path) does not exist"
    case .noBeats(let record, let annotations):
      "record \(record) has no annotated beat (\(annotations) annotations, none of a beat)"
    case .noUsableBeats(let record, let beats):
      "record \(record) has \(beats) beats, but none with a label and a whole window inside the record"
    case .cannotSimulate(let reason): "cannot simulate: \(reason)"
    case .cannotWrite(let path, let reason): "cannot write \(path): \(reason)"
    }
  }
}
