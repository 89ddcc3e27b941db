import Cohort
import Files
import Foundation
import Layers
import WFDB

/// `model.json`: what a reader of the tensors needs to know. Nothing in it depends on ranks, paths or time.
public struct ModelDescription: Codable, Sendable, Equatable {
  /// The format that this version writes and reads.
  public static let format = "heartwood-model-3"

  /// As the file states it.
  public var format = Self.format
  /// `detection` or `classification`.
  public var problem: String
  /// `consistent` or `inconsistent`.
  public var scenario: String
  /// Multi-task or single-task learning.
  public var learning: Learning
  /// How tasks meet in the trunk.
  public var fusion: Fusion
  /// The form of single-task learning.
  public var baseline: Baseline?
  /// How the tasks' heads answer together.
  public var heads: Heads
  /// Sizes of branch, trunk and heads.
  public var shape: NetworkShape
  /// Labels by number.
  public var classes: [String]
  /// The source records, in order.
  public var records: [String]
  /// The tasks' names, in order; task NAME's tensors are in `task-NAME.safetensors`.
  public var tasks: [String]
  /// How an unseen patient's beats are judged.
  public var `protocol`: PredictionProtocol
  /// How a window was made from a recording.
  public var input: InputDescription
  /// Of tasks that joined later: on what they were trained. Nil if there is none.
  public var adaptations: [AdaptationNote]?
  /// What it was trained with.
  public var options: TrainingOptions
  /// Matrices are stored inputs x outputs; the convolution kernel x channels; features are ordered position first.
  public var layout = "inputs x outputs; features position first"

  /// A description in this version's format, of a model that no task has joined.
  public init(
    problem: String, scenario: String, learning: Learning, fusion: Fusion, baseline: Baseline?,
    heads: Heads, shape: NetworkShape, classes: [String], records: [String], tasks: [String],
    `protocol`: PredictionProtocol,
    input: InputDescription,
    options: TrainingOptions
  ) {
    self.problem = problem
    self.scenario = scenario
    self.learning = learning
    self.fusion = fusion
    self.baseline = baseline
    self.heads = heads
    self.shape = shape
    self.classes = classes
    self.records = records
    self.tasks = tasks
    self.protocol = `protocol`
    self.input = input
    self.options = options
  }
}

extension ModelDescription {
  /// The files with this model's tensors.
  public var files: [String] {
    if baseline == nil && fusion == .anchored { return [ModelFolder.trunkFile] }
    if isSingleNetwork { return [ModelFolder.trunkFile, ModelFolder.taskFile(PooledNetwork.taskName)] }
    return (baseline == nil ? [ModelFolder.trunkFile] : []) + tasks.map(ModelFolder.taskFile)
  }

  /// Whether one network answers for everybody, whatever the protocol.
  public var isSingleNetwork: Bool {
    baseline.map { [.pooled, .balanced, .wide, .borrowed].contains($0) } ?? false
  }

  /// Whether a name stays inside the folders in which it becomes part of a file's name.
  private static func isName(_ name: String) -> Bool {
    isInside(name) && name.utf8.count <= 200 && !name.unicodeScalars.contains(where: isControl)
  }

