import Cohort
import Foundation
import MPI
import SharedTrunk

/// A study's networks trained and judged for one seed (and one target).
struct Unit: Work {
  let study: Study
  let target: String?
  let seed: UInt64
  /// Whether every beat's verdict is kept, for a strip of ECG.
  let keepsVerdicts: Bool

  var id: String { place }
  var cost: Double { study.cost }

  func isResult(_ file: Data, _ key: String) -> Bool {
    guard let result = try? JSONDecoder().decode(UnitResult.self, from: file) else { return false }
    return result.key == key && result.target == target && result.seed == seed
      && (!keepsVerdicts || result.entrants.contains { $0.verdicts != nil })
  }

  func result(_ key: String, _ library: PatientLibrary, _ communicator: Communicator) throws -> Data {
    try JSONEncoder.line.encode(run(key: key, library, communicator))
  }
}

/// What came of a unit: kept as a file of its own, so that a run goes on where it was cut off.
struct UnitResult: Codable {
  /// Of all that the study's results depend on; a file with another is not taken.
  let key: String
  let target: String?
  let seed: UInt64
  let classes: [String]
  let entrants: [Judged]

  /// One network as judged in one way.
  struct Judged: Codable {
    let name: String
    let answer: String
    let parameters: Int
    let metrics: Metrics
    /// True-positive rates at `Unit.rates`, of the last of two classes.
    let roc: [Double]?
    /// Mean training loss of each of `Unit.lossBlocks` equal stretches of the steps.
    let losses: [Double]
    /// Of the beats judged, in order, where a strip of ECG may be drawn from them.
    let verdicts: [Verdict]?
  }

  /// A beat's place in the record (samples), label and verdict (class numbers).
  struct Verdict: Codable {
    let sample: Int
    let label: Int
    let verdict: Int
  }
}

/// Trains networks of a study on this rank alone, and judges them, for one seed and one target.
struct Trial {
  let study: Study
  let target: String?
  let seed: UInt64
  let library: PatientLibrary
  /// A communicator of this rank alone.
  let communicator: Communicator

  func tasks(_ pairing: Pairing) throws -> TaskSet {
    let sources = study.sources(target)
    let parts = try sources.map { try library.parts($0, study.experiment, seed: seed) }
    return try TaskSet.make(
      study.experiment, sources, Ownership(tasks: sources.count, ranks: 1, rank: 0), own: parts,
      pairing: pairing, answer: study.recipe.answer, borrows: study.borrows, seed: seed, communicator)
  }

  func classes(_ set: TaskSet) -> [String] { set.pool?.classes ?? study.experiment.labelling.classNames }

  /// The beats to judge and their probabilities: the pool's, the target's, or every patient's own.
  func answers(
    _ trained: TrainedSystem, _ set: TaskSet, _ answer: PredictionProtocol
  ) throws -> (Examples, [Float]) {
    if let pool = set.pool { return (pool.parts.test, try trained.predict(pool.parts.test, answer)) }
    if let target {
      let examples = try library.patient(target, study.experiment).examples
      return (examples, try trained.predict(examples, answer))
    }
    var all = Examples(windowLength: study.experiment.window.length)
    var probabilities: [Float] = []
    for (position, task) in set.own.enumerated() {
      all.append(contentsOf: task.test)
      probabilities += trained.predictOwn(position, task.test)
    }
    return (all, probabilities)
  }

  func metrics(_ examples: Examples, _ probabilities: [Float], _ set: TaskSet) -> Metrics {
    Metrics(labels: examples.labels, probabilities: probabilities, classes: classes(set).count, seed: seed)
  }
}

extension Unit {
  static let rates = (0...50).map { Double($0) / 50 }
  static let lossBlocks = 50

  /// Trains and judges all entrants.
  func run(key: String, _ library: PatientLibrary, _ communicator: Communicator) throws -> UnitResult {
    let trial = Trial(
      study: study, target: target, seed: seed, library: library, communicator: communicator)
    var sets: [Pairing: TaskSet] = [:]
    var judged: [UnitResult.Judged] = []
    var classes: [String] = []
    for entrant in study.entrants {
      let options = study.options(entrant, seed: seed)
      let set = try sets[options.pairing] ?? trial.tasks(options.pairing)
      sets[options.pairing] = set
      classes = trial.classes(set)
      judged += try judge(entrant, options, set, trial)
    }
    return UnitResult(key: key, target: target, seed: seed, classes: classes, entrants: judged)
  }

  private func judge(
    _ entrant: Study.Entrant, _ options: TrainingOptions, _ set: TaskSet, _ trial: Trial
  ) throws -> [UnitResult.Judged] {
    func block(_ step: Int) -> Int { step * Self.lossBlocks / options.steps }
    var losses = [Double](repeating: 0, count: Self.lossBlocks)
    var steps = [Int](repeating: 0, count: Self.lossBlocks)
    let trained = try TrainedSystem(
      entrant.system, study.shape(entrant), set, options, trial.communicator,
      report: { member, report in
        guard member == 0 else { return }
        losses[block(report.step - 1)] += report.loss
        steps[block(report.step - 1)] += 1
      })
    return try entrant.answers.map { asked in
      let answer = asked ?? study.recipe.answer
      let (examples, probabilities) = try trial.answers(trained, set, answer)
      let classes = trial.classes(set).count
      let name = entrant.name(asked)
      return UnitResult.Judged(
        name: name, answer: trained.networks[0].answerName(answer),
        parameters: trained.parameterCount,
        metrics: trial.metrics(examples, probabilities, set),
        roc: classes == 2
          ? Metrics.rocCurve(
            positives: examples.labels.map { $0 == 1 },
            scores: examples.labels.indices.map { probabilities[2 * $0 + 1] }, at: Self.rates) : nil,
        losses: zip(losses, steps).map { $1 > 0 ? $0 / Double($1) : 0 },
        verdicts: keepsVerdicts && name == study.main
          ? zip(examples.labels.indices, Metrics.verdicts(probabilities, classes: classes)).map {
            .init(sample: examples.positions[$0], label: Int(examples.labels[$0]), verdict: $1)
          } : nil)
    }
  }
}
