import Cohort
import Foundation
import SharedTrunk

/// Figures of a study over the seeds, from its units.
struct StudyFigures {
  let study: Study
  /// Seed by seed, and for each the units of all targets in order.
  private let units: [[UnitResult]]

  /// `units`: at least one. Throws if they are not of the same classes, which no figure could be a mean over.
  init(_ study: Study, _ units: [UnitResult]) throws {
    self.study = study
    self.units = Dictionary(grouping: units, by: \.seed).sorted { $0.key < $1.key }.map { _, units in
      study.experiment.scenario == .consistent
        ? units : study.targets.compactMap { target in units.first { $0.target == target } }
    }
    guard Set(units.map(\.classes)).count == 1 else {
      throw Failure(.data, "\(study.id): not all seeds and targets have the same classes to tell apart")
    }
  }

  /// Every beat's verdict by the study's MTL on that target, where a unit has kept them, and its seed.
  func verdicts(on target: String) -> ([UnitResult.Verdict], UInt64)? {
    units.flatMap { $0 }.filter { $0.target == target }.lazy.compactMap { unit in
      judged(unit, study.main).verdicts.map { ($0, unit.seed) }
    }.first
  }

  var names: [String] { units[0][0].entrants.map(\.name) }

  private func judged(_ unit: UnitResult, _ name: String) -> UnitResult.Judged {
    unit.entrants.first { $0.name == name }!  // names are those of the study, which the units' key holds
  }

  /// An entrant's figure for each seed, the mean over the targets. Nil for a seed where a target has none.
  private func bySeed(_ name: String, _ figure: (Metrics) -> Double?) -> [Double?] {
    units.map { units in
      let values = units.map { figure(judged($0, name).metrics) }
      let known = values.compactMap { $0 }
      return known.count == values.count ? Statistics.mean(known) : nil
    }
  }

  /// A figure that every unit has, for each seed: the mean over all targets, or that on one.
  private func whole(_ name: String, target: String? = nil, _ figure: (Metrics) -> Double) -> [Double] {
    units.map { units in
      Statistics.mean(
        units.filter { target == nil || $0.target == target }.map { figure(judged($0, name).metrics) })
    }
  }

  /// Balanced accuracy by seed. Of a target with one class it is how much of that one is recognised.
  func scores(_ name: String, target: String? = nil) -> [Double] {
    whole(name, target: target) { $0.balancedAccuracy ?? Metrics.balancedAccuracy($0.confusion) }
  }

  func answer(_ name: String) -> String { judged(units[0][0], name).answer }

  /// The single-task network with the highest mean on the same test data: the hardest to beat, and chosen against MTL.
  func strongest(target: String? = nil) -> String {
    names.filter { $0.hasPrefix("STL") }
      .max { Statistics.mean(scores($0, target: target)) < Statistics.mean(scores($1, target: target)) }!
  }

  var result: PaperResults.StudyResult {
    .init(
      id: study.id, title: study.title, branch: study.branch.rawValue,
      split: study.experiment.scenario == .consistent ? study.experiment.split.rawValue : nil,
      records: study.records, targets: study.targets, classes: units[0][0].classes,
      reference: study.referenceName,
      examples: units[0].reduce(0) { $0 + $1.entrants[0].metrics.examples },
      entrants: names.map(entrant))
  }

  private func entrant(_ name: String) -> PaperResults.Entrant {
    let judged = units.flatMap { $0 }.map { self.judged($0, name) }
    let classes = judged[0].metrics.confusion.indices
    let confusion = classes.map { row in
      classes.map { column in judged.reduce(0) { $0 + $1.metrics.confusion[row][column] } }
    }
    let curves = judged.compactMap(\.roc)
    return .init(
      name: name, protocol: judged[0].answer, parameters: judged[0].parameters,
      balancedAccuracy: .init(scores(name)), accuracy: .init(bySeed(name) { $0.accuracy }),
      macroF1: .init(whole(name) { $0.macroF1 }), auc: .init(bySeed(name) { $0.auc }),
      sensitivity: .init(bySeed(name) { $0.sensitivity }),
      specificity: .init(bySeed(name) { $0.specificity }),
      gain: name == study.referenceName
        ? nil : .init(scores(name), over: scores(study.referenceName)),
      byTarget: study.targets.map { .init(scores(name, target: $0)) }, confusion: confusion,
      confusionShares: confusion.map { row in
        let total = row.reduce(0, +)
        return row.map { total > 0 ? Double($0) / Double(total) : 0 }
      },
      roc: curves.count == judged.count
        ? Unit.rates.indices.map { index in Statistics.mean(curves.map { $0[index] }) } : nil,
      losses: judged[0].losses.indices.map { index in Statistics.mean(judged.map { $0.losses[index] }) })
  }
}