  /// What makes this description one that no network can be built from; nil if nothing.
  var fault: String? {
    let (branch, largest) = (shape.branch, 1 << 20)
    func within(_ value: Int, _ name: String, _ least: Int, _ most: Int) -> String? {
      value >= least && value <= most ? nil : "\(name) is \(value); it must lie in \(least) to \(most)"
    }
    if format != Self.format { return "its format is \(format); this version reads \(Self.format)" }
    if tasks.isEmpty || Set(tasks.map(ModelFolder.taskFile)).count != tasks.count {
      return "its tasks are none, or not all different"
    }
    if let name = (records + tasks).first(where: { !Self.isName($0) }) {
      return "it names '\(printable(name))', which is no record's or task's name"
    }
    if shape.trunk.isEmpty { return "its trunk has no layer" }
    let answers = heads == .oneVersusRest ? tasks.count : shape.classes
    if classes.count != answers { return "it names \(classes.count) classes of \(answers)" }
    if heads == .oneVersusRest && shape.classes != 2 {
      return "its heads have \(shape.classes) outputs, not 2"
    }
    if input.length != branch.length {
      return "its window has \(input.length) samples, its branch \(branch.length)"
    }
    guard let labelling = Labelling(rawValue: input.labelling) else {
      return "its labelling is \(input.labelling)"
    }
    if let other = classes.first(where: { !labelling.classNames.contains($0) }) {
      return "it names a class \(other), which its labelling \(input.labelling) has not"
    }
    if Set(classes).count != classes.count { return "it names a class twice" }
    if Problem(rawValue: problem) == nil { return "its problem is \(problem)" }
    if Scenario(rawValue: scenario) == nil { return "its scenario is \(scenario)" }
    if !(input.before >= 0 && input.before <= 1e3 && input.rate > 0 && input.rate <= 1e5) {
      return "its window starts \(input.before) s before the beat at \(input.rate) Hz"
    }
    let band = Preprocessing()
    if input.low != band.low || input.high != band.high {
      return
        "its band-pass is \(input.low) to \(input.high) Hz; this version makes \(band.low) to \(band.high)"
    }
    if !(shape.dropout >= 0 && shape.dropout < 1) { return "its dropout is \(shape.dropout)" }
    let mostFeatures = RRFeatures.count + (branch.inputChannels == 2 ? OwnStatistics.featureCount : 0)
    let ranges =
      within(branch.length, "the window", 1, largest)
      ?? within(branch.inputChannels, "inputChannels", 1, 2) ?? branch.fault(within)
      ?? within(shape.extraFeatures, "extraFeatures", 0, mostFeatures)
      ?? (baseline == nil && fusion == .anchored ? anchoredFault(within) : nil)
      ?? within(shape.classes, "classes", 2, 1024)
      ?? within(options.batch, "the batch", 1, 65_536)
      ?? within(options.validateEvery, "validateEvery", 1, .max)
      ?? shape.trunk.lazy.compactMap { within($0, "a trunk layer's width", 1, 65_536) }.first
    return ranges ?? within(shape.singleParameterCount, "the number of one task's weights", 1, 1 << 36)
  }
}

extension ModelDescription {
  /// Of what the anchored form needs beside the rest.
  private func anchoredFault(_ within: (Int, String, Int, Int) -> String?) -> String? {
    if !shape.readsOwnStatistics || shape.classes != 2 || heads != .vote {
      return "its network is anchored, but has not two channels, two classes and one head"
    }
    let shares = [options.typicality.timing, options.typicality.guess]
    if !shares.allSatisfy({ $0 >= 0 && $0 <= 1 }) { return "a share of its typicality is not from 0 to 1" }
    return within(options.anchoring.towers, "the towers", 1, 64)
      ?? within(options.anchoring.residualRank, "the residual's rank", 0, shape.features)
  }
}

extension BranchShape {
  /// Of the sizes that this kind uses.
  fileprivate func fault(_ within: (Int, String, Int, Int) -> String?) -> String? {
    switch kind {
    case .cnn:
      within(kernel, "the kernel", 1, length) ?? within(channels, "the channels", 1, 65_536)
        ?? within(pool, "the pool", 1, min(65_535, padded ? length : length - kernel + 1))
    case .rnn, .lstm:
      within(frame, "the frame", 1, length) ?? within(hidden, "the hidden state", 1, 65_536)
        ?? (length % frame == 0 ? nil : "its window of \(length) samples is not whole frames of \(frame)")
    }
  }
}

/// How windows were made from a recording: a model is used on windows made alike.
public struct InputDescription: Codable, Sendable, Equatable {
  /// Band-pass, Hz.
  public var low: Double
  /// Upper edge of the band-pass, Hz.
  public var high: Double
  /// Samples a second after resampling.
  public var rate: Double
  /// Seconds of the window before the beat's annotation.
  public var before: Double
  /// Samples of a window.
  public var length: Int
  /// Which beats are of which class, as `Labelling` names it.
  public var labelling: String
  /// The lead's name, where one was asked for; nil for MLII or a record's first ECG lead.
  public var lead: String?

