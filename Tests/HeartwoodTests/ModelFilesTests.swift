import Cohort
import Foundation
import SharedTrunk
import WFDB
import XCTest

/// Model files, as others read them.
final class ModelFilesTests: CommandTestCase {
  /// The Python package `safetensors` reads every file and finds the weights that Heartwood reads.
  func testPythonReadsTheModel() throws {
    let script = """
      import glob, json, sys
      from safetensors.numpy import load_file
      out = {}
      for path in glob.glob(sys.argv[1] + "/*.safetensors"):
          for name, tensor in load_file(path).items():
              out[path.split("/")[-1] + "/" + name] = [list(tensor.shape), [float(x) for x in tensor.flatten()]]
      print(json.dumps(out))
      """
    for (branch, ofTask) in [("cnn", 6), ("rnn", 7), ("lstm", 7)] {
      let run = try train(
        2, branch, ["--simulate", "4", "--minutes", "2", "--steps", "20", "--branch", branch])
      guard let python = try output(of: ["python3", "-c", script, "\(run)/model"]) else {
        throw XCTSkip("python3 with the packages safetensors and numpy is not installed")
      }
      let read = try XCTUnwrap(JSONSerialization.jsonObject(with: python) as? [String: [[Any]]])
      var tensors = 0
      for (file, data) in try model(run) where file.hasSuffix(".safetensors") {
        for (name, tensor) in try Safetensors(decoding: data, file: file).tensors {
          let other = try XCTUnwrap(read["\(file)/\(name)"])
          XCTAssertEqual(other[0] as? [Int], tensor.shape, name)
          XCTAssertEqual((other[1] as? [Double])?.map { Float($0) }, tensor.values, name)
          tensors += 1
        }
      }
      XCTAssertEqual(read.count, tensors)
      XCTAssertEqual(tensors, 3 * ofTask + 3, branch)
      guard branch != "cnn" else { continue }
      let gates = branch == "lstm" ? 4 : 1
      XCTAssertEqual(read["task-sim001.safetensors/branch.input.weight"]?[0] as? [Int], [8, gates * 32])
      XCTAssertEqual(read["task-sim001.safetensors/branch.recurrent.weight"]?[0] as? [Int], [32, gates * 32])
    }
  }

  /// A model read back answers as it did at the end of its training, on any number of ranks.
  func testEvaluateGivesTheRunsOwnFigures() throws {
    for options in [
      ["--slot-dropout"], ["--fusion", "hard"], ["--learning", "stl"], ["--protocol", "broadcast"],
      ["--branch", "rnn"], ["--branch", "lstm", "--rr"],
      ["--problem", "classification", "--borrow", "--branch", "lstm"],
      ["--learning", "stl", "--baseline", "wide"],
      ["--learning", "stl", "--baseline", "alone", "--branch", "rnn"],
      ["--learning", "stl", "--baseline", "finetuned"],
    ] {
      let run = try train(
        2, options.joined(), ["--simulate", "4", "--minutes", "3", "--steps", "60"] + options)
      try expectSameFigures(run, 3, data: "\(run)/simulated", records: ["sim004"])
    }
  }

  /// Known patients: records that hold their test beats alone give the run's own figures.
  func testEvaluateGivesTheFiguresOfKnownPatients() throws {
    let (database, names) = try simulate(6, minutes: 13)
    let detection = Experiment(.detection, .consistent)
    let patients = ["--scenario", "consistent", "--tasks", "patient"]
    for (experiment, ranks, options) in [
      (
        Experiment(.classification, .consistent), 2,
        ["--problem", "classification", "--scenario", "consistent", "--branch", "lstm"]
      ),
      (detection, 2, ["--scenario", "consistent", "--branch", "rnn"]),
      (detection, 3, patients + ["--branch", "lstm"]),
      (detection, 3, patients + ["--learning", "stl", "--baseline", "alone"]),
      (detection, 3, patients + ["--learning", "stl", "--baseline", "finetuned"]),
    ] {
      let run = try train(
        2, options.joined(),
        ["--data", database, "--records", names.joined(separator: ","), "--steps", "60"] + options)
      let test = "\(folder)/test\(options.joined())"
      let kept = try names.filter { try keepTestBeats(of: $0, in: database, as: experiment, to: test) }
      try expectSameFigures(run, ranks, data: test, records: kept)
      XCTAssertFalse(kept.isEmpty)
    }
  }

