import Cohort
import Foundation
import MPI
import Report
import SharedTrunk

// A new patient with a minute of labels: what `heartwood adapt` gives, beside what else could be done with that minute.

extension Study {
  /// Seconds of the new patient that are trained on.
  static let adaptationSeconds = 60.0

  /// Each of `targets` in turn joins a network trained on the others of `records`.
  static func adaptation(_ branch: BranchShape.Kind, records: [String], targets: [String]) -> Study {
    Study(
      group: .adaptation, variant: nil,
      title: "A new patient with 60 s of labels, each in turn, judged on what follows",
      experiment: Experiment(.detection, .inconsistent, tasks: .patient), branch: branch, records: records,
      targets: targets, borrows: false,
      entrants: Adaptation.allCases.map { .init(system: $0.system, variant: $0.variant) },
      reference: .finetuned)
  }

  /// What is done with the minute.
  enum Adaptation: CaseIterable {
    case frozenBorrowing, frozen, joint, stranger, finetuned, alone, strangerOfOne

    var system: System {
      switch self {
      case .frozen, .frozenBorrowing, .joint, .stranger: .mtl(.concat)
      case .finetuned: .stl(.finetuned)
      case .alone: .stl(.alone)
      case .strangerOfOne: .stl(.balanced)
      }
    }

    var variant: String? {
      switch self {
      case .frozenBorrowing: "adapt frozen, borrowing"
      case .frozen: "adapt frozen"
      case .joint: "adapt joint, borrowing"
      case .stranger: "not adapted"
      case .finetuned, .alone, .strangerOfOne: nil
      }
    }

    var name: String { Study.Entrant(system: system, variant: variant).name(nil) }
  }
}

/// The study for one seed and one new patient.
struct AdaptationUnit: Work {
  let study: Study
  let target: String?
  let seed: UInt64

  var id: String { place }
  var cost: Double { study.cost }

  func isResult(_ file: Data, _ key: String) -> Bool {
    guard let result = try? JSONDecoder().decode(UnitResult.self, from: file) else { return false }
    return result.key == key && result.target == target && result.seed == seed
  }

  func result(_ key: String, _ library: PatientLibrary, _ communicator: Communicator) throws -> Data {
    let folder = NSTemporaryDirectory() + "heartwood-adaptation-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let trial = try AdaptationTrial(
      study: study, target: target!, seed: seed, folder: folder, library, communicator)
    let judged = try Study.Adaptation.allCases.map { try trial.judge($0) }
    return try JSONEncoder.line.encode(
      UnitResult(
        key: key, target: target, seed: seed, classes: study.experiment.labelling.classNames,
        entrants: judged))
  }
}

/// The networks of one seed and one new patient.
private struct AdaptationTrial {
  private let study: Study
  private let seed: UInt64
  private let communicator: Communicator
  /// For model folders, which come and go with the trial.
  private let folder: String
  private let sources: TaskSet
  /// With stand-ins of simulated patients alone, and of the sources too.
  private let newcomer: Newcomer
  private let borrowing: Newcomer
  private let rest: Examples
  /// Trained on the sources, and written to `folder`/model.
  private let trained: Network
  private let description: ModelDescription
  private let pooled: Network

