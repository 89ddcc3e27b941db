import Cohort
import Report
import SharedTrunk

/// What a model says of a recording's beats.
struct Prediction {
  let recording: Recording
  /// In frames, ascending.
  let beats: [Int]
  let classes: [String]
  /// Whether the classes are rhythms, not kinds of beats.
  let tellsRhythms: Bool
  /// The class that needs no attention; nil where all do.
  let ordinary: Int?
  /// Beats that have been judged; those at the record's ends or in gaps cannot be.
  private(set) var judged = 0
  /// Beats x classes, NaN where not judged.
  private var probabilities: [Float]
  /// Each beat's likeliest class; nil where not judged.
  private var verdicts: [Int?]

  init(_ surveyed: SurveyedRecording, _ description: ModelDescription) {
    recording = surveyed.recording
    beats = surveyed.beats
    classes = description.classes
    switch description.labelling {
    case .strict, .aami: (tellsRhythms, ordinary) = (false, 0)
    case .rhythm: (tellsRhythms, ordinary) = (true, 0)
    case .rhythms: (tellsRhythms, ordinary) = (true, nil)
    }
    probabilities = [Float](repeating: .nan, count: beats.count * classes.count)
    verdicts = [Int?](repeating: nil, count: beats.count)
  }

  var frames: Int { recording.sampleCount }

  /// Probabilities (count x classes) of beats by their numbers.
  mutating func take(_ answers: [Float], of numbers: [Int]) {
    judged += numbers.count
    let told = Metrics.verdicts(answers, classes: classes.count)
    for (row, number) in numbers.enumerated() {
      verdicts[number] = told[row]
      for column in classes.indices {
        probabilities[number * classes.count + column] = answers[row * classes.count + column]
      }
    }
  }

  func probability(_ column: Int, of beat: Int) -> Float { probabilities[beat * classes.count + column] }

  /// The likeliest class; nil if the beat was not judged.
  func verdict(_ beat: Int) -> Int? { verdicts[beat] }

  /// Beats by verdict, those not judged last.
  var counts: [Int] {
    var counts = [Int](repeating: 0, count: classes.count + 1)
    for beat in beats.indices { counts[verdict(beat) ?? classes.count] += 1 }
    return counts
  }

  func seconds(_ beat: Int) -> Double { Double(beats[beat]) / recording.samplingFrequency }

  /// Seconds since the beat before; nil of the first.
  func interval(_ beat: Int) -> Double? {
    beat > 0 ? Double(beats[beat] - beats[beat - 1]) / recording.samplingFrequency : nil
  }

  /// Beats a minute from the first to the last; nil of one alone.
  var meanRate: Double? {
    let seconds = self.seconds(beats.count - 1) - self.seconds(0)
    return seconds > 0 ? Double(beats.count - 1) / seconds * 60 : nil
  }

  /// What a person wants to know first. `origin`: where the beats come from.
  func table(origin: String) -> Table {
    var table = Table(["figure", "value"])
    table.add(["record", "\(recording.name), lead \(recording.lead)"])
    table.add(["length", Self.duration(Double(frames) / recording.samplingFrequency)])
    table.add(["beats, by \(origin)", "\(beats.count)"])
    for (name, count) in zip(classes, counts) {
      table.add([
        "judged \(name)", "\(count) (\(decimals(100 * Double(count) / Double(max(judged, 1)), 2)) %)",
      ])
    }
    if judged < beats.count { table.add(["not judged: at the ends or in gaps", "\(beats.count - judged)"]) }
    if let meanRate { table.add(["mean rate", "\(decimals(meanRate, 1)) beats/min"]) }
    return table
  }

  private static func duration(_ seconds: Double) -> String {
    seconds < 7200 ? "\(decimals(seconds / 60, 1)) min" : "\(decimals(seconds / 3600, 2)) h"
  }
}
