import ArgumentParser
import Cohort
import Foundation
import MPI
import SharedTrunk

extension Learning: ExpressibleByArgument {}
extension Fusion: ExpressibleByArgument {}
extension ExchangeKind: ExpressibleByArgument {}
extension SumKind: ExpressibleByArgument {}
extension Problem: ExpressibleByArgument {}
extension Scenario: ExpressibleByArgument {}
extension TaskKind: ExpressibleByArgument {}
extension Pairing: ExpressibleByArgument {}
/// By its short name.
extension Rhythm: ExpressibleByArgument {
  public init?(argument: String) { self.init(name: argument) }
  public static var allValueStrings: [String] { allCases.map(\.name) }
}
extension PredictionProtocol: ExpressibleByArgument {}
extension BranchShape.Kind: ExpressibleByArgument {}

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train the shared-trunk network across patients, and judge it.",
    discussion: """
      What is not asked for is as in the paper's experiment of that problem and scenario; `heartwood paper` runs them all.

      Example: five patients on five ranks, a sixth never seen, single-task learning beside it:
        Launch/heartwood -n 5 train --problem detection --scenario inconsistent --branch cnn \\
          --records 106,114,119,201,203 --targets 205 --baseline pooled,balanced --data mitdb --output runs/first
      """)

  enum SplitName: String, ExpressibleByArgument, CaseIterable {
    case random, chronological, low
    var split: Split {
      switch self {
      case .random: .random
      case .chronological: .chronological
      case .low: .low
      }
    }
  }

  /// What a run can be followed by, beside `metrics.jsonl`.
  enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    case tensorboard
  }

  @Option(help: "detection: abnormal beats from normal ones; classification: arrhythmias.")
  var problem: Problem = .detection

  @Option(
    help:
      "inconsistent: the targets are patients never seen; consistent: the source patients' own other beats.")
  var scenario: Scenario = .inconsistent

  @Option(
    help: ArgumentHelp(
      "paper: in the consistent scenario mostly normal and mostly abnormal beats, or one rhythm a task; patient: one patient a task, as the inconsistent scenario always has."
    ))
  var tasks: TaskKind = .paper

  @Option(help: "Rhythm told from the rest (classification, inconsistent).")
  var rhythm: Rhythm?

  @Option(help: "Type of the private branches.")
  var branch: BranchShape.Kind = .cnn

  @Option(help: "mtl: a private branch and head a task; stl: one network on all tasks' data pooled.")
  var learning: Learning = .mtl

  @Option(
    help:
      "Single-task learning beside mtl, comma-separated, or the form of stl: pooled, balanced (patients equally often), wide (as many weights as mtl), borrowed, alone (a network a patient), finetuned, average (of as many networks as mtl has heads)."
  )
  var baseline: BaselineList?

  @Option(
    help:
      "concat: the paper's; hard: the trunk reads each task apart; anchored: for many sources and patients never seen, every beat beside what the patient's own unlabelled beats say."
  )
  var fusion: Fusion = .concat

  @Option(help: "reduce: allreduce of activations and gradients; gather: the plain form.")
  var exchange: ExchangeKind = .reduce

  @Option(help: "exact: bit-identical on any number of ranks; float: half the bytes.")
  var sum: SumKind = .exact

  @Option(
    help:
      "Which beats meet in the trunk: independent draws, or the same beat in every slot (default: same for consistent classification)."
  )
  var pairing: Pairing?

  @Flag(help: "A task with fewer than 10 training beats of a class gets up to 100 of other tasks'.")
  var borrow = false

  @Flag(
    inversion: .prefixedNo,
    help:
      "Train half of the paired examples with one slot alone (default: if a patient is judged by its own slot)."
  )
  var slotDropout: Bool?

  @Option(
    parsing: .unconditional,
    help:
      "Probability of dropping a feature before each trunk layer and the heads (default: 0.2; 0 for tasks side by side without slot dropout, detection on unseen patients)."
  )
  var dropout: Float?

  @Flag(help: "Append four RR-interval features to each branch's output.")
  var rr = false

  @Flag(
    help:
      "Read every beat beside its patient's median beat and RR statistics, made of unlabelled beats, RR features appended (--fusion anchored always does)."
  )
  var ownStatistics = false

  @Option(
    name: .customLong("protocol"),
    help: "How a beat is judged (default: as the experiment has it; slot with --slot-dropout).")
  var answer: PredictionProtocol?

  @OptionGroup var dataOptions: DataOptions

  @Option(
    help: ArgumentHelp("Source records (default: the paper's).", valueName: "list"),
    transform: RecordList.init(parsing:))
  var records: RecordList?

  @Option(
    help: ArgumentHelp(
      "Records never seen in training (inconsistent scenario; default 205), or none: judge the model elsewhere, by evaluate.",
      valueName: "list"), transform: RecordList.init(parsing:))
  var targets: RecordList?

  @Option(help: "How each patient's beats are split (consistent scenario; default chronological).")
  var split: SplitName?

  @Option(parsing: .unconditional, help: "Training steps (default: 300 to 600, by experiment).")
  var steps: Int?

  @Option(
    parsing: .unconditional,
    help: "Examples a task and step (default: 16 to 64, by experiment; 8 with --fusion anchored).")
  var batch: Int?

  @Option(
    parsing: .unconditional,
    help: "Adam's learning rate at the start; it falls to 5 % by a cosine (default: 0.003, by experiment).")
  var learningRate: Double?

  @Option(parsing: .unconditional, help: "Seed of every random choice.")
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp(
      "A YAML file of options by their long names (steps: 400, records: [106, 114], borrow: true); those on the command line count before its.",
      valueName: "file.yaml"), completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Save the state of training every N steps, or every N seconds as Ns (default: 60s), or never; a signal saves it too.",
      valueName: "N|Ns"), transform: CheckpointInterval.init(parsing:))
  var checkpointEvery: CheckpointInterval = .init(interval: .seconds(60))

  @Option(
    parsing: .unconditional, help: ArgumentHelp("How many checkpoints of a network to keep.", valueName: "K"))
  var keepCheckpoints = 2

  @Flag(
    help:
      "Go on from the newest whole checkpoint in --output, to the same weights as a run that never stopped, on any number of ranks; from the beginning if there is none."
  )
  var resume = false

  @Option(
    help:
      "Write losses, learning rate, speed and results as events into tensorboard/ of --output, to be followed by `tensorboard --logdir`."
  )
  var log: LogFormat?

  @Option(
    help: ArgumentHelp(
      "Run folder to write; must not hold a run already, but with --resume.", valueName: "dir"),
    completion: .directory)
  var output: String

  func validate() throws {
    func check(_ holds: Bool, _ message: String) throws { if !holds { throw ValidationError(message) } }
    if let dropout { try check(dropout >= 0 && dropout < 1, "--dropout \(dropout): from 0 to below 1") }
    if let steps { try check(steps > 0 && steps <= 10_000_000, "--steps \(steps): from 1 to 10000000") }
    if let batch { try check(batch > 0 && batch <= 65_536, "--batch \(batch): from 1 to 65536") }
    if let learningRate {
      try check(
        learningRate > 0 && learningRate.isFinite, "--learning-rate \(learningRate): must be positive")
    }
    try check(keepCheckpoints > 0, "--keep-checkpoints \(keepCheckpoints): 1 or more")
    try check(!(scenario == .consistent && targets != nil), "--targets is for --scenario inconsistent")
    try check(
      dataOptions.simulate == nil || (records == nil && targets == nil),
      "--records and --targets name recordings of --data; with --simulate the last patient is the target")
    if let both = records?.names.first(where: { targets?.names.contains($0) ?? false }) {
      throw ValidationError("\(both) is both in --records and in --targets")
    }
    try checkExperiment(check)
    try checkForm(check)
    try checkOwnStatistics(check)
    try checkProtocol(check)
  }

  private typealias Check = (Bool, String) throws -> Void

  private func checkExperiment(_ check: Check) throws {
    try check(
      !(problem == .classification && scenario == .consistent && tasks == .patient),
      "--tasks patient is for detection: few patients have two of the rhythms")
    try check(
      rhythm == nil || (problem == .classification && scenario == .inconsistent),
      "--rhythm is for --problem classification --scenario inconsistent")
    try check(!(scenario == .inconsistent && split != nil), "--split is for --scenario consistent")
    try check(
      problem == .detection || dataOptions.labelling == nil,
      "--labelling is for --problem detection: it says which beats are abnormal")
    try check(
      !(problem == .classification && split == .low),
      "--split low is for detection: three minutes of a record rarely hold two rhythms")
    try check(
      !(experiment.isPooled && borrow), "--borrow is for one task a patient; here every task has all beats")
    try check(
      pairing != .same || experiment.isPooled,
      "--pairing same is for tasks that own the same beats: --scenario consistent --tasks paper")
  }

  private func checkForm(_ check: Check) throws {
    if learning == .stl, let baseline, baseline.names.count > 1 || baseline.names[0] == .average {
      throw ValidationError("--learning stl takes one --baseline, and not average, which is many networks")
    }
    for name in baseline?.names ?? [] {
      try check(
        System.applies(name, to: experiment),
        "--baseline \(name.rawValue) is for one task a patient; the beats of these tasks have no patient")
      try check(name != .borrowed || borrow, "--baseline borrowed needs --borrow")
    }
    if learning == .stl {
      try check(pairing == nil, "--pairing is for --learning mtl: a single network pairs nothing")
      try check(
        !borrow || [.borrowed, .alone, .finetuned].contains(mainBaseline ?? .pooled),
        "--borrow with --learning stl is for --baseline borrowed, alone or finetuned; no other reads what is borrowed"
      )
    }
    if learning == .stl || fusion != .concat {
      let form = learning == .stl ? "--learning stl" : "--fusion \(fusion.rawValue)"
      try check(slotDropout != true, "--slot-dropout is for networks with slots, not for \(form)")
      try check(exchange == .reduce, "--exchange gather is for networks with slots, not for \(form)")
      try check(
        answer == nil || main == .mtl(.anchored), "--protocol is for networks with slots, not for \(form)")
      try check(
        learning == .mtl || fusion == .concat, "--fusion \(fusion.rawValue) is for --learning mtl")
    }
    try check(
      sum == .exact || exchange == .reduce, "--sum is for --exchange reduce; gather sums floats")
    try check(
      sum == .exact || ![.alone, .finetuned].contains(mainBaseline ?? .pooled),
      "--sum float is for networks that share weights")
  }

  private func checkOwnStatistics(_ check: Check) throws {
    let option = fusion == .anchored ? "--fusion anchored" : "--own-statistics"
    try check(
      !readsOwnStatistics || !experiment.isPooled,
      "\(option) is for one task a patient; the beats of these tasks have no patient")
    try check(
      fusion != .anchored || scenario == .inconsistent,
      "--fusion anchored is for patients never seen: --scenario inconsistent")
    try check(
      fusion != .anchored || !(baseline?.names.contains(.wide) ?? false),
      "--baseline wide has as many weights as --fusion concat: it is not for anchored")
    try check(!readsOwnStatistics || !borrow, "--borrow mixes patients' beats, which \(option) reads apart")
  }

  private func checkProtocol(_ check: Check) throws {
    if let answer {
      let fits = answer.isOfAnchors == (main == .mtl(.anchored))
      try check(
        fits,
        answer.isOfAnchors
          ? "--protocol \(answer.rawValue) is for --fusion anchored"
          : "--protocol \(answer.rawValue) is for networks with slots, not for --fusion anchored")
    }
    try check(
      answer != .slot || slots,
      "--protocol slot needs --slot-dropout: the trunk must have learned to read one slot alone")
    if scenario == .inconsistent || experiment.isPooled {
      try check(answer != .own, "--protocol own is for one task a patient and --scenario consistent")
    } else {
      try check(
        answer == nil || answer == .own, "--protocol: a known patient is judged by its own slot and head")
    }
  }

  func run() throws {
    let source = try dataOptions.source()
    Session.run(canStop: true) { session in try TrainingRun(self, source, session).run() }
  }

  // MARK: What the options mean

  var hasNoTarget: Bool { targets?.names == ["none"] }

  var experiment: Experiment {
    Experiment(
      problem, scenario, tasks: scenario == .inconsistent ? .patient : tasks,
      split: (split ?? .chronological).split, abnormality: (dataOptions.labelling ?? .strict).labelling,
      rhythm: rhythm ?? .ventricularTachycardia)
  }

  private var recipe: Recipe {
    main == .mtl(.anchored)
      ? .manySources(branch, length: experiment.window.length) : experiment.recipe(branch)
  }

  private var readsOwnStatistics: Bool { ownStatistics || main == .mtl(.anchored) }

  var mainBaseline: Baseline? { learning == .stl ? baseline?.names[0] ?? .pooled : nil }

  /// The run's own network.
  var main: System { mainBaseline.map { .stl($0) } ?? .mtl(fusion) }

  /// Single-task networks trained beside a multi-task one.
  var besides: [System] { learning == .mtl ? baseline?.names.map { .stl($0) } ?? [] : [] }

  private var slots: Bool { slotDropout ?? (main == .mtl(.concat) && recipe.slotDropout) }

  /// How a beat is judged.
  var judgement: PredictionProtocol {
    answer
      ?? (main == .mtl(.anchored) ? .typical : slots && scenario == .inconsistent ? .slot : recipe.answer)
  }

  var options: TrainingOptions {
    var options = recipe.options(seed: seed)
    if let batch { options.batch = batch }
    if let steps { options.steps = steps }
    if let learningRate { options.learningRate = learningRate }
    if let pairing { options.pairing = pairing }
    options.slotDropout = slots
    options.exchange = exchange
    options.sum = sum
    return options
  }

  /// The sizes of a network over tasks whose heads tell two classes apart.
  func shape(_ system: System) -> NetworkShape {
    var shape = recipe.shape(system, options)
    if rr { shape.extraFeatures = RRFeatures.count }
    if let dropout { shape.dropout = dropout }
    return readsOwnStatistics ? shape.besideOwnStatistics : shape
  }

  /// "100", "30s" or "never".
  struct CheckpointInterval: CustomStringConvertible {
    let interval: CheckpointPlan.Interval

    init(interval: CheckpointPlan.Interval) { self.interval = interval }

    /// Throws `ValidationError`.
    init(parsing argument: String) throws {
      if argument == "never" {
        interval = .seconds(.infinity)
      } else if argument.hasSuffix("s"), let seconds = Double(argument.dropLast()), seconds > 0,
        seconds.isFinite
      {
        interval = .seconds(seconds)
      } else if let steps = Int(argument), steps > 0 {
        interval = .steps(steps)
      } else {
        throw ValidationError("a number of steps (100), of seconds (30s), or never")
      }
    }

    /// The default, as help says it.
    var description: String { "60s" }
  }

  /// A comma-separated list of single-task networks.
  struct BaselineList: ExpressibleByArgument {
    let names: [Baseline]

    static var defaultCompletionKind: CompletionKind { .list(Baseline.allCases.map(\.rawValue)) }

    init?(argument: String) {
      let parts = argument.split(separator: ",").map(String.init)
      names = parts.compactMap(Baseline.init(rawValue:))
      guard !names.isEmpty, names.count == parts.count, Set(names).count == names.count else { return nil }
    }
  }
}
