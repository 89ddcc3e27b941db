import Foundation
import Report
import WFDB

/// A prediction as other programs read it.
enum PredictionFiles {
  /// Beats that could not be judged, by WFDB's own word for them.
  private static let unjudged = "not judged"

  /// A beat annotation at every beat: N, or `abnormal` with the text "abnormal", or Q with "not judged". Where classes are rhythms, beats
  /// are N and every change has its "+" annotation ahead of the first beat of the new rhythm, "(N" where it is none of those looked for.
  static func annotations(_ prediction: Prediction, abnormal: AnnotationCode) throws -> AnnotationFile {
    var annotations: [Annotation] = []
    annotations.reserveCapacity(prediction.beats.count)
    var (rhythm, last) = ("", 0)
    for (beat, sample) in prediction.beats.enumerated() {
      let verdict = prediction.verdict(beat)
      if prediction.tellsRhythms, let verdict {
        let name = verdict == prediction.ordinary ? "(N" : "(" + prediction.classes[verdict]
        if name != rhythm {
          // At most 0.1 s ahead, and after the beat before.
          let place = max(sample - Int(0.1 * prediction.recording.samplingFrequency), (last + sample) / 2)
          annotations.append(Annotation(sample: place, code: .rhythmChange, auxiliary: name))
          rhythm = name
        }
      }
      switch verdict {
      case nil: annotations.append(Annotation(sample: sample, code: .unclassifiable, auxiliary: unjudged))
      case let verdict? where prediction.tellsRhythms || verdict == prediction.ordinary:
        annotations.append(Annotation(sample: sample, code: .normal))
      case let verdict?:
        annotations.append(Annotation(sample: sample, code: abnormal, auxiliary: prediction.classes[verdict]))
      }
      last = sample
    }
    return AnnotationFile(annotations)
  }

  /// A line a beat: sample, seconds, class, the probability of each class, seconds since the beat before. What is not known is empty.
  static func csv(_ prediction: Prediction) -> Data {
    let names = (prediction.classes + [unjudged]).map { Table.csvLine([$0]).dropLast() }
    var text = Data(
      Table.csvLine(["sample", "seconds", "class"] + prediction.classes.map { "p(\($0))" } + ["rr"]).utf8)
    for (beat, sample) in prediction.beats.enumerated() {
      let verdict = prediction.verdict(beat)
      var line =
        "\(sample),\(fixed(prediction.seconds(beat), 4)),\(names[verdict ?? prediction.classes.count])"
      for column in prediction.classes.indices {
        line += ","
        if verdict != nil { line += fixed(Double(prediction.probability(column, of: beat)), 6) }
      }
      line += ","
      if let interval = prediction.interval(beat) { line += fixed(interval, 4) }
      text.append(contentsOf: line.utf8)
      text.append(contentsOf: "\r\n".utf8)
    }
    return text
  }

  /// A number of at least 0 with a fixed number of decimals, many times faster than a format.
  private static func fixed(_ value: Double, _ count: Int) -> String {
    let scale = (0..<count).reduce(1) { product, _ in product * 10 }
    let (whole, rest) = Int((value * Double(scale)).rounded()).quotientAndRemainder(dividingBy: scale)
    let digits = "\(rest)"
    return "\(whole)." + String(repeating: "0", count: count - digits.count) + digits
  }
}
