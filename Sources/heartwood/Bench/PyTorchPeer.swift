import ArgumentParser
import Foundation

/// `Cluster/peer/pytorch_peer.py`: the same network in PyTorch, with the same figures.
struct PyTorchPeer {
  /// What crosses between its processes, and how.
  enum Form: String, CaseIterable, Codable, ExpressibleByArgument {
    case glooSharded = "gloo-sharded"
    case glooReplicated = "gloo-replicated"
    case mpiSharded = "mpi-sharded"
    case mpiReplicated = "mpi-replicated"

    var options: [String] {
      let parts = rawValue.split(separator: "-")
      return ["--comm", "\(parts[0])", "--trunk", "\(parts[1])"]
    }
  }

  struct Figures: Codable {
    let implementation: String
    let form: String
    let steps: Int
    let examplesPerSecond: Double
    let cpuExamplesPerSecond: Double
    let stepMilliseconds: BenchFigures.Spread
    let secondsToFirstStep: Double
    let peakMemoryMB: [Double]
    /// Relative, over the steps of a reference.
    let largestLossDifference: Double
  }

  let python: String
  let script: String
  /// Of torch, numpy and mpi4py those that this Python has.
  private let modules: Set<String>

  /// Throws a `Failure` that says how to get what is missing.
  init(python name: String?, home: String) throws {
    let name = name ?? ProcessInfo.processInfo.environment["HEARTWOOD_PYTHON"] ?? "python3"
    script = "\(home)/Cluster/peer/pytorch_peer.py"
    let advice =
      "`python3 -m venv venv && venv/bin/pip install torch numpy mpi4py` gets them, --python venv/bin/python names them"
    guard let python = ChildProcess.find(name) else {
      throw Failure(
        .usage, "--compare needs a Python with torch and numpy, and there is no \(name): \(advice)")
    }
    guard access(script, R_OK) == 0 else {
      throw Failure(.usage, "--compare needs \(script), which cannot be read")
    }
    self.python = python
    let question =
      "import importlib.util as u; print(*[m for m in ('torch', 'numpy', 'mpi4py') if u.find_spec(m)])"
    let answer = try ChildProcess.run(
      python, ["-c", question], environment: ProcessInfo.processInfo.environment)
    modules = Set(answer.text.split(whereSeparator: \.isWhitespace).map(String.init))
    guard answer.code == 0, modules.isSuperset(of: ["torch", "numpy"]) else {
      throw Failure(.usage, "--compare needs torch and numpy, which \(python) does not have: \(advice)")
    }
  }

  /// The forms that can run here, for so many tasks on so many processes. One process has nothing to exchange.
  func forms(tasks: Int, ranks: Int) -> [Form] {
    guard ranks > 1 else { return [.glooSharded] }
    return Form.allCases.filter {
      (modules.contains("mpi4py") || $0.options[1] == "gloo")
        && (tasks % ranks == 0 || $0.options[3] == "sharded")
    }
  }

  /// Runs it once. `folder` is for files that pass between here and there.
  func run(_ bench: Bench, ranks: Int, form: Form, seconds: Double, reference: String, folder: String) throws
    -> Figures
  {
    let file = "\(folder)/peer.json"
    let arguments =
      [
        script, "--branch", bench.branch.rawValue, "--tasks", "\(bench.tasks)", "--batch", "\(bench.batch)",
        "--ranks", "\(ranks)", "--warmup", "\(bench.warmup)", "--steps", "\(bench.steps)", "--seconds",
        "\(seconds)", "--reference", reference, "--json", file,
      ] + form.options
    let outcome = try ChildProcess.run(python, arguments, environment: Launcher.environmentOutsideMPI)
    guard outcome.code == 0 else {
      let words = outcome.text.split(separator: "\n").last ?? "it said nothing"
      throw Failure(.internal, "PyTorch's side (\(form.rawValue)) ended with code \(outcome.code): \(words)")
    }
    return try JSONDecoder().decode(Figures.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
  }
}
