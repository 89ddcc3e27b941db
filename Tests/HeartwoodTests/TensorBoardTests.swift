import EventReader
import Foundation
import XCTest

/// `train --log tensorboard`, read back from the event files, by TensorBoard too where a Python has it.
final class TensorBoardTests: CommandTestCase {
  private let training = [
    "--simulate", "3", "--minutes", "1", "--steps", "40", "--batch", "4", "--checkpoint-every", "20",
    "--baseline", "alone",
  ]

  func testCurvesGoOnAndTheRestIsAsWithout() throws {
    let plain = try train(2, "plain", training)
    let run = try train(2, "run", training + ["--log", "tensorboard"])
    XCTAssertEqual(try model(run), try model(plain))
    try assertBoard(run)

    // As if it had been stopped, with events of steps that are done again.
    for name in ["summary.json", "checkpoints/mtl/step-40", "checkpoints/stl-alone"] {
      try FileManager.default.removeItem(atPath: "\(run)/\(name)")
    }
    try train(2, "run", training + ["--log", "tensorboard", "--resume"])
    XCTAssertEqual(try model(run), try model(plain))
    try assertBoard(run)
    guard let python = try Command.python(with: ["tensorboard"]) else {
      return print("no Python with tensorboard: the events were read by Swift alone")
    }
    try assertSame(python, "\(run)/tensorboard/mtl")
  }

  private func assertBoard(_ run: String, line: UInt = #line) throws {
    let board = "\(run)/tensorboard"
    for (network, name) in [("MTL", "mtl"), ("STL alone", "stl-alone")] {
      let folders = [name, "\(name)/task-sim001", "\(name)/task-sim002"].map { "\(board)/\($0)" }
      let curves = try folders.map { try EventReader.scalars(in: $0) }
      let lines = try steps(of: network, run)
      for curve in curves {
        XCTAssertEqual(curve["loss"]?.map(\.step), Array(1...40), line: line)
      }
      XCTAssertEqual(curves[0]["loss"]?.map(\.value), lines.map { Float($0) }, line: line)
      for step in 0..<40 {
        let mean = (curves[1]["loss"]![step].value + curves[2]["loss"]![step].value) / 2
        XCTAssertEqual(Double(mean), lines[step], accuracy: 1e-5, line: line)
      }
      XCTAssertEqual(curves[0]["validation/balanced_accuracy"]?.map(\.step), [40], line: line)
      XCTAssertEqual(curves[0]["learning_rate"]?.first?.value, 3e-3, line: line)
    }
    let test = try EventReader.events(in: "\(board)/mtl/test").suffix(2)
    XCTAssertEqual(
      test.first?.summary.value.map(\.tag),
      ["accuracy", "balanced_accuracy", "macro_f1", "auc"].map { "test/\($0)" },
      line: line)
    let figures = try XCTUnwrap(try json("\(run)/summary.json")["test"] as? [String: Any])
    XCTAssertEqual(
      test.first?.summary.value.map(\.simpleValue),
      ["accuracy", "balancedAccuracy", "macroF1", "auc"].map { Float(figures[$0] as? Double ?? .nan) },
      line: line)
    XCTAssertEqual(
      test.last?.summary.value.first?.metadata.summaryDescription.hasSuffix("in the order normal, abnormal."),
      true,
      line: line)
  }

  /// Losses of a network, as `metrics.jsonl` has them.
  private func steps(of network: String, _ run: String) throws -> [Double] {
    try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8).split(separator: "\n").compactMap {
      let line = try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      return line?["network"] as? String == network ? line?["loss"] as? Double : nil
    }
  }

  /// That TensorBoard reads the same points.
  private func assertSame(_ python: String, _ folder: String) throws {
    let program = """
      import json, sys
      from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
      board = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0}).Reload()
      print(json.dumps({t: [[e.step, e.value] for e in board.Scalars(t)] for t in board.Tags()["scalars"]}))
      """
    let pipe = Pipe()
    let reader = Process()
    reader.executableURL = URL(fileURLWithPath: python)
    reader.arguments = ["-c", program, folder]
    reader.standardOutput = pipe
    reader.standardError = FileHandle.nullDevice
    try reader.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    reader.waitUntilExit()
    let curves = try JSONDecoder().decode([String: [[Double]]].self, from: output)
    let expected = try EventReader.scalars(in: folder)
    XCTAssertEqual(Set(curves.keys), Set(expected.keys))
    for (tag, points) in expected {
      XCTAssertEqual(curves[tag]?.map { Int($0[0]) }, points.map(\.step), tag)
      XCTAssertEqual(curves[tag]?.map { Float($0[1]) }, points.map(\.value), tag)
    }
  }
}
