import Cohort
import SharedTrunk

/// One comparison: an experiment, a branch, and the networks that meet in it on the same data, budget and seeds.
struct Study {
  /// What `--only` names.
  enum Group: String, CaseIterable {
    case consistentDetection = "table1-detection"
    case consistentClassification = "table1-classification"
    case inconsistentDetection = "table2-detection"
    case inconsistentClassification = "table2-classification"
    /// Beyond the tables: the patient is known, and has a task, a slot and a head.
    case patients = "patients-detection"
    /// Beyond the tables: many sources, patients never seen (`--transfer`).
    case transfer = "transfer-detection"
    /// Of `--transfer`: a new patient with a minute of labels.
    case adaptation
  }

  let group: Group
  /// Behind the group's name where a group has several studies for a branch.
  let variant: String?
  let title: String
  let experiment: Experiment
  let branch: BranchShape.Kind
  var records: [String]
  /// Patients never seen, each in turn; the others of `records` are the sources. Empty in the consistent scenario.
  let targets: [String]
  let borrows: Bool
  var entrants: [Entrant]
  /// The single-task network that multi-task learning is compared with: as plain as the paper's, on the same draws of patients.
  let reference: Baseline

  /// Of each recipe's steps, how many are made.
  var share = 1.0

  /// A network, and the ways to judge by it that are looked at.
  struct Entrant {
    let system: System
    var pairing: Pairing?
    var slotDropout: Bool?
    var answers: [PredictionProtocol?] = [nil]
    /// Set behind the system's name where two entrants are of one system.
    var variant: String?

    func name(_ answer: PredictionProtocol?) -> String {
      ([system.name] + [variant, answer?.rawValue].compactMap { $0 }).joined(separator: ", ")
    }
  }

  /// Without the branch: what data it needs hangs on this alone.
  var name: String { [group.rawValue, variant].compactMap { $0 }.joined(separator: "-") }

  /// Short and part of file names, such as "table1-detection-random-cnn".
  var id: String { "\(name)-\(branch.rawValue)" }

  /// The first entrant's first answer: what stands as MTL.
  var main: String { entrants[0].name(entrants[0].answers[0]) }
  var referenceName: String { System.stl(reference).name }

  /// A target and its sources, or all records for themselves.
  func sources(_ target: String?) -> [String] { records.filter { $0 != target } }

  static let transferExperiment = Experiment(
    .detection, .inconsistent, tasks: .patient, abnormality: .aami)

  var recipe: Recipe {
    var recipe = experiment.recipe(branch)
    recipe.steps = shortened(recipe.steps)
    return recipe
  }

  func shortened(_ steps: Int) -> Int { Int(Double(steps) * share) }

  func options(_ entrant: Entrant, seed: UInt64) -> TrainingOptions {
    var options = recipe.options(seed: seed)
    options.pairing = entrant.pairing ?? recipe.pairing
    options.slotDropout = entrant.slotDropout ?? (entrant.system == .mtl(.concat) && recipe.slotDropout)
    return options
  }

  func shape(_ entrant: Entrant) -> NetworkShape {
    recipe.shape(entrant.system, options(entrant, seed: 0))
  }
}

/// The studies of the paper's two tables and what stands beside them (SharedTrunk's recipes have the sizes and budgets).
struct StudyPlan: Codable {
  /// The paper's records, or the user's in their place.
  let records: [String]
  /// The patient never seen.
  let target: String
  /// The patients with enough beats of both classes to be judged.
  let detectionTargets: [String]
  /// The records with the four rhythms that the data hold.
  let rhythmRecords: [String]
  /// The patients with enough beats of the rhythm looked for to be a target, where another record has some to learn from.
  let rhythmTargets: [String]
  /// Abnormal beats of a target of `--transfer`.
  static let leastTransferBeats = 20

  /// All records, and those of them with enough abnormal beats to be a target, for `--transfer`; else none.
  var transferRecords: [String] = []
  var transferTargets: [String] = []
  /// The patients who can join with a minute of labels and be judged on what follows; nil without `--transfer`.
  var newcomers: [String]?
  /// Of each recipe's steps, how many are made: all, but with `--quick`.
  var share = 1.0
  /// Studies of rhythms that the data cannot make, by `Study.name`, and why.
  var omitted: [String: String] = [:]

  /// Many sources, each patient in turn never seen, AAMI's classes: a study whose forms are `TransferForm`'s.
  var transfer: [Study] {
    guard !transferTargets.isEmpty, omitted[Study.Group.transfer.rawValue] == nil else { return [] }
    return shortened(
      BranchShape.Kind.allCases.map {
        Study.transfer($0, records: transferRecords, targets: transferTargets)
      })
  }

  var studies: [Study] {
    all.filter {
      omitted[$0.name] == nil && ($0.experiment.scenario == .consistent || !$0.targets.isEmpty)
    }
  }