extension PaperResults.Cell {
  /// `target`: the paper's unseen patient; the study has others beside it. `isPapers`: whether records and target are the paper's.
  init(_ published: PublishedCell, _ figures: StudyFigures, target: String, isPapers: Bool) {
    let target = published.scenario == .inconsistent ? target : nil
    let (study, strongest) = (figures.study, figures.strongest(target: target))
    let mtl = figures.scores(study.main, target: target)
    let stl = figures.scores(study.referenceName, target: target)
    let best = figures.scores(strongest, target: target)
    let (gain, gainStrongest) = (PaperResults.Gain(mtl, over: stl), PaperResults.Gain(mtl, over: best))
    self.init(
      table: published.table, problem: published.problem.rawValue, scenario: published.scenario.rawValue,
      branch: published.branch.rawValue, published: .init(stl: published.stl, mtl: published.mtl),
      stl: .init(stl), mtl: .init(mtl), gain: gain, protocol: figures.answer(study.main),
      note: published.note(figures),
      abovePublished: isPapers && published.isOfTheSameQuestion ? Statistics.mean(mtl) > published.mtl : nil,
      verdict: .init(gain),
      strongest: .init(
        name: strongest, figure: .init(best), gain: gainStrongest, verdict: .init(gainStrongest)),
      study: study.id)
  }
}

extension PublishedCell {
  /// Table II's classification can be judged on VT alone, not on the paper's four classes.
  fileprivate var isOfTheSameQuestion: Bool { !(problem == .classification && scenario == .inconsistent) }

  fileprivate func note(_ figures: StudyFigures) -> String {
    let reference = "STL is \(figures.study.referenceName)"
    switch (problem, scenario) {
    case (.detection, .consistent):
      return
        "\(reference). Split by beats at random, as the published figures suggest the paper did: neighbours of test "
        + "beats are trained on. The chronological split stands beside it."
    case (.classification, .consistent):
      return
        "\(reference). Chronological split, of records \(figures.study.records.joined(separator: ", ")); the leaking random split, "
        + "and the other tables' records alone, stand beside it. Rhythms told apart: \(figures.result.classes.joined(separator: ", "))."
    case (.detection, .inconsistent):
      return "\(reference). One unseen patient; each of the others in turn stands beside it."
    case (.classification, .inconsistent):
      return
        "\(reference), with the same borrowing. VT against the rest: two classes, where the paper's text has four, so the "
        + "published figures are of another question. One unseen patient; every other with VT in turn stands beside it."
    }
  }
}

extension PaperResults.Average {
  init?(
    _ published: (table: Int, problem: Problem, stl: Double, mtl: Double), _ cells: [PaperResults.Cell]
  ) {
    let own = cells.filter { $0.table == published.table && $0.problem == published.problem.rawValue }
    guard own.count == BranchShape.Kind.allCases.count, let seeds = own.map(\.mtl.seeds).min() else {
      return nil
    }
    let stl = (0..<seeds).map { seed in Statistics.mean(own.map { $0.stl.bySeed[seed] }) }
    let mtl = (0..<seeds).map { seed in Statistics.mean(own.map { $0.mtl.bySeed[seed] }) }
    let gain = PaperResults.Gain(mtl, over: stl)
    self.init(
      table: published.table, problem: published.problem.rawValue,
      published: .init(stl: published.stl, mtl: published.mtl), stl: .init(stl), mtl: .init(mtl), gain: gain,
      abovePublished: own.contains { $0.abovePublished == nil } ? nil : Statistics.mean(mtl) > published.mtl,
      verdict: .init(gain))
  }
}

extension PaperResults.Tuning {
  /// A system's settings, each the mean over the units (targets or seeds).
  static func all(_ study: Study, _ results: [TuningResult]) -> [PaperResults.Tuning] {
    var systems: [String] = []
    for point in results[0].points where !systems.contains(point.system) { systems.append(point.system) }
    return systems.map { system in
      let points = results.map { $0.points.filter { $0.system == system } }
      let settings = points[0].indices
      // Each unit's setting by its own validation data: those of one target's fold are another's test data.
      let chosen = points.map { $0.max { $0.validation < $1.validation }! }
      return .init(
        study: study.id, title: study.title, branch: study.branch.rawValue, system: system,
        settings: settings.count,
        validation: .init(settings.map { index in Statistics.mean(points.map { $0[index].validation }) }),
        test: .init(settings.map { index in Statistics.mean(points.map { $0[index].test }) }),
        chosen: zip(results, chosen).map { result, point in
          .init(
            target: result.target, seed: result.seed, learningRate: point.learningRate, width: point.width,
            steps: point.steps, test: point.test)
        }, chosenTest: Statistics.mean(chosen.map(\.test)))
    }
  }
}