  init(
    study: Study, target: String, seed: UInt64, folder: String, _ library: PatientLibrary,
    _ communicator: Communicator
  ) throws {
    self.study = study
    self.seed = seed
    self.communicator = communicator
    self.folder = folder
    let experiment = study.experiment
    let (window, labelling) = (experiment.window, experiment.labelling)
    sources = try Trial(
      study: study, target: target, seed: seed, library: library, communicator: communicator
    ).tasks(study.recipe.pairing)
    let beats = try NewcomerBeats(
      target, in: library.folder, seconds: Study.adaptationSeconds, window: window, labelling: labelling,
      lead: library.lead)
    rest = beats.rest
    let simulated = try StandIns.beats(window: window, labelling: labelling)
    var others = Examples(windowLength: window.length)
    for task in sources.own { others.append(contentsOf: StandIns.suitable(task.training)) }
    newcomer = Newcomer(target, own: beats.own, pools: { [simulated] }, classes: 2, seed: seed)
    borrowing = Newcomer(
      target, own: beats.own, pools: { [others] in [simulated, others] }, classes: 2, seed: seed)

    trained = try Self.train(.mtl(.concat), study, seed, sources, communicator)
    pooled = try Self.train(.stl(.balanced), study, seed, sources, communicator)
    description = ModelDescription(
      problem: experiment.problem.rawValue, scenario: experiment.scenario.rawValue, learning: .mtl,
      fusion: .concat, baseline: nil, heads: .vote, shape: trained.shape, classes: labelling.classNames,
      records: sources.names, tasks: sources.names, protocol: study.recipe.answer,
      input: InputDescription(window, labelling, lead: library.lead),
      options: study.options(.init(system: .mtl(.concat)), seed: seed))
    try FileManager.default.createDirectory(
      atPath: "\(folder)/model", withIntermediateDirectories: true)
    try trained.write(description, to: "\(folder)/model")
  }

  private static func train(
    _ system: System, _ study: Study, _ seed: UInt64, _ tasks: TaskSet, _ communicator: Communicator
  ) throws -> Network {
    let entrant = Study.Entrant(system: system)
    let network = try Network(
      system.form(tasks), study.shape(entrant), tasks, study.options(entrant, seed: seed), communicator)
    _ = try network.train { _ in }
    return network
  }

  func judge(_ adaptation: Study.Adaptation) throws -> UnitResult.Judged {
    switch adaptation {
    case .frozen: try frozen(newcomer, adaptation)
    case .frozenBorrowing: try frozen(borrowing, adaptation)
    case .joint: try joint(adaptation)
    case .stranger: try stranger(trained, adaptation)
    case .finetuned: try alone(adaptation, from: pooled)
    case .alone: try alone(adaptation, from: nil)
    case .strangerOfOne: try stranger(pooled, adaptation)
    }
  }

  private func recipe(_ trunk: TrunkTraining) -> AdaptationRecipe {
    var recipe = AdaptationRecipe(trunk, study.branch)
    recipe.steps = study.shortened(recipe.steps)
    return recipe
  }

  private func stranger(_ network: Network, _ adaptation: Study.Adaptation) throws -> UnitResult.Judged {
    let answer = study.recipe.answer
    return judged(
      adaptation, network.answerName(answer), network.parameterCount, try network.predict(rest, answer), [])
  }

  private func frozen(_ newcomer: Newcomer, _ adaptation: Study.Adaptation) throws -> UnitResult.Judged {
    let output = "\(folder)/\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    var losses: [Double] = []
    _ = try newcomer.join(
      description, in: "\(folder)/model", recipe(.frozen), seed: seed,
      seconds: Study.adaptationSeconds, to: output, communicator
    ) { losses.append($0.loss) }
    let joined = try ModelFolder.description(in: output)
    let set = joined.taskSet(Ownership(tasks: joined.tasks.count, ranks: 1, rank: 0))
    let network = try Network(.concat, joined.shape, set, joined.options, communicator)
    try network.read(from: output)
    try network.prepareAfterReading()
    return judged(
      adaptation, network.answerName(.own), network.parameterCount,
      network.predictOwn(joined.tasks.count - 1, rest), losses)
  }

  private func joint(_ adaptation: Study.Adaptation) throws -> UnitResult.Judged {
    var losses: [Double] = []
    let (network, _) = try borrowing.joinAll(
      description, in: "\(folder)/model", recipe(.joint), seed: seed, sources: sources.own.map(\.training),
      Ownership(tasks: sources.names.count + 1, ranks: 1, rank: 0), communicator, together: { try $0() },
      report: { losses.append($0.loss) })
    return judged(
      adaptation, network.answerName(.own), network.parameterCount,
      network.predictOwn(sources.names.count, rest), losses)
  }

