import Cohort
import Files
import MPI
import SharedTrunk

/// A few steps of the network, whole: what it starts from, what it sees and what it loses, for another implementation to take the
/// same steps and compare.
enum ReferenceSteps {
  static let count = 5

  /// Writes weights ("GROUP/TENSOR", as in model folders, before the first step), examples ("stepK/TASK/windows", ".../labels") and
  /// losses as one safetensors file. The communicator has one rank.
  static func write(_ network: BenchNetwork, tasks: Int, _ communicator: Communicator, to path: String) throws
  {
    guard communicator.size == 1 else { throw Failure(.usage, "--reference is for one rank") }
    let network = try network.make(tasks: tasks, communicator, timedSteps: 0)
    var tensors = network.tensors
    var losses: [Float] = []
    for step in 0..<count {
      losses.append(Float(try network.step(step, learningRate: 1e-3)))
      for (task, examples) in network.lastExamples.enumerated() {
        tensors["step\(step)/\(task)/windows"] = examples.windows
        tensors["step\(step)/\(task)/labels"] = examples.labels
      }
    }
    tensors["losses"] = Safetensors.Tensor(shape: [count], values: losses)
    try AtomicFile.write(try Safetensors(tensors).encoded(), to: path)
  }
}