  /// Windows as this version makes them; `lead` nil for MLII or a record's first ECG lead.
  public init(_ window: WindowShape, _ labelling: Labelling, lead: String?) {
    let band = Preprocessing()
    low = band.low
    high = band.high
    rate = window.rate
    before = window.before
    length = window.length
    self.labelling = labelling.rawValue
    self.lead = lead
  }
}

/// The folder `model/` of a run.
public enum ModelFolder {
  /// A task's file.
  public static func taskFile(_ name: String) -> String {
    "task-\(name.replacingOccurrences(of: "/", with: "-")).safetensors"
  }
  /// The shared trunk's file.
  public static let trunkFile = "trunk.safetensors"
  /// The description's file.
  public static let descriptionFile = "model.json"

  /// What the slots other than an unnamed one add to the trunk's input: the sum of all mean parts (H numbers), or zeros after slot dropout.
  static func offset(_ description: ModelDescription, in folder: String) throws -> [Float] {
    var sum = [Float](repeating: 0, count: description.shape.trunk[0])
    guard !description.options.slotDropout else { return sum }
    for task in description.tasks {
      let file = taskFile(task)
      guard let mean = try tensors(file, in: folder).tensors[Tensor.inputMean], mean.shape == [sum.count]
      else {
        throw ModelError.missing("\(folder)/\(file)", Tensor.inputMean)
      }
      for (index, value) in mean.values.enumerated() { sum[index] += value }
    }
    return sum
  }

  /// Copies files from one model folder to another, byte by byte.
  static func copy(_ files: [String], from folder: String, to other: String) throws {
    for file in files { try AtomicFile.write(Data(try read(file, in: folder)), to: "\(other)/\(file)") }
  }

  /// Writes the description.
  static func write(_ description: ModelDescription, to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(try encoder.encode(description), to: "\(folder)/\(descriptionFile)")
  }

  /// Writes the own tasks' files, and on the rank that `leads` also the trunk's and, last, the description.
  static func write(_ learner: any Learner, _ description: ModelDescription, leads: Bool, to folder: String)
    throws
  {
    for (name, tensors) in learner.taskTensors() {
      try AtomicFile.write(try tensors.encoded(), to: "\(folder)/\(taskFile(name))")
    }
    guard leads else { return }
    if let trunk = learner.trunkTensors() {
      try AtomicFile.write(try trunk.encoded(), to: "\(folder)/\(trunkFile)")
    }
    try write(description, to: folder)
  }

  /// Throws `ModelError` naming the file.
  public static func description(in folder: String) throws -> ModelDescription {
    let path = "\(folder)/\(descriptionFile)"
    return try ModelDescription(
      decoding: Data(try read(descriptionFile, in: folder, limit: descriptionLimit)), file: path)
  }

  /// The description of a model whose files justify the memory that a network of its sizes takes, which is not taken before that is
  /// known: 4 MB and eight times their bytes, so that a file that is merely cut is left to be named by its reader. Throws `ModelError`.
  public static func descriptionOfWhole(in folder: String) throws -> ModelDescription {
    let description = try description(in: folder)
    var held = 0
    for file in description.files { held += try size(of: file, in: folder) }
    let least = description.shape.parameterCount(tasks: description.fewestTasks)
    guard 4 * least <= (1 << 22) + 8 * held else {
      throw ModelError.damaged(
        "\(folder)/\(descriptionFile)",
        "its network has \(least) weights or more; the files beside it hold \(held) bytes")
    }
    return description
  }

  /// The tensors of one of the folder's files. Throws `ModelError` naming it.
  public static func tensors(_ file: String, in folder: String) throws -> Safetensors {
    try Safetensors(decoding: Data(try read(file, in: folder)), file: "\(folder)/\(file)")
  }

  /// Longest description that is read, in bytes: a hundred thousand tasks fit.
  static let descriptionLimit = 1 << 24

  /// A file of the folder: not what a link in it leads to outside, and nothing that would be waited on.
  private static func read(_ file: String, in folder: String, limit: Int = .max) throws -> [UInt8] {
    try inside(folder) { try $0.bytes(of: file, limit: limit) }
  }

  private static func size(of file: String, in folder: String) throws -> Int {
    try inside(folder) { try $0.size(of: file) }
  }

