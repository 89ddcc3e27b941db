import Cohort
import Foundation
import MPI
import ONNX
import SharedTrunk
import SwiftProtobuf
import XCTest
import heartwood

/// `heartwood export`: other programs get Heartwood's answers of what it writes.
final class ExportTests: CommandTestCase {
  /// A network of random data and how it is asked.
  private struct Case {
    var name: String
    var form: Network.Form
    var learning = Learning.mtl
    var fusion = Fusion.concat
    var baseline: Baseline?
    var kind = BranchShape.Kind.cnn
    var answer = PredictionProtocol.mean
    var heads = Heads.vote
    var slotDropout = false
    var ownStatistics = false
    /// Training examples of class 1 of each task: below ten its head has no vote.
    var abnormal = [20, 5, 20]
  }

  private static let cases = [
    Case(name: "broadcast", form: .concat, kind: .lstm, answer: .broadcast),
    Case(name: "mean", form: .concat, kind: .rnn),
    Case(name: "no-votes", form: .concat, abnormal: [5, 5, 5]),
    Case(name: "slot", form: .concat, answer: .slot, slotDropout: true),
    Case(name: "own", form: .concat, kind: .lstm, answer: .own),
    Case(name: "own-slot", form: .concat, answer: .own, slotDropout: true),
    Case(name: "statistics", form: .concat, kind: .lstm, ownStatistics: true),
    Case(name: "likeliest", form: .concat, answer: .broadcast, heads: .oneVersusRest),
    Case(name: "hard", form: .hard, fusion: .hard, kind: .rnn),
    Case(name: "hard-own", form: .hard, fusion: .hard, answer: .own),
    Case(name: "pooled", form: .pooled(.pooled), learning: .stl, baseline: .pooled, kind: .lstm),
    Case(
      name: "pooled-statistics", form: .pooled(.pooled), learning: .stl, baseline: .pooled,
      ownStatistics: true),
    Case(name: "alone", form: .alone, learning: .stl, baseline: .alone, kind: .rnn),
    Case(
      name: "anchored", form: .anchored, fusion: .anchored, kind: .lstm, answer: .typical, ownStatistics: true
    ),
    Case(name: "anchored-all", form: .anchored, fusion: .anchored, answer: .all, ownStatistics: true),
  ]

  private func examples(_ count: Int, abnormal: Int, seed: Int) -> Examples {
    var stream = RandomStream(seed: UInt64(seed))
    return Examples(
      windowLength: 20, windows: (0..<20 * count).map { _ in Float(stream.normal()) },
      rr: (0..<RRFeatures.count * count).map { _ in 0.3 * Float(stream.normal()) },
      labels: (0..<count).map { $0 < abnormal ? 1 : 0 })
  }

  /// Trains a few steps and writes the three files.
  private func write(_ asked: Case, at path: String) throws {
    let none = Examples(windowLength: 20)
    let names = ["NOR", "VT", "AFIB"]
    let tasks = TaskSet(
      names: names, ownership: Ownership(tasks: 3, ranks: 1, rank: 0),
      own: names.enumerated().map { index, name in
        TaskData(
          name: name, training: examples(40, abnormal: asked.abnormal[index], seed: index), validation: none,
          test: none)
      }, heads: asked.heads)
    var shape = NetworkShape(
      branch: BranchShape(
        kind: asked.kind, length: 20, channels: 3, kernel: 5, pool: 3, frame: 5, hidden: 6),
      extraFeatures: RRFeatures.count, trunk: [8, 6])
    if asked.ownStatistics { shape = shape.besideOwnStatistics }
    var options = TrainingOptions()
    (options.batch, options.steps, options.slotDropout) = (6, 4, asked.slotDropout)
    let classes = asked.heads == .vote ? ["normal", "abnormal"] : names
    let description = ModelDescription(
      problem: "detection", scenario: "inconsistent", learning: asked.learning, fusion: asked.fusion,
      baseline: asked.baseline, heads: asked.heads, shape: shape, classes: classes, records: names,
      tasks: names,
      protocol: asked.answer,
      input: InputDescription(WindowShape(length: 20, rate: 128, before: 0.05), .strict, lead: nil),
      options: options)
    let network = try Network(asked.form, shape, tasks, options, Communicator.world)
    _ = try network.train { _ in }

    let beats = examples(30, abnormal: 0, seed: 9)
    let acquaintance = network.acquaintance(with: beats, asked.answer)
    let probabilities =
      asked.answer == .own
      ? network.predictOwn(1, beats) : try network.predict(beats, asked.answer, acquaintance)
    let task = asked.answer == .own ? 1 : nil
    let inputs = try NetworkInputs(description, asked.answer)
    let table = BeatTable(
      inputs: inputs, examples: beats, standpoint: acquaintance.standpoint, classes: classes,
      probabilities: probabilities)
    let portable = network.portable
    for (kind, data) in [
      ("onnx", try PredictionGraph(description, portable, inputs, asked.answer, task: task).encoded()),
      ("safetensors", try ExportedTensors(description, portable, asked.answer, task: task).encoded()),
      ("csv", table.csv()),
    ] { try data.write(to: URL(fileURLWithPath: "\(path).\(kind)")) }
  }

