import Cohort
import Foundation
import MPI
import SharedTrunk

/// All forms trained on all other records and judged on one patient never seen, for one seed.
struct TransferUnit: Work {
  let study: Study
  let target: String?
  let seed: UInt64

  var id: String { place }
  /// Against a study's cost of a network: all forms.
  var cost: Double { Double(forms.count) * Double(8 * study.shortened(500) * study.records.count * 128) }

  private var forms: [TransferForm] {
    TransferForm.all(study.branch, length: study.experiment.window.length, seed: seed, share: study.share)
  }

  func isResult(_ file: Data, _ key: String) -> Bool {
    guard let result = try? JSONDecoder().decode(TransferResult.self, from: file) else { return false }
    return result.key == key && result.target == target && result.seed == seed
  }

  func result(_ key: String, _ library: PatientLibrary, _ communicator: Communicator) throws -> Data {
    let trial = Trial(
      study: study, target: target, seed: seed, library: library, communicator: communicator)
    let set = try trial.tasks(.independent)
    let patient = try library.patient(target!, study.experiment)
    var judged: [TransferResult.Judged] = []
    for form in forms {
      let networks = try form.trained(on: set, communicator)
      func judge(_ name: String, _ answer: PredictionProtocol, _ typicality: Typicality? = nil) throws {
        for condition in form.conditions(answer) {
          judged.append(
            .init(
              form: name, condition: condition,
              parameters: networks.reduce(0) { $0 + $1.parameterCount }, labels: patient.examples.labels,
              probabilities: try answers(networks, answer, condition, patient, typicality)))
        }
      }
      for answer in form.answers { try judge(form.name(answer), answer) }
      if form.name == TransferForm.mainName {
        try judge(TransferForm.nestedName, .typical, try choose(form, trial))
      }
    }
    return try JSONEncoder.line.encode(
      TransferResult(key: key, target: patient.name, seed: seed, judged: judged))
  }

  /// Groups of whole patients that are left out in turn to choose by.
  private static let groups = 3
  private static let timings: [Float] = [0.5, 0.75, 0.9, 1]
  private static let guesses: [Float] = [0.2, 0.35, 0.5, 0.65]

  /// What answers best for sources left out: networks are trained without a third of the sources and without the target, and judged on
  /// the third. Most patients' beats are mostly normal: their mean balanced accuracy as they are counts half, each of the two hard cases
  /// a quarter.
  private func choose(_ form: TransferForm, _ trial: Trial) throws -> Typicality {
    var scores: [(typicality: Typicality, score: Double)] = Self.timings.flatMap { timing in
      Self.guesses.map { (Typicality(timing: timing, guess: $0), 0) }
    }
    let sources = study.sources(target)
    for group in 0..<Self.groups {
      let left = sources.indices.filter { $0 % Self.groups == group }.map { sources[$0] }
      var inner = study
      inner.records = sources.filter { !left.contains($0) }
      guard left.contains(where: study.targets.contains),
        let set = try tasks(of: inner, trial)
      else { continue }
      let networks = try form.trained(on: set, trial.communicator)
      for name in left where study.targets.contains(name) {
        let patient = try trial.library.patient(name, study.experiment)
        for condition in TransferCondition.allCases where condition != .causal {
          let results = try accuracies(networks, condition, patient)
          for index in scores.indices {
            scores[index].score += (condition == .natural ? 2 : 1) * results[index]
          }
        }
      }
    }
    return scores.max { $0.score < $1.score }!.typicality
  }

  /// Nil if these sources lack a class.
  private func tasks(of study: Study, _ trial: Trial) throws -> TaskSet? {
    do {
      return try Trial(
        study: study, target: nil, seed: seed, library: trial.library, communicator: trial.communicator
      ).tasks(.independent)
    } catch AssemblyError.emptyClass {
      return nil
    }
  }