  private static func inside<T>(_ folder: String, _ body: (DiskFolder) throws -> T) throws -> T {
    do {
      return try body(DiskFolder.split("\(folder)/").folder.confined(to: descriptionFile))
    } catch let error as WFDBError {
      guard case .cannotRead(let code) = error.reason else {
        throw ModelError.unreadable(error.file, "it \(error.reason)")
      }
      throw ModelError.unreadable(error.file, String(cString: strerror(code)))
    }
  }
}

extension ModelDescription {
  /// The description in `model.json`. Throws `ModelError` naming `file`.
  package init(decoding data: Data, file: String) throws {
    do {
      self = try JSONDecoder().decode(ModelDescription.self, from: data)
    } catch let error as DecodingError {
      throw ModelError.damaged(file, error.oneLine)
    }
    if let fault { throw ModelError.damaged(file, fault) }
  }

  /// Of how many tasks' slots the files hold the weights at least; the rest of a network is not smaller than that of a single one.
  fileprivate var fewestTasks: Int { baseline == nil && fusion == .concat ? tasks.count : 1 }
}

extension DecodingError {
  /// Where in the JSON, and what is wrong.
  fileprivate var oneLine: String {
    switch self {
    case .keyNotFound(let key, _): "it lacks \(key.stringValue)"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      context.codingPath.isEmpty
        ? context.debugDescription
        : "\(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
    @unknown default: "it is not a model description"
    }
  }
}

extension Safetensors {
  /// The tensors of a group whose names satisfy `holds`, and more numbers beside them.
  init(_ group: ParameterGroup, where holds: (String) -> Bool = { _ in true }, metadata: [String: String]) {
    let chosen = group.parameters.filter { holds($0.name) }
    self.init(
      Dictionary(
        uniqueKeysWithValues: chosen.map {
          ($0.name, Tensor(shape: [$0.value.rows, $0.value.columns], values: Array($0.value.buffer)))
        }),
      metadata: metadata)
  }

  /// What a task's file says of its head.
  fileprivate var vote: Vote { metadata["votes"].flatMap(Vote.init(rawValue:)) ?? .no }

  /// Adds a group's tensors, the prefix before their names.
  fileprivate mutating func add(_ group: ParameterGroup, prefix: String) {
    for (name, tensor) in Safetensors(group, metadata: [:]).tensors { tensors[prefix + name] = tensor }
  }

  /// Copies the tensors into a group's parameters of the same names. Throws `ModelError.missing`.
  func load(
    into group: ParameterGroup, prefix: String = "", where holds: (String) -> Bool = { _ in true },
    file: String
  ) throws {
    for parameter in group.parameters where holds(parameter.name) {
      let name = prefix + parameter.name
      guard let tensor = tensors[name], tensor.shape == [parameter.value.rows, parameter.value.columns]
      else { throw ModelError.missing(file, name) }
      guard tensor.values.allSatisfy(\.isFinite) else {
        throw ModelError.damaged(file, "\(name) holds numbers that are not finite")
      }
      for (index, value) in tensor.values.enumerated() { parameter.value.data[index] = value }
    }
  }
}

/// What is stored of each kind of network, and taken back.
extension ConcatNetwork {
  func taskTensors() -> [(name: String, tensors: Safetensors)] {
    slots.enumerated().map { position, slot in
      var file = Safetensors(
        slot.group, metadata: ["task": slot.group.name, "votes": votes[position].rawValue])
      file.tensors[Tensor.inputMean] = .init(shape: [meanParts[position].count], values: meanParts[position])
      return (slot.group.name, file)
    }
  }

  func trunkTensors() -> Safetensors? { Safetensors(trunk.group, metadata: [:]) }

  func read(from folder: String) throws {
    var (means, votes): ([[Float]], [Vote]) = ([], [])
    for slot in slots {
      let name = ModelFolder.taskFile(slot.group.name)
      let file = try ModelFolder.tensors(name, in: folder)
      try file.load(into: slot.group, file: "\(folder)/\(name)")
      guard let mean = file.tensors[Tensor.inputMean], mean.shape == [shape.trunk[0]] else {
        throw ModelError.missing("\(folder)/\(name)", Tensor.inputMean)
      }
      means.append(mean.values)
      votes.append(file.vote)
    }
    try ModelFolder.tensors(ModelFolder.trunkFile, in: folder).load(
      into: trunk.group, file: "\(folder)/\(ModelFolder.trunkFile)")
    restore(meanParts: means, votes: votes)
  }

