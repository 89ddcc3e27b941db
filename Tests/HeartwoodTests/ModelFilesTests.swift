import Foundation
import SharedTrunk
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
    let run = try train(2, "run", ["--simulate", "4", "--minutes", "2", "--steps", "20"])
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
    XCTAssertEqual(tensors, 3 * 6 + 3)
  }

  /// A model read back answers as it did at the end of its training, on any number of ranks.
  func testEvaluateGivesTheRunsOwnFigures() throws {
    for options in [
      ["--slot-dropout"], ["--fusion", "hard"], ["--learning", "stl"], ["--protocol", "broadcast"],
    ] {
      let name = options.joined()
      let run = try train(2, name, ["--simulate", "4", "--minutes", "3", "--steps", "60"] + options)
      let judged = try Command.heartwood(
        3,
        [
          "evaluate", "--model", "\(run)/model", "--data", "\(run)/simulated", "--records", "sim004",
          "--output",
          "\(folder)/judged\(name)",
        ])
      XCTAssertEqual(judged.code, 0, judged.errors)
      let trained = try XCTUnwrap(try json("\(run)/summary.json")["test"] as? [String: Any])
      let again = try XCTUnwrap(try json("\(folder)/judged\(name)/evaluation.json")["test"] as? [String: Any])
      for key in ["confusion", "auc", "accuracy", "balancedAccuracy", "macroF1"] {
        XCTAssertEqual(trained[key] as? NSObject, again[key] as? NSObject, "\(name) \(key)")
      }
    }
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