  /// Every form, branch, protocol and input: ONNX Runtime and PyTorch answer as Heartwood does.
  func testEveryFormAnswersAlike() throws {
    if !Environment.isInitialized { _ = try Environment.initialize() }
    for asked in Self.cases {
      let path = "\(folder)/\(asked.name)"
      try write(asked, at: path)
      try check(
        try Onnx_ModelProto(serializedBytes: try Data(contentsOf: URL(fileURLWithPath: "\(path).onnx"))))
    }
    try compare(Self.cases.map(\.name), ["onnx", "safetensors"])
  }

  /// The command, from training on.
  func testCommand() throws {
    let database = try simulate(3, minutes: 2).folder
    let run = try train(
      1, "run",
      [
        "--data", database, "--records", "sim001,sim002", "--targets", "sim003", "--steps", "20", "--batch",
        "8",
      ])
    for format in ["onnx", "safetensors", "csv"] {
      let record = format == "csv" ? ["--record", "\(database)/sim003"] : []
      try start(
        1,
        ["export", "--model", "\(run)/model", "--format", format, "--output", "\(folder)/out.\(format)"]
          + record
      ) { outcome in
        XCTAssertEqual(outcome.code, 0, outcome.errors)
        XCTAssertEqual(outcome.errors, "")
      }
    }
    let judged = try XCTUnwrap(json("\(run)/summary.json")["test"] as? [String: Any])
    settle()
    // As many beats as the run judged, and as many of them right.
    let lines = try String(contentsOfFile: "\(folder)/out.csv", encoding: .utf8).split(separator: "\r\n")
      .map { $0.split(separator: ",") }
    XCTAssertEqual(lines[0].prefix(4), ["sample", "symbol", "label", "beats[0]"])
    XCTAssertEqual(lines[0].suffix(2), ["p(normal)", "p(abnormal)"])
    XCTAssertEqual(lines.count - 1, judged["examples"] as? Int)
    let confusion = try XCTUnwrap(judged["confusion"] as? [[Int]])
    let right = lines.dropFirst().count { line in
      line[2] == (Float(line[line.count - 1])! > Float(line[line.count - 2])! ? "abnormal" : "normal")
    }
    XCTAssertEqual(right, confusion[0][0] + confusion[1][1])
    let model = try Onnx_ModelProto(
      serializedBytes: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/out.onnx")))
    try check(model)
    let metadata = Dictionary(uniqueKeysWithValues: model.metadataProps.map { ($0.key, $0.value) })
    XCTAssertEqual(metadata["classes"], "normal,abnormal")
    XCTAssertEqual(metadata["protocol"], "mean")
    XCTAssertEqual(model.graph.input.map { $0.type.tensorType.shape.dim[1].dimValue }, [128])
    try compare(["out"], ["onnx"])  // without PyTorch, which takes seconds to import
  }

  /// A whole graph: every value is made before it is read, once, and every tensor holds the numbers of its shape.
  private func check(_ model: Onnx_ModelProto) throws {
    XCTAssertEqual(model.opsetImport.map(\.version), [13])
    var made = Set(model.graph.input.map(\.name))
    for tensor in model.graph.initializer {
      let count = tensor.dims.reduce(1, *)
      let size = tensor.dataType == Int32(Onnx_TensorProto.DataType.float.rawValue) ? 4 : 8
      XCTAssertEqual(tensor.rawData.count, Int(count) * size, tensor.name)
      XCTAssertTrue(made.insert(tensor.name).inserted, tensor.name)
    }
    for node in model.graph.node {
      for input in node.input { XCTAssertTrue(made.contains(input), "\(node.name) reads \(input)") }
      for output in node.output where !output.isEmpty { XCTAssertTrue(made.insert(output).inserted, output) }
    }
    XCTAssertEqual(model.graph.output.map(\.name), ["probabilities"])
    XCTAssertTrue(made.contains("probabilities"))
  }

  /// `Cluster/peer/compare_export.py` on NAME.FORMAT and NAME.csv of this test's folder.
  private func compare(_ names: [String], _ formats: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try pythonWithRuntimes())
    process.arguments =
      [
        "-c",
        """
        import sys
        sys.path.insert(0, "\(Command.root)/Cluster/peer")
        import compare_export
        for name in sys.argv[1:]:
            path = f"\(folder)/{name}."
            models = [path + format for format in "\(formats.joined(separator: " "))".split()]
            assert not compare_export.main(*models, table=path + "csv"), name
        """,
      ] + names
    let pipe = Pipe()
    (process.standardOutput, process.standardError) = (pipe, pipe)
    try process.run()
    let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    XCTAssertEqual(process.terminationStatus, 0, said)
    XCTAssertEqual(
      said.components(separatedBy: "largest difference").count, 1 + formats.count * names.count, said)
  }

  private func pythonWithRuntimes() throws -> String {
    let environment = ProcessInfo.processInfo.environment
    let places = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/python3" }
    for python in [environment["HEARTWOOD_PYTHON"]].compactMap({ $0 }) + places {
      guard FileManager.default.isExecutableFile(atPath: python) else { continue }
      let probe = Process()
      probe.executableURL = URL(fileURLWithPath: python)
      probe.arguments = [
        "-c",
        "import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, ('numpy', 'onnxruntime', 'torch'))))",
      ]
      try probe.run()
      probe.waitUntilExit()
      if probe.terminationStatus == 0 { return python }
    }
    throw XCTSkip("no Python with numpy, onnxruntime and torch: name one by HEARTWOOD_PYTHON")
  }
}