  /// Starts training from a model folder's weights, but for the task that it does not hold.
  func start(from folder: String, but newcomer: String) throws {
    for slot in slots where slot.group.name != newcomer {
      let name = ModelFolder.taskFile(slot.group.name)
      try ModelFolder.tensors(name, in: folder).load(into: slot.group, file: "\(folder)/\(name)")
    }
    try ModelFolder.tensors(ModelFolder.trunkFile, in: folder).load(
      into: trunk.group, file: "\(folder)/\(ModelFolder.trunkFile)")
  }
}

extension HardNetwork {
  func taskTensors() -> [(name: String, tensors: Safetensors)] { stacks.tensors(of: privateGroups) }
  func trunkTensors() -> Safetensors? { Safetensors(trunkGroup, metadata: [:]) }

  func read(from folder: String) throws {
    try stacks.read(into: privateGroups, from: folder)
    try ModelFolder.tensors(ModelFolder.trunkFile, in: folder).load(
      into: trunkGroup, file: "\(folder)/\(ModelFolder.trunkFile)")
  }
}

extension AnchoredNetwork {
  /// What is private to the tasks is of no use to a patient never seen, and stays where it was trained.
  func taskTensors() -> [(name: String, tensors: Safetensors)] { [] }

  /// All towers, in one file; the first anchored one's tensors have no prefix.
  func trunkTensors() -> Safetensors? {
    var file = Safetensors(towers[0].group, metadata: [:])
    for group in others { file.add(group, prefix: "\(group.name).") }
    return file
  }

  private var others: [ParameterGroup] {
    towers.dropFirst().map(\.group) + [rawGroup, timing.group]
  }

  func read(from folder: String) throws {
    let (file, path) = (
      try ModelFolder.tensors(ModelFolder.trunkFile, in: folder), "\(folder)/\(ModelFolder.trunkFile)"
    )
    try file.load(into: towers[0].group, file: path)
    for group in others { try file.load(into: group, prefix: "\(group.name).", file: path) }
  }
}

extension AloneNetwork {
  func taskTensors() -> [(name: String, tensors: Safetensors)] { stacks.tensors(of: groups) }
  func trunkTensors() -> Safetensors? { nil }
  func read(from folder: String) throws { try stacks.read(into: groups, from: folder) }
}

extension TaskStacks {
  /// Own tasks' files, from a group a task.
  fileprivate func tensors(of groups: [ParameterGroup]) -> [(name: String, tensors: Safetensors)] {
    zip(groups, votes).map { group, vote in
      (group.name, Safetensors(group, metadata: ["task": group.name, "votes": vote.rawValue]))
    }
  }

  fileprivate func read(into groups: [ParameterGroup], from folder: String) throws {
    for (position, group) in groups.enumerated() {
      let name = ModelFolder.taskFile(group.name)
      let file = try ModelFolder.tensors(name, in: folder)
      try file.load(into: group, file: "\(folder)/\(name)")
      votes[position] = file.vote
    }
  }
}

extension PooledNetwork {
  static let taskName = "pooled"
  private static func inTrunk(_ name: String) -> Bool { name.hasPrefix("trunk.") }

  /// The one branch and head, written by the rank that owns the first task.
  func taskTensors() -> [(name: String, tensors: Safetensors)] {
    guard owned.lowerBound == 0 else { return [] }
    return [
      (Self.taskName, Safetensors(group, where: { !Self.inTrunk($0) }, metadata: ["task": Self.taskName]))
    ]
  }

  func trunkTensors() -> Safetensors? { Safetensors(group, where: Self.inTrunk, metadata: [:]) }

  func read(from folder: String) throws {
    let name = ModelFolder.taskFile(Self.taskName)
    try ModelFolder.tensors(name, in: folder).load(
      into: group, where: { !Self.inTrunk($0) }, file: "\(folder)/\(name)")
    try ModelFolder.tensors(ModelFolder.trunkFile, in: folder).load(
      into: group, where: Self.inTrunk, file: "\(folder)/\(ModelFolder.trunkFile)")
  }
}