  /// Balanced accuracy at every timing and guess. A guess only weighs two answers that are the same for all.
  private func accuracies(_ networks: [Network], _ condition: TransferCondition, _ patient: Patient) throws
    -> [Double]
  {
    func odds(_ timing: Float, guess: Float) throws -> [Float] {
      let p = try answers(
        networks, .typical, condition, patient, Typicality(timing: timing, guess: guess))
      return stride(from: 0, to: p.count, by: 2).map { log(max(p[$0 + 1], 1e-30) / max(p[$0], 1e-30)) }
    }
    return try Self.timings.flatMap { timing in
      let (beside, first) = (try odds(timing, guess: 0), try odds(timing, guess: 1))
      return Self.guesses.map { guess in
        var confusion = [[0, 0], [0, 0]]
        for (index, label) in patient.examples.labels.enumerated() {
          confusion[Int(label)][(1 - guess) * beside[index] + guess * first[index] > 0 ? 1 : 0] += 1
        }
        return Metrics.balancedAccuracy(confusion)
      }
    }
  }

  /// Class probabilities of all of a patient's beats, the mean over the networks.
  private func answers(
    _ networks: [Network], _ answer: PredictionProtocol, _ condition: TransferCondition, _ patient: Patient,
    _ typicality: Typicality? = nil
  ) throws -> [Float] {
    let all = try networks.map { network in
      condition == .causal
        ? try causalAnswers(network, answer, patient, typicality)
        : try network.predict(
          patient.examples, answer,
          network.acquaintance(with: condition.reference(of: patient, seed: seed), answer, typicality))
    }
    guard all.count > 1 else { return all[0] }
    return all[0].indices.map { index in all.reduce(0) { $0 + $1[index] } / Float(all.count) }
  }

  /// Seconds that are waited for before the first answer, and between one look at what came before and the next.
  private static let wait = 300.0
  private static let pace = 60.0

  /// The beats of the first minutes are answered for once these are over, all others by what came before their minute.
  private func causalAnswers(
    _ network: Network, _ answer: PredictionProtocol, _ patient: Patient, _ typicality: Typicality?
  ) throws -> [Float] {
    let beats = patient.examples
    let seconds = beats.positions.map { Double($0) / patient.samplingFrequency }
    func count(before end: Double) -> Int { seconds.firstIndex { $0 >= end } ?? beats.count }
    var probabilities: [Float] = []
    // A patient without a beat in the first minutes is waited for.
    var (start, known, end) = (0, Self.wait, Self.wait)
    while start < beats.count {
      let next = count(before: end)
      if next > start {
        let before = beats[Array(0..<max(count(before: known), 1))]
        probabilities += try network.predict(
          beats[Array(start..<next)], answer, network.acquaintance(with: before, answer, typicality))
        start = next
      }
      known = end
      end += Self.pace
    }
    return probabilities
  }
}

/// What came of a unit.
struct TransferResult: Codable {
  let key: String
  let target: String
  let seed: UInt64
  let judged: [Judged]

  /// A form as asked in one way, the target's statistics from beats of one kind.
  struct Judged: Codable {
    let form: String
    let condition: TransferCondition
    let parameters: Int
    let confusion: [[Int]]
    /// Counts of log odds that a beat is abnormal, from -20 to 20 in steps of 0.1: of normal beats and of abnormal ones. From them comes the
    /// AUC of all targets' beats together.
    let scores: [[Int]]

    init(
      form: String, condition: TransferCondition, parameters: Int, labels: [Int32], probabilities: [Float]
    ) {
      self.form = form
      self.condition = condition
      self.parameters = parameters
      var confusion = [[0, 0], [0, 0]]
      var scores = [[Int]](repeating: [Int](repeating: 0, count: 401), count: 2)
      for (index, label) in labels.enumerated() {
        let (normal, abnormal) = (Double(probabilities[2 * index]), Double(probabilities[2 * index + 1]))
        confusion[Int(label)][abnormal > normal ? 1 : 0] += 1
        let odds = log(max(abnormal, 1e-30) / max(normal, 1e-30))
        scores[Int(label)][Int((min(max(odds, -20), 20) * 10).rounded()) + 200] += 1
      }
      (self.confusion, self.scores) = (confusion, scores)
    }
  }
}
