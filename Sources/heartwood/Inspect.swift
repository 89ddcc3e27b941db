import ArgumentParser
import Foundation
import Report
import SharedTrunk
import WFDB

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what is in a record, a model or a run.",
    discussion: """
      Example:
        heartwood inspect mitdb/106 --json
        heartwood inspect runs/first
      """)

  @Argument(help: "A record (without extension), a model folder or a run folder.", completion: .file())
  var path: String

  @Option(help: "Extension of the record's annotation file.")
  var annotator: String?

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    guard Launcher.isFirstRank else { return }
    do {
      let manager = FileManager.default
      let isRun = manager.fileExists(atPath: "\(path)/summary.json")
      let isModel = manager.fileExists(atPath: "\(path)/\(ModelFolder.descriptionFile)")
      if (isRun || isModel) && annotator != nil {
        throw Failure(.usage, "--annotator goes with a record")
      }
      if isRun {
        try showRun()
      } else if isModel {
        try showModel(path)
      } else {
        try showRecord()
      }
    } catch {
      throw Failure(error)
    }
  }

  private func showRecord() throws {
    let summary = try RecordSummary(recordAt: path, annotator: annotator)
    if json { return try show(try JSONEncoder.readable.encode(summary)) }
    try show(summary.text)
  }

  private func showModel(_ folder: String) throws {
    let description = try ModelFolder.description(in: folder)
    if json { return try show(try JSONEncoder.readable.encode(description)) }
    try show(
      "model: \(description.learning.rawValue), \(description.fusion.rawValue), \(description.shape.branch.kind.rawValue) branches; "
        + "\(description.problem), \(description.scenario); classes \(description.classes.joined(separator: ", "))"
    )
    var table = Table(["file", "tensor", "shape"])
    for file in description.files {
      for (name, tensor) in try ModelFolder.tensors(file, in: folder).tensors.sorted(by: { $0.key < $1.key })
      {
        table.add([file, name, tensor.shape.map(String.init).joined(separator: " x ")])
      }
    }
    try show(table.text)
  }

  private func showRun() throws {
    let file = "\(path)/summary.json"
    guard let data = FileManager.default.contents(atPath: file) else {
      throw Failure(.inputOutput, "cannot read \(file)")
    }
    if json { return try show(data) }
    if let adaptation = try? JSONDecoder().decode(AdaptationSummary.self, from: data) {
      return try show(adaptation.text)
    }
    guard let summary = try? JSONDecoder().decode(Summary.self, from: data) else {
      throw Failure(.data, "\(file) is not a summary of this version of heartwood")
    }
    try show(
      "run: \(summary.problem), \(summary.scenario), \(summary.branch), \(summary.learning); data \(summary.source), seed \(summary.seed), "
        + "\(summary.ranks) ranks; loss \(decimals(summary.loss.first, 4)) to \(decimals(summary.loss.last, 4)) in \(summary.steps) steps"
    )
    var table = Table(["record", "part", "accuracy", "balanced acc.", "macro-F1", "AUC", "beats"])
    for result in summary.perTask {
      table.add([
        result.name, result.part, result.metrics.accuracy.map { decimals($0, 3) } ?? "-",
        FigureTables.rate(result.metrics.balancedAccuracy),
        decimals(result.metrics.macroF1, 3), result.metrics.auc.map { decimals($0, 3) } ?? "-",
        "\(result.metrics.examples)",
      ])
    }
    try show(table.text)
  }

  /// Text for a person: what it has from files cannot move the cursor or colour.
  private func show(_ text: String) throws { try put(printableLines(text)) }

  /// JSON, which may write every character of a text as `\u001b`.
  private func show(_ json: Data) throws {
    var text = ""
    for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
      if isControl(scalar) && !"\t\n\r".unicodeScalars.contains(scalar) {
        text += String(format: "\\u%04x", scalar.value)
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    try put(text)
  }

  /// Prints; a full or closed output is an error here, since the output is all that this command makes.
  private func put(_ text: String) throws {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data("\(text)\n".utf8))
    } catch {
      throw Failure(.inputOutput, "cannot write to standard output: \(String(cString: strerror(errno)))")
    }
  }
}