  /// The studies that the data cannot make, by `Study.name`, and why.
  var impossible: [(study: String, reason: String)] {
    let transfer = omitted[Study.Group.transfer.rawValue].map { (Study.Group.transfer.rawValue, $0) }
    return [transfer].compactMap { $0 }
      + all.filter { $0.branch == .cnn }.compactMap { study in
        if let reason = omitted[study.name] { return (study.name, reason) }
        guard study.experiment.scenario == .inconsistent && study.targets.isEmpty else { return nil }
        let classes = study.experiment.labelling.classNames.joined(separator: " and ")
        return (
          study.name, "no record can be judged, for want of beats that are \(classes) in it and in another"
        )
      }
  }

  private var all: [Study] {
    shortened(
      BranchShape.Kind.allCases.flatMap { branch in
        detection(branch) + patients(branch) + rhythms(branch) + [unseen(branch), tachycardia(branch)]
          + (newcomers.map { [Study.adaptation(branch, records: records, targets: $0)] } ?? [])
      })
  }

  private func shortened(_ studies: [Study]) -> [Study] {
    studies.map { study in
      var study = study
      study.share = share
      return study
    }
  }

  /// Table I, detection: mostly normal and mostly abnormal beats as tasks.
  private func detection(_ branch: BranchShape.Kind) -> [Study] {
    [Split.random, .chronological, .low].map { split in
      Study(
        group: .consistentDetection, variant: split.rawValue,
        title: "Consistent detection, two tasks, split \(split.rawValue)",
        experiment: Experiment(.detection, .consistent, split: split), branch: branch, records: records,
        targets: [], borrows: false,
        entrants: [
          .init(system: .mtl(.concat)),
          .init(system: .mtl(.concat), pairing: .same, variant: "same pairing"),
          .init(system: .stl(.pooled)), .init(system: .stl(.wide)), .init(system: .stl(.average)),
        ], reference: .pooled)
    }
  }

  private func patients(_ branch: BranchShape.Kind) -> [Study] {
    [Split.chronological, .low].map { split in
      Study(
        group: .patients, variant: split.rawValue,
        title: "Consistent detection, one task a patient, own head, split \(split.rawValue)",
        experiment: Experiment(.detection, .consistent, tasks: .patient, split: split), branch: branch,
        records: records, targets: [], borrows: true,
        entrants: [
          .init(system: .mtl(.concat)),
          .init(system: .stl(.balanced)), .init(system: .stl(.pooled)), .init(system: .stl(.wide)),
          .init(system: .stl(.borrowed)), .init(system: .stl(.alone)), .init(system: .stl(.finetuned)),
          .init(system: .stl(.average)),
        ], reference: .borrowed)
    }
  }

  /// Table I, classification: a task a rhythm.
  private func rhythms(_ branch: BranchShape.Kind) -> [Study] {
    func study(_ split: Split, _ records: [String], _ which: String = "", _ title: String = "") -> Study {
      Study(
        group: .consistentClassification, variant: split.rawValue + which,
        title: "Consistent classification, one task a rhythm, split \(split.rawValue)\(title)",
        experiment: Experiment(.classification, .consistent, split: split), branch: branch, records: records,
        targets: [], borrows: false,
        entrants: [
          .init(system: .mtl(.concat)),
          .init(system: .mtl(.concat), pairing: .independent, variant: "independent pairing"),
          .init(system: .stl(.pooled)), .init(system: .stl(.wide)), .init(system: .stl(.average)),
        ], reference: .pooled)
    }
    let both = [study(.chronological, rhythmRecords), study(.random, rhythmRecords)]
    guard records != rhythmRecords else { return both }
    return both + [study(.chronological, records, "-paper-records", ", the other tables' records alone")]
  }

  /// Table II, detection: each patient in turn never seen; the cell is that of the paper's target.
  private func unseen(_ branch: BranchShape.Kind) -> Study {
    Study(
      group: .inconsistentDetection, variant: nil,
      title: "Inconsistent detection, each patient in turn unseen",
      experiment: Experiment(.detection, .inconsistent, tasks: .patient), branch: branch, records: records,
      targets: detectionTargets, borrows: false,
      entrants: [
        .init(system: .mtl(.concat), answers: [nil, .broadcast]),
        .init(system: .mtl(.concat), slotDropout: true, answers: [.slot], variant: "slot dropout"),
        .init(system: .mtl(.hard)),
        .init(system: .stl(.balanced)), .init(system: .stl(.pooled)), .init(system: .stl(.wide)),
        .init(system: .stl(.alone)), .init(system: .stl(.average)),
      ], reference: .balanced)
  }

  /// Table II, classification: ventricular tachycardia against the rest, the only rhythm that the paper's target can test.
  private func tachycardia(_ branch: BranchShape.Kind) -> Study {
    Study(
      group: .inconsistentClassification, variant: nil,
      title: "Inconsistent classification, VT against the rest, each VT patient in turn unseen",
      experiment: Experiment(.classification, .inconsistent, tasks: .patient), branch: branch,
      records: records, targets: rhythmTargets, borrows: true,
      entrants: [
        .init(system: .mtl(.concat), answers: [nil, .mean]), .init(system: .mtl(.hard)),
        .init(system: .stl(.borrowed)), .init(system: .stl(.balanced)), .init(system: .stl(.wide)),
        .init(system: .stl(.average)),
      ], reference: .borrowed)
  }
}
