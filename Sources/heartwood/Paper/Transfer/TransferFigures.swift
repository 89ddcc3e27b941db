import Cohort
import Foundation
import SharedTrunk

extension PaperResults {
  /// Many sources, each patient in turn never seen: every form tried, for one branch.
  struct Transfer: Codable {
    let branch: String
    let records: [String]
    let targets: [String]
    /// The form that gains are taken over: single-task learning with the same inputs.
    let reference: String
    let forms: [Form]

    struct Form: Codable {
      let name: String
      let parameters: Int
      let conditions: [Judged]
    }

    /// A form, the target's statistics being of some of its beats.
    struct Judged: Codable {
      let condition: String
      /// Mean over the targets of a target's balanced accuracy.
      let perPatient: Figure
      /// Of all targets' beats together.
      let pooled: Figure
      let auc: Figure
      let macroF1: Figure
      /// Each target's balanced accuracy, the mean over the seeds.
      let byTarget: [Double]
      /// `byTarget` against the reference's, with a bootstrap's 95 % interval over the patients; none where most beats are abnormal.
      let gain: Gain?
    }
  }
}

extension PaperResults.Transfer {
  /// `units`: of all targets and seeds.
  init(_ study: Study, _ units: [TransferResult]) {
    let seeds = Set(units.map(\.seed)).sorted()
    let bySeed = seeds.map { seed in
      study.targets.map { target in units.first { $0.target == target && $0.seed == seed }! }
    }
    func judged(_ form: String, _ condition: TransferCondition) -> [[TransferResult.Judged]]? {
      let all = bySeed.map {
        $0.compactMap { $0.judged.first { $0.form == form && $0.condition == condition } }
      }
      return all.allSatisfy { $0.count == study.targets.count } ? all : nil
    }
    func byTarget(_ judged: [[TransferResult.Judged]]) -> [Double] {
      study.targets.indices.map { target in Statistics.mean(judged.map { $0[target].balancedAccuracy }) }
    }
    var names: [String] = []
    for one in units[0].judged where !names.contains(one.form) { names.append(one.form) }
    branch = study.branch.rawValue
    records = study.records
    targets = study.targets
    reference = TransferForm.referenceName
    forms = names.map { name in
      let conditions = TransferCondition.allCases.compactMap { condition -> Judged? in
        guard let all = judged(name, condition) else { return nil }
        let together = all.map(TransferResult.Judged.Counts.init)
        let values = byTarget(all)
        // Where most beats are abnormal the reference is lost: a gain over it would tell of the choice of beats, not of the form.
        let hasGain = name != TransferForm.referenceName && condition.share == nil
        let others = !hasGain ? nil : judged(TransferForm.referenceName, condition)
        return Judged(
          condition: condition.rawValue,
          perPatient: .init(all.map { Statistics.mean($0.map(\.balancedAccuracy)) }),
          pooled: .init(together.map(\.balancedAccuracy)), auc: .init(together.map(\.auc)),
          macroF1: .init(together.map(\.macroF1)), byTarget: values,
          gain: others.map { .init(byPatient: values, over: byTarget($0)) })
      }
      return Form(name: name, parameters: judged(name, .natural)![0][0].parameters, conditions: conditions)
    }
  }
}

extension PaperResults.Gain {
  /// Paired by patient, with a bootstrap's interval over the patients; none of a single patient.
  init(byPatient ours: [Double], over others: [Double]) {
    let differences = zip(ours, others).map { $0 - $1 }
    let interval = Statistics.bootstrapInterval(differences)
    self.init(mean: Statistics.mean(differences), low: interval?.low, high: interval?.high)
  }
}

extension TransferResult.Judged {
  var balancedAccuracy: Double { Metrics.balancedAccuracy(confusion) }

  /// Several targets' counts together.
  struct Counts {
    private let confusion: [[Int]]
    private let scores: [[Int]]

    init(_ judged: [TransferResult.Judged]) {
      confusion = Self.sum(judged.map(\.confusion))
      scores = Self.sum(judged.map(\.scores))
    }

    private static func sum(_ tables: [[[Int]]]) -> [[Int]] {
      tables.dropFirst().reduce(tables[0]) { sum, table in
        zip(sum, table).map { zip($0, $1).map { $0 + $1 } }
      }
    }

    var balancedAccuracy: Double { Metrics.balancedAccuracy(confusion) }
    var macroF1: Double { Metrics.macroF1(confusion) }

    /// Beats of one bin count as ties.
    var auc: Double {
      var (below, area) = (0.0, 0.0)
      for (normal, abnormal) in zip(scores[0], scores[1]) {
        area += Double(abnormal) * (below + Double(normal) / 2)
        below += Double(normal)
      }
      return area / max(below * Double(scores[1].reduce(0, +)), 1)
    }
  }
}