  /// A network of one branch, trunk and head on the minute, from a pooled network's weights or from its own start.
  private func alone(_ adaptation: Study.Adaptation, from pooled: Network?) throws -> UnitResult.Judged {
    let entrant = Study.Entrant(system: .stl(.alone))
    let options = recipe(.frozen).options(study.options(entrant, seed: seed), seed: seed)
    let task = borrowing.task(classes: 2)
    let set = TaskSet(
      names: [task.name], ownership: Ownership(tasks: 1, ranks: 1, rank: 0), own: [task])
    let network = try Network(.alone, study.shape(entrant), set, options, communicator)
    if let pooled { network.start(from: pooled) }
    var losses: [Double] = []
    _ = try network.train { losses.append($0.loss) }
    return judged(
      adaptation, network.answerName(.own), network.parameterCount, network.predictOwn(0, rest), losses)
  }

  private func judged(
    _ adaptation: Study.Adaptation, _ answer: String, _ parameters: Int, _ probabilities: [Float],
    _ losses: [Double]
  ) -> UnitResult.Judged {
    let blocks = Unit.lossBlocks
    func mean(_ block: Int) -> Double {
      Statistics.mean(
        Array(losses[block * losses.count / blocks..<(block + 1) * losses.count / blocks]))
    }
    return UnitResult.Judged(
      name: adaptation.name, answer: answer, parameters: parameters,
      metrics: Metrics(labels: rest.labels, probabilities: probabilities, classes: 2, seed: seed),
      roc: Metrics.rocCurve(
        positives: rest.labels.map { $0 == 1 },
        scores: rest.labels.indices.map { probabilities[2 * $0 + 1] }, at: Unit.rates),
      losses: (0..<blocks).map(mean), verdicts: nil)
  }
}

extension PaperTables {
  /// The studies of `--transfer`, which have no cell in the paper's tables; empty without any.
  static func adaptation(_ results: PaperResults, _ write: (String, [Table]) -> String) -> String {
    results.studies.filter { $0.id.hasPrefix(Study.Group.adaptation.rawValue) }
      .map { write(title($0), [entrants($0), targets($0)]) }.joined(separator: "\n\n")
  }
}

extension PaperResults.Choice {
  static let adaptation = PaperResults.Choice(
    matter: "A new patient with 60 s of labels",
    choice:
      "Training on beats whose window lies in the first 60 s, as if nothing were annotated later; judged on beats whose window lies after. The lead is filtered and standardised whole, without labels. 800 steps of 16 beats, Adam from 3e-3, dropout 0.2 (joint: none). Many a minute holds no abnormal beat: a class with fewer than 10 beats gets 100 stand-ins, ventricular beats of simulated patients, or where a network borrows half of them and half of the sources' training parts; own beats, where there are any, are drawn as often as these. STL finetuned and alone borrow too. Adapt frozen: branch, part of the trunk's input and head of the new patient alone are trained, from a random start (LSTM: from the source task with the least loss on the training beats). Adapt joint: all tasks and the trunk train on, with the sources' recordings.",
    how:
      "On other patients: records 116 208 209 215 220 223, each joining the other five, mean balanced accuracy over six seeds. CNN, RNN, LSTM from the start chosen: stand-ins of simulated patients 0.951, 0.891, 0.918, of the sources 0.946, 0.862, 0.882, of both 0.947, 0.896, 0.911; from the other start, of both, 0.941, 0.879, 0.883; not adapted 0.783, 0.732, 0.701. CNN, four seeds or fewer, before stand-ins were ventricular alone: 400 to 3200 steps within 0.01; the trunk trained on the minute too 0.929 where frozen was 0.930; joint 0.917; without stand-ins 0.767. When borrowing from both was decided on these figures, those of the tables' patients with stand-ins of one kind had been seen (CNN 0.919 simulated, 0.956 sources)."
  )
}