  /// Weights so large that the answers are no numbers end every command that uses them.
  func testAnswersThatAreNotFinite() throws {
    let (database, _) = try simulate(3, minutes: 2)
    let records = ["--data", database, "--records", "sim001,sim002", "--targets", "sim003", "--steps", "10"]
    for (name, options) in [("single", ["--learning", "stl"]), ("concat", [])] {
      let model = try train(1, name, records + options) + "/model"
      for file in try FileManager.default.contentsOfDirectory(atPath: model) where file != "model.json" {
        var tensors = try ModelFolder.tensors(file, in: model)
        tensors.tensors = tensors.tensors.mapValues {
          .init(shape: $0.shape, values: $0.values.map { $0 * 1e25 })
        }
        try tensors.encoded().write(to: URL(fileURLWithPath: "\(model)/\(file)"))
      }
      let output = ["--model", model, "--output", "\(folder)/no-\(name)"]
      if name == "single" {
        try expectSoon(
          64, "--protocol mean: the model is a single network", [1],
          ["predict", "--record", "\(database)/sim003", "--protocol", "mean"] + output)
        let export = [
          "export", "--model", model, "--format", "safetensors", "--output", "\(folder)/single.st",
        ]
        XCTAssertEqual(try Command.heartwood(1, export).code, 0)
        try expectSoon(
          64, "--protocol mean: the model is a single network", [1], export + ["--protocol", "mean"])
      }
      try expectSoon(
        70, "not finite", [1, 2], ["evaluate", "--data", database, "--records", "sim003"] + output)
      try expectSoon(70, "not finite", [1, 2], ["predict", "--record", "\(database)/sim003"] + output)
      guard name == "concat" else { continue }
      for ranks in [1, 2] {
        try expectSoon(
          70, "not finite", [ranks],
          ["adapt", "--data", database, "--record", "sim003", "--seconds", "60"] + output.dropLast()
            + ["\(folder)/no-\(ranks)"])
      }
    }
  }

  private func expectSameFigures(_ run: String, _ ranks: Int, data: String, records: [String]) throws {
    let output = "\(run)/judged"
    let judged = try Command.heartwood(
      ranks,
      [
        "evaluate", "--model", "\(run)/model", "--data", data, "--records", records.joined(separator: ","),
        "--output", output,
      ])
    XCTAssertEqual(judged.code, 0, judged.errors)
    let trained = try XCTUnwrap(try json("\(run)/summary.json")["test"] as? [String: Any])
    let evaluation = try json("\(output)/evaluation.json")
    let again = try XCTUnwrap(evaluation["test"] as? [String: Any])
    let summary = try json("\(run)/summary.json")
    for result in try XCTUnwrap(evaluation["perRecord"] as? [[String: Any]]) {
      let isTarget = (summary["targets"] as? [String])?.contains(result["name"] as? String ?? "") ?? false
      XCTAssertEqual(result["part"] as? String, isTarget ? "target" : "seen in training")
    }
    for key in ["confusion", "auc", "accuracy", "balancedAccuracy", "macroF1", "examples"] {
      XCTAssertNotNil(trained[key], "\(run) \(key)")
      XCTAssertEqual(trained[key] as? NSObject, again[key] as? NSObject, "\(run) \(key)")
    }
  }

  /// Writes the record with the beats of its test part alone, of its beats; says whether there are any.
  private func keepTestBeats(
    of name: String, in database: String, as experiment: Experiment, to folder: String
  ) throws -> Bool {
    guard
      let patient = try? Patient.load(
        record: "\(database)/\(name)", window: experiment.window, labelling: experiment.labelling)
    else { return false }
    let test = Set(experiment.parts(of: patient, seed: 1).test.positions)
    let manager = FileManager.default
    try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for part in ["hea", "dat"] {
      try manager.copyItem(atPath: "\(database)/\(name).\(part)", toPath: "\(folder)/\(name).\(part)")
    }
    var file = try AnnotationFile.read(at: "\(database)/\(name).atr")
    file.annotations.removeAll { $0.code.isBeat && !test.contains($0.sample) }
    try file.write(to: "\(folder)/\(name).atr")
    return !test.isEmpty
  }

  /// Standard output of a command, or nil if it cannot run or fails.
  private func output(of arguments: [String]) throws -> Data? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? data : nil
  }
}
