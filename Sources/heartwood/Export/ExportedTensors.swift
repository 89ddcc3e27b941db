import Cohort
import Foundation
import SharedTrunk

/// A network's weights in one safetensors file, under the names that `Cluster/peer/exported_model.py` has for them.
package struct ExportedTensors {
  /// What the PyTorch module is built by: the file's metadata hold it as JSON, under `config`.
  private struct Config: Encodable {
    let heartwood: String
    let network: String
    let form: PortableNetwork.Form
    let branch: BranchShape
    let trunk: [Int]
    let extraFeatures: Int
    /// Of each head.
    let outputs: Int
    let classes: [String]
    let heads: Heads
    let tasks: [String]
    /// By path.
    let votes: [String]
    let `protocol`: PredictionProtocol
    /// Whose head answers by `own`.
    let task: Int?
    let slotDropout: Bool
    let anchored: Bool
    let towers: Int
    let typicality: Typicality
    let input: InputDescription
  }

  private let file: Safetensors

  package init(
    _ description: ModelDescription, _ network: PortableNetwork, _ answer: PredictionProtocol, task: Int?
  ) throws {
    let config = Config(
      heartwood: Heartwood.version, network: description.system.name, form: network.form,
      branch: description.shape.branch, trunk: description.shape.trunk,
      extraFeatures: description.shape.extraFeatures, outputs: description.shape.classes,
      classes: description.classes, heads: description.heads, tasks: description.tasks,
      votes: network.paths.map(\.vote), protocol: answer, task: task,
      slotDropout: description.options.slotDropout, anchored: description.options.anchoring.anchored,
      towers: network.form == .anchored ? network.paths.count : 0, typicality: description.options.typicality,
      input: description.input)
    file = Safetensors(
      network.tensors,
      metadata: [
        "format": "pt", "config": String(decoding: try JSONEncoder.line.encode(config), as: UTF8.self),
      ])
  }

  package func encoded() throws -> Data { try file.encoded() }
}
