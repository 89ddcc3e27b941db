import ArgumentParser
import Cohort
import Files
import Foundation
import SharedTrunk
import WFDB

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find the beats of a record and judge them by a trained model.",
    discussion: """
      Writes RECORD.hwd (a WFDB annotation file), RECORD.csv (a line a beat) and RECORD.html (the record at a glance). A record of any length is \
      read in blocks: beats are found first (or taken from an annotation file), then judged.

      Example:
        heartwood predict --model runs/first/model --record mitdb/205 --output runs/predicted
      """)

  @Option(help: ArgumentHelp("A run's model folder.", valueName: "dir"), completion: .directory)
  var model: String
  @Option(help: ArgumentHelp("The record, without extension.", valueName: "path"), completion: .file())
  var record: String
  @Option(
    help: ArgumentHelp(
      "Take the beats' places from the record's annotation file of this extension, such as atr; their labels are not used (default: a detector finds the beats).",
      valueName: "name"))
  var annotator: String?
  @Option(name: .customLong("protocol"), help: "How the network answers (default: as the model says).")
  var answer: PredictionProtocol?
  @Option(
    help: "Lead to read (default: as the model was trained, by name or MLII, or the record's first ECG lead)."
  )
  var lead: String?
  @Option(
    help: ArgumentHelp("Beat symbol that marks abnormal beats in the annotation file.", valueName: "symbol"))
  var abnormalSymbol = "Q"
  @Option(
    help: ArgumentHelp(
      "Folder to write to; an earlier prediction of the record is replaced.", valueName: "dir"),
    completion: .directory)
  var output: String

  func validate() throws {
    guard let code = AnnotationCode(symbol: abnormalSymbol), AAMIClass(symbol: abnormalSymbol) != nil,
      code != .normal
    else {
      throw ValidationError(
        "--abnormal-symbol \(abnormalSymbol): a WFDB beat symbol other than N, such as Q or V")
    }
    if let annotator { try checkAnnotator(annotator) }
  }

  func run() throws { Session.run { session in try predict(session) } }

  /// Windows that are judged at once.
  private static let batch = 1024

  private func predict(_ session: Session) throws {
    let name = RecordFiles(record).name
    let judge = try ModelInUse(model, answer: answer, records: [name], session)
    try session.together { if session.leads { try OutputFolder.make(output) } }
    var progress = WorkProgress(speaks: session.leads)
    // The first rank reads the record.
    let survey = try session.together(isLong: true) {
      session.leads ? try self.survey(judge.description, &progress) : nil
    }
    let acquaintance = try acquaintance(judge, survey, name, session)
    var windows = try session.together(isLong: true) { try survey?.windows() }
    var prediction = survey.map { Prediction($0, judge.description) }
    while true {
      let batch = try session.together { try windows?.next(Self.batch) }
      let target = try RunData.share(name, batch?.examples, session.communicator)
      guard target.examples.count > 0 else { break }
      let probabilities = try judge.probabilities(target, knowing: acquaintance, session)
      if let batch { prediction?.take(probabilities, of: batch.beats) }
      guard let windows else { continue }
      progress.show(
        done: Double(prediction!.frames + windows.frame), of: Double(2 * prediction!.frames), "judging beats")
    }
    try session.together {
      if let prediction { try publish(prediction, judge, &progress) }
    }
  }

  /// Beats of the record, evenly spread, that a network gets to know the patient by.
  private static let reference = 4096

  /// What the network wants to know of the patient before it judges a beat.
  private func acquaintance(
    _ judge: ModelInUse, _ survey: SurveyedRecording?, _ name: String, _ session: Session
  ) throws -> Acquaintance? {
    guard judge.network.shape.readsOwnStatistics else { return nil }
    let beats = try session.together(isLong: true) {
      try survey.map { survey in
        var windows = try survey.windows(
          only: Recording.evenlySpread(Self.reference, of: survey.beats.count))
        return try windows.next(Self.reference)?.examples
          ?? Examples(windowLength: judge.description.input.length)
      }
    }
    let target = try RunData.share(name, beats, session.communicator)
    // Without a whole window there is nothing to judge either.
    return target.examples.count > 0
      ? judge.network.acquaintance(with: target.examples, judge.answer) : nil
  }

  private func survey(_ description: ModelDescription, _ progress: inout WorkProgress) throws
    -> SurveyedRecording
  {
    let recording = try Recording(
      record: record, lead: lead ?? description.input.lead, window: description.window)
    let annotated = try annotator.map(recording.annotatedBeats)
    let all = Double(2 * recording.sampleCount)
    let survey = try recording.survey(detecting: annotated == nil) {
      progress.show(done: Double($0), of: all, annotated == nil ? "finding beats" : "reading the record")
    }
    let beats = annotated ?? survey.beats
    guard !beats.isEmpty else {
      throw Failure(.data, "record \(recording.name): no beat was found in lead \(recording.lead)")
    }
    return SurveyedRecording(recording: recording, beats: beats, survey: survey)
  }

  private func publish(_ prediction: Prediction, _ judge: ModelInUse, _ progress: inout WorkProgress) throws {
    guard prediction.judged > 0 else {
      throw Failure(
        .data,
        "record \(prediction.recording.name): none of its beats (\(prediction.beats.count)) has a whole window inside the record"
      )
    }
    let origin = annotator.map { "annotation file \(prediction.recording.name).\($0)" } ?? "the detector"
    let page = try PredictionPage(
      prediction, origin: origin, protocol: judge.network.answerName(judge.answer)
    ).html
    let base = "\(output)/\(prediction.recording.name)"
    let annotations = try PredictionFiles.annotations(
      prediction, abnormal: AnnotationCode(symbol: abnormalSymbol)!)
    let files = [
      ("hwd", Data(try annotations.encoded(path: "\(base).hwd"))), ("csv", PredictionFiles.csv(prediction)),
      ("html", Data(page.utf8)),
    ]
    for (kind, data) in files { try AtomicFile.write(data, to: "\(base).\(kind)") }
    progress.end("judging \(prediction.judged) beats")
    say("\n\(prediction.table(origin: origin).text)\n\nWritten: \(base).hwd, .csv, .html")
  }
}

/// A recording whose beats are known.
struct SurveyedRecording {
  let recording: Recording
  let beats: [Int]
  let survey: Recording.Survey

  /// Of all beats, or of those whose numbers are given.
  func windows(only numbers: [Int]? = nil) throws -> BeatWindows {
    try recording.windows(of: beats, only: numbers, survey)
  }
}
