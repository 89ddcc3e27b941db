import ArgumentParser
import Cohort
import Files
import Foundation
import Report
import SharedTrunk

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a trained model, or a record's beats as it reads them, for other programs.",
    discussion: """
      onnx: the network under one protocol as one graph, for ONNX Runtime and others: inputs `beats` (N x samples) and, where the model reads \
      them, `rr`, `median_beat`, `patient_rr` and `anchor`; output `probabilities` (N x classes). metadata_props tell of classes, window and \
      preprocessing.
      safetensors: all weights in PyTorch's names and layouts; Cluster/peer/exported_model.py is the module that loads them.
      csv: a record's annotated beats with every number of these inputs and the model's probabilities, a line a beat.

      Example:
        heartwood export --model runs/first/model --format onnx --output first.onnx
        heartwood export --model runs/first/model --format csv --record mitdb/205 --output 205.csv

      The record's beats through the graph, in Python:
        import csv, numpy, onnxruntime
        rows = list(csv.DictReader(open("205.csv")))
        graph = onnxruntime.InferenceSession("first.onnx")
        inputs = {i.name: numpy.float32(
            [[row[f"{i.name}[{k}]"] for k in range(i.shape[1])] for row in rows])
            for i in graph.get_inputs()}
        print(graph.run(None, inputs)[0])
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument { case onnx, safetensors, csv }

  @Option(help: ArgumentHelp("A run's model folder.", valueName: "dir"))
  var model: String
  @Option(help: "What to write.")
  var format: Format
  @Option(name: .customLong("protocol"), help: "How the network answers (default: as the model says).")
  var answer: PredictionProtocol?
  @Option(
    help: ArgumentHelp(
      "With protocol own: whose head answers (csv: default the record's).", valueName: "name"))
  var task: String?
  @Option(help: ArgumentHelp("csv: the record, without extension.", valueName: "path"))
  var record: String?
  @Option(help: ArgumentHelp("csv: extension of the annotation file (default: atr).", valueName: "extension"))
  var annotator: String?
  @Option(
    help:
      "csv: lead to read (default: as the model was trained, by name or MLII, or the record's first ECG lead)."
  )
  var lead: String?
  @Option(help: ArgumentHelp("File to write; an earlier one is replaced.", valueName: "file"))
  var output: String

  func validate() throws {
    guard !output.isEmpty else { throw ValidationError("--output is empty: it names the file to write") }
    if format == .csv && record == nil {
      throw ValidationError(
        "--format csv writes a record's beats: name it by --record (weights: --format safetensors)")
    }
    if format != .csv,
      let given = [("record", record), ("annotator", annotator), ("lead", lead)].first(where: { $0.1 != nil })
    {
      throw ValidationError("--\(given.0) is for --format csv")
    }
    if let annotator { try checkAnnotator(annotator) }
  }

  func run() throws { Session.run { session in try export(session) } }

  private func export(_ session: Session) throws {
    guard session.ranks == 1 else {
      try session.end(.usage, "export writes one file on one rank: leave -n away, or -n 1")
    }
    let task = try session.together {
      try requireOutput()
      return try taskThatAnswers(try ModelFolder.descriptionOfWhole(in: model))
    }
    let judge = try ModelInUse(model, answer: answer, records: task.map { [$0] } ?? [], session)
    let inputs = try session.together { try NetworkInputs(judge.description, judge.answer) }
    let patient = try session.together { try record.map { try self.patient($0, judge.description) } }
    let beats = try patient.map { name, examples in
      BeatTable(
        inputs: inputs, examples: examples,
        standpoint: judge.network.acquaintance(with: examples, judge.answer).standpoint,
        classes: judge.description.classes,
        probabilities: try judge.network.answer(examples, of: task ?? name, judge.answer, session))
    }
    try session.together {
      try AtomicFile.write(try beats?.csv() ?? weights(judge, inputs, task), to: output)
    }
    show(judge, inputs, task, beats)
  }

  /// Before anything is computed: that the file can be made.
  private func requireOutput() throws {
    try AtomicFile.requireFolder(of: output)
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: output, isDirectory: &isFolder), isFolder.boolValue {
      throw Failure(.cannotCreate, "--output \(output) is a folder; name a file in it")
    }
  }

  /// By whose head the network answers, if it is one task's.
  private func taskThatAnswers(_ description: ModelDescription) throws -> String? {
    let answer = description.isSingleNetwork ? .mean : answer ?? description.protocol
    guard answer != .gated else {
      throw Failure(
        .usage, "--protocol gated looks at a beat from two sides; export typical, all or trimmed")
    }
    guard answer == .own else {
      if let task {
        throw Failure(.usage, "--task \(task) is for --protocol own; the model answers by \(answer.rawValue)")
      }
      return nil
    }
    guard let name = task ?? record.map({ RecordFiles($0).name }) else {
      throw Failure(
        .usage,
        "--protocol own is for a known patient: give --task, one of \(description.tasks.joined(separator: ", ")), "
          + "or another --protocol")
    }
    return name
  }

  /// A record's annotated beats of the model's classes, as `evaluate` reads them.
  private func patient(_ record: String, _ description: ModelDescription) throws -> (
    name: String, examples: Examples
  ) {
    let patient = try Patient.load(
      record: record, window: description.window, lead: lead ?? description.input.lead,
      labelling: description.labelling, annotator: annotator ?? "atr")
    let examples = description.numbered(patient.examples)
    guard examples.count > 0 else {
      throw Failure(
        .data,
        "record \(patient.name) has no beat of the model's classes (\(description.classes.joined(separator: ", ")))"
      )
    }
    return (patient.name, examples)
  }

  private func weights(_ judge: ModelInUse, _ inputs: NetworkInputs, _ task: String?) throws -> Data {
    let (description, network) = (judge.description, judge.network.portable)
    let task = task.flatMap(description.tasks.firstIndex)
    guard format == .onnx else {
      return try ExportedTensors(description, network, judge.answer, task: task).encoded()
    }
    let numbers = network.tensors.values.reduce(0) { $0 + $1.values.count }
    guard numbers < 1 << 28 else {
      throw Failure(
        .usage,
        "--format onnx: \(numbers) weights are more than an ONNX file holds; take --format safetensors")
    }
    return try PredictionGraph(description, network, inputs, judge.answer, task: task).encoded()
  }

  private func show(_ judge: ModelInUse, _ inputs: NetworkInputs, _ task: String?, _ beats: BeatTable?) {
    var table = Table(["figure", "value"])
    table.add(["network", judge.description.system.name])
    table.add(["answers by", judge.network.answerName(judge.answer) + (task.map { ", task \($0)" } ?? "")])
    table.add(["inputs", inputs.all.map { "\($0.name) N x \($0.columns)" }.joined(separator: ", ")])
    table.add(["probabilities", judge.description.classes.joined(separator: ", ")])
    table.add(
      beats.map { ["beats", "\($0.examples.count)"] } ?? ["weights", "\(judge.network.parameterCount)"])
    say("\(table.text)\n\nWritten: \(output)")
  }
}
