import Cohort
import Foundation
import ONNX
import SharedTrunk

/// A network under one way of answering as an ONNX graph: from a beat's numbers (`NetworkInputs`) to its class probabilities.
package struct PredictionGraph {
  private let description: ModelDescription
  private let shape: NetworkShape
  private let network: PortableNetwork
  private var graph = Graph(name: "heartwood")
  /// The task that answers by `own`.
  private let task: Int?
  private let answer: PredictionProtocol

  package init(
    _ description: ModelDescription, _ network: PortableNetwork, _ inputs: NetworkInputs,
    _ answer: PredictionProtocol,
    task: Int?
  ) {
    self.description = description
    self.network = network
    self.answer = answer
    self.task = task
    shape = description.shape
    for input in inputs.all { _ = graph.input(input.name, columns: input.columns, input.says) }
    let probabilities =
      switch network.form {
      case .anchored: anchored()
      case .concat: concat()
      case .hard, .apart: apart()
      }
    graph.output(
      probabilities, as: "probabilities", columns: description.classes.count,
      "of the classes " + description.classes.joined(separator: ", "))
  }

  /// The file's bytes.
  package func encoded() throws -> Data {
    let input = description.input
    var metadata = [
      "heartwood": Heartwood.version, "network": description.system.name, "problem": description.problem,
      "classes": description.classes.joined(separator: ","), "labelling": input.labelling,
      "protocol": answer.rawValue, "window.rate": "\(input.rate)", "window.length": "\(input.length)",
      "window.before": "\(input.before)",
      "preprocessing":
        "gaps filled by lines; band-pass \(input.low) to \(input.high) Hz; z-score over the record; resampled to \(input.rate) Hz",
    ]
    metadata["lead"] = input.lead
    metadata["task"] = task.map { description.tasks[$0] }
    return try graph.encoded(
      producer: "heartwood", version: Heartwood.version,
      "Class probabilities of heartbeats by \(description.system.name); metadata_props tell of classes and preprocessing.",
      metadata: metadata)
  }

  // MARK: The forms

  /// Each branch, trunk and head by itself, one path or all.
  private mutating func apart() -> String {
    let v = vectors()
    if let task {
      return probabilities(trunk(product(v, network.paths[task]), network.paths[task]), network.paths[task])
    }
    return panel { graph, path in
      graph.probabilities(graph.trunk(graph.product(v, path), path), path)
    }
  }

  /// The trunk's input is a sum over the slots; a slot that does not see the beat adds its mean, or nothing.
  private mutating func concat() -> String {
    let v = vectors()
    let none = [Float](repeating: 0, count: shape.trunk[0])
    let means = network.paths.map(\.mean)
    let sum = means.reduce(none) { zip($0, $1).map(+) }
    let alone = answer == .slot || answer == .own && description.options.slotDropout
    func others(_ path: PortableNetwork.Path) -> [Float]? { alone ? nil : zip(sum, path.mean).map(-) }
    if answer == .broadcast {
      let parts = network.paths.filter { $0.vote != "apart" }.map { product(v, $0) }
      let h = trunk(graph.apply("Sum", parts), network.paths[0])
      return panel { graph, path in graph.probabilities(h, path) }
    }
    if let task {
      let path = network.paths[task]
      return probabilities(trunk(product(v, path, plus: others(path)), path), path)
    }
    return panel { graph, path in
      graph.probabilities(graph.trunk(graph.product(v, path, plus: others(path)), path), path)
    }
  }

  /// What the heads say together: `Panel` of SharedTrunk.
  private mutating func panel(
    _ probabilities: (inout PredictionGraph, PortableNetwork.Path) -> String
  ) -> String {
    switch description.heads {
    case .vote:
      let voters = network.paths.filter { $0.vote == "yes" }
      let asked = voters.isEmpty ? network.paths.filter { $0.vote != "apart" } : voters
      var answers: [String] = []
      for path in asked { answers.append(probabilities(&self, path)) }
      return graph.apply("Mean", answers)
    case .oneVersusRest:
      var claims: [String] = []
      for path in network.paths { claims.append(column(1, of: probabilities(&self, path))) }
      let all = graph.apply("Concat", claims, ["axis": .int(1)])
      let total = graph.apply("ReduceSum", [all, graph.constant([1])])
      return graph.apply(
        "Where",
        [
          graph.apply("Greater", [total, graph.constant(0)]), graph.apply("Div", [all, total]),
          graph.constant(1 / Float(claims.count)),
        ])
    }
  }

  /// A weighted mean of log odds: of the towers beside the patient's statistics, and of timing and shape alone.
  private mutating func anchored() -> String {
    let typicality = description.options.typicality
    let weight = description.standpointWeight(answer)
    var parts: [String] = []
    if weight > 0 {
      let extras = besidePatient()
      let windows = window(channels: 2)
      var odds: [String] = []
      for (number, path) in network.paths.enumerated() {
        var z = product(vector(windows, extras, path, shape), path)
        if description.options.anchoring.anchored {
          let width = shape.trunk[0]
          let own = graph.apply(
            "Slice",
            [
              NetworkInputs.anchor, graph.constant([number * width]), graph.constant([(number + 1) * width]),
              graph.constant([1]),
            ])
          z = graph.apply("Sub", [z, own])
        }
        odds.append(logOdds(logits(trunk(z, path), path.head)))
      }
      parts.append(graph.apply("Mul", [graph.apply("Mean", odds), graph.constant(weight)]))
    }
    if weight < 1 {
      var rawShape = shape
      rawShape.branch.inputChannels = 1
      let raw = network.raw!
      let v = vector(window(channels: 1), NetworkInputs.rr, raw, rawShape)
      let ofShape = logOdds(logits(trunk(product(v, raw), raw), raw.head))
      let hidden = graph.apply("Relu", [linear(NetworkInputs.rr, "timing.hidden.")])
      let ofTiming = logOdds(linear(hidden, "timing.head."))
      for (odds, share) in [(ofTiming, typicality.timing), (ofShape, 1 - typicality.timing)] {
        parts.append(graph.apply("Mul", [odds, graph.constant((1 - weight) * share)]))
      }
    }
    let odds = graph.apply("Sum", parts)
    return graph.apply(
      "Sigmoid", [graph.apply("Concat", [graph.apply("Neg", [odds]), odds], ["axis": .int(1)])])
  }

  // MARK: Branches

  /// Of every path the branch's features of the beat, the further features behind them.
  private mutating func vectors() -> [String: String] {
    let extras =
      shape.readsOwnStatistics ? besidePatient() : shape.extraFeatures > 0 ? NetworkInputs.rr : nil
    let windows = window(channels: shape.branch.inputChannels)
    var vectors: [String: String] = [:]
    for (index, path) in network.paths.enumerated() where task == nil || index == task {
      vectors[path.branch] = vector(windows, extras, path, shape)
    }
    return vectors
  }

  /// The beat, beside it the median beat where there are two channels: N x channels x samples for a convolution, frames x N x numbers else.
  private mutating func window(channels: Int) -> String {
    let branch = shape.branch
    let values = [NetworkInputs.beats, NetworkInputs.medianBeat].prefix(channels)
    if branch.kind == .cnn {
      let rows = values.map { graph.apply("Reshape", [$0, graph.constant([0, 1, branch.length])]) }
      return channels == 1 ? rows[0] : graph.apply("Concat", rows, ["axis": .int(1)])
    }
    let columns = values.map { graph.apply("Reshape", [$0, graph.constant([0, branch.length, 1])]) }
    let both = channels == 1 ? columns[0] : graph.apply("Concat", columns, ["axis": .int(2)])
    let frames = graph.apply(
      "Reshape", [both, graph.constant([0, branch.length / branch.frame, branch.frame * channels])])
    return graph.apply("Transpose", [frames], ["perm": .ints([1, 0, 2])])
  }

  private mutating func vector(
    _ window: String, _ extras: String?, _ path: PortableNetwork.Path, _ shape: NetworkShape
  ) -> String {
    let branch = shape.branch
    let features =
      switch branch.kind {
      case .cnn: convolution(window, path.branch, branch)
      case .rnn: recurrence("RNN", window, path.branch + "rnn", gates: [0], branch)
      case .lstm: recurrence("LSTM", window, path.branch + "lstm", gates: [0, 3, 1, 2], branch)  // i, o, f, g
      }
    return extras.map { graph.apply("Concat", [features, $0], ["axis": .int(1)]) } ?? features
  }

  private mutating func convolution(_ window: String, _ prefix: String, _ branch: BranchShape) -> String {
    let before = branch.padded ? (branch.kernel - 1) / 2 : 0
    let after = branch.padded ? branch.kernel - 1 - before : 0
    let convolved = graph.apply(
      "Conv", [window, tensor("\(prefix)conv.weight"), tensor("\(prefix)conv.bias")],
      ["pads": .ints([before, after])])
    let pooled = graph.apply(
      "MaxPool", [graph.apply("Relu", [convolved])],
      ["kernel_shape": .ints([branch.pool]), "strides": .ints([branch.pool])])
    return graph.apply("Flatten", [pooled], ["axis": .int(1)])
  }

  /// `gates`: ours in the operator's order.
  private mutating func recurrence(
    _ operation: String, _ window: String, _ prefix: String, gates: [Int], _ branch: BranchShape
  ) -> String {
    func ordered(_ name: String) -> [Float] {
      let values = network.tensors["\(prefix).\(name)"]!.values
      let gate = values.count / gates.count
      return gates.flatMap { values[$0 * gate..<($0 + 1) * gate] }
    }
    let width = gates.count * branch.hidden
    let input = ordered("weight_ih_l0")
    let state = graph.apply(
      operation,
      [
        window, graph.constant("\(prefix).W", [1, width, input.count / width], input),
        graph.constant("\(prefix).R", [1, width, branch.hidden], ordered("weight_hh_l0")),
        graph.constant("\(prefix).B", [1, 2 * width], ordered("bias_ih_l0") + ordered("bias_hh_l0")),
      ], ["hidden_size": .int(branch.hidden)], output: 1)
    return graph.apply("Squeeze", [state, graph.constant([0])])
  }

  /// RR features and what `OwnStatistics` puts behind them: N x 10.
  private mutating func besidePatient() -> String {
    let (beats, median) = (NetworkInputs.beats, NetworkInputs.medianBeat)
    let pre = apply("Max", apply("Add", column(2, of: NetworkInputs.rr), 0.8), 1e-3)
    let post = apply("Mul", pre, apply("Exp", column(3, of: NetworkInputs.rr)))
    let (typical, spread) = (column(0, of: NetworkInputs.patientRR), column(1, of: NetworkInputs.patientRR))
    var features = [NetworkInputs.rr]
    for interval in [pre, post] {
      features.append(clipped(apply("Sub", apply("Div", interval, typical), 1)))
    }
    for interval in [pre, post] {
      features.append(clipped(apply("Div", apply("Sub", interval, typical), spread)))
    }
    let (deviation, medianDeviation) = (centred(beats), centred(median))
    let norms = apply("Mul", length(deviation), apply("Add", length(medianDeviation), 1e-6))
    let product = sum(apply("Mul", deviation, medianDeviation))
    features.append(apply("Sub", graph.constant(1), apply("Div", product, apply("Add", norms, 1e-6))))
    let distance = apply("Div", length(apply("Sub", beats, median)), apply("Add", length(median), 1e-6))
    features.append(apply("Log", apply("Add", distance, 0.05)))
    return graph.apply("Concat", features, ["axis": .int(1)])
  }

  private mutating func clipped(_ value: String) -> String {
    graph.apply("Clip", [value, graph.constant(-3), graph.constant(3)])
  }

  private mutating func centred(_ rows: String) -> String {
    apply("Sub", rows, graph.apply("ReduceMean", [rows], ["axes": .ints([1])]))
  }

  private mutating func sum(_ rows: String) -> String {
    graph.apply("ReduceSum", [rows, graph.constant([1])])
  }

  private mutating func length(_ rows: String) -> String { apply("Sqrt", sum(apply("Mul", rows, rows))) }

  // MARK: Trunk and heads

  /// The path's part of the first trunk matrix's product, with what is added to it.
  private mutating func product(
    _ v: [String: String], _ path: PortableNetwork.Path, plus others: [Float]? = nil
  )
    -> String
  {
    product(v[path.branch]!, path, plus: others)
  }

  private mutating func product(_ v: String, _ path: PortableNetwork.Path, plus others: [Float]? = nil)
    -> String
  {
    var inputs = [v, graph.constant("\(path.branch)input", path.input.shape, path.input.values)]
    if let others { inputs.append(graph.constant("\(path.branch)others", [others.count], others)) }
    return graph.apply("Gemm", inputs, ["transB": .int(1)])
  }

  private mutating func trunk(_ z: String, _ path: PortableNetwork.Path) -> String {
    var h = graph.apply("Relu", [apply("Add", z, tensor("\(path.trunk)0.bias"))])
    for layer in shape.trunk.indices.dropFirst() {
      h = graph.apply("Relu", [linear(h, "\(path.trunk)\(layer).")])
    }
    return h
  }

  private mutating func logits(_ h: String, _ head: String) -> String { linear(h, head) }

  private mutating func probabilities(_ h: String, _ path: PortableNetwork.Path) -> String {
    graph.apply("Softmax", [logits(h, path.head)], ["axis": .int(1)])
  }

  /// Of two classes, how much likelier the second is.
  private mutating func logOdds(_ logits: String) -> String {
    apply("Sub", column(1, of: logits), column(0, of: logits))
  }

  // MARK: Nodes

  private mutating func linear(_ x: String, _ prefix: String) -> String {
    graph.apply("Gemm", [x, tensor("\(prefix)weight"), tensor("\(prefix)bias")], ["transB": .int(1)])
  }

  private mutating func tensor(_ name: String) -> String {
    let tensor = network.tensors[name]!
    return graph.constant(name, tensor.shape, tensor.values)
  }

  private mutating func column(_ index: Int, of rows: String) -> String {
    graph.apply("Gather", [rows, graph.constant([index])], ["axis": .int(1)])
  }

  private mutating func apply(_ operation: String, _ inputs: String...) -> String {
    graph.apply(operation, inputs)
  }

  private mutating func apply(_ operation: String, _ input: String, _ number: Float) -> String {
    graph.apply(operation, [input, graph.constant(number)])
  }
}
