import Cohort
import Foundation
import SharedTrunk

/// Figures of a study over the seeds, from its units.
struct StudyFigures {
  let study: Study
  /// Seed by seed, and for each the units of all targets in order.
  private let units: [[UnitResult]]

  init(_ study: Study, _ units: [UnitResult]) {
    self.study = study
    self.units = Dictionary(grouping: units, by: \.seed).sorted { $0.key < $1.key }.map { _, units in
      study.targets.isEmpty
        ? units : study.targets.compactMap { target in units.first { $0.target == target } }
    }
  }

  /// Whether there is nothing to show: no target.
  var isEmpty: Bool { units.isEmpty }

  /// Every beat's verdict by the study's MTL on that target, where a unit has kept them, and its seed.
  func verdicts(on target: String) -> ([UnitResult.Verdict], UInt64)? {
    units.flatMap { $0 }.filter { $0.target == target }.lazy.compactMap { unit in
      unit.entrants.first { $0.name == study.main }?.verdicts.map { ($0, unit.seed) }
    }.first
  }

  var names: [String] { units[0][0].entrants.map(\.name) }

  /// An entrant's figure for each seed, the mean over the targets asked for. Nil for a seed where a target has none.
  private func bySeed(_ name: String, target: String? = nil, _ figure: (Metrics) -> Double?) -> [Double?] {
    units.map { units in
      let values = units.filter { target == nil || $0.target == target }
        .map { unit in unit.entrants.first { $0.name == name }.flatMap { figure($0.metrics) } }
      let known = values.compactMap { $0 }
      return known.count == values.count ? Statistics.mean(known) : nil
    }
  }

  /// Balanced accuracy by seed, over all targets or on one.
  func scores(_ name: String, target: String? = nil) -> [Double] {
    bySeed(name, target: target) { $0.balancedAccuracy }.map { $0 ?? 0 }
  }

  func answer(_ name: String) -> String {
    units[0][0].entrants.first { $0.name == name }?.answer ?? ""
  }

  /// The single-task network with the highest mean on the same test data: the hardest to beat, and chosen against MTL.
  func strongest(target: String? = nil) -> String {
    names.filter { $0.hasPrefix("STL") }
      .max { Statistics.mean(scores($0, target: target)) < Statistics.mean(scores($1, target: target)) }
      ?? study.referenceName
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
    let judged = units.flatMap { $0 }.compactMap { unit in unit.entrants.first { $0.name == name } }
    let classes = judged[0].metrics.confusion.indices
    let confusion = classes.map { row in
      classes.map { column in judged.reduce(0) { $0 + $1.metrics.confusion[row][column] } }
    }
    let curves = judged.compactMap(\.roc)
    return .init(
      name: name, protocol: judged[0].answer, parameters: judged[0].parameters,
      balancedAccuracy: .init(scores(name)), accuracy: .init(bySeed(name) { $0.accuracy }),
      macroF1: .init(bySeed(name) { $0.macroF1 }.map { $0 ?? 0 }), auc: .init(bySeed(name) { $0.auc }),
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
  /// `target`: the paper's unseen patient; the study has others beside it.
  init(_ published: PublishedCell, _ figures: StudyFigures, target: String) {
    let target = published.scenario == .inconsistent ? target : nil
    let (study, strongest) = (figures.study, figures.strongest(target: target))
    let mtl = figures.scores(study.main, target: target)
    let stl = figures.scores(study.referenceName, target: target)
    let gain = PaperResults.Gain(mtl, over: stl)
    self.init(
      table: published.table, problem: published.problem.rawValue, scenario: published.scenario.rawValue,
      branch: published.branch.rawValue, published: .init(stl: published.stl, mtl: published.mtl),
      stl: .init(stl), mtl: .init(mtl), gain: gain, protocol: figures.answer(study.main),
      note: Self.note(published, study, figures), abovePublished: Statistics.mean(mtl) > published.mtl,
      verdict: .init(gain), strongest: strongest,
      verdictStrongest: .init(.init(mtl, over: figures.scores(strongest, target: target))), study: study.id)
  }

  private static func note(_ cell: PublishedCell, _ study: Study, _ figures: StudyFigures) -> String {
    let reference = "STL is \(study.referenceName)"
    switch (cell.problem, cell.scenario) {
    case (.detection, .consistent):
      return
        "\(reference). Split by beats at random, as the published figures suggest the paper did: neighbours of test "
        + "beats are trained on. The chronological split stands beside it."
    case (.classification, .consistent):
      return
        "\(reference). Chronological split; the leaking random split stands beside it. Rhythms told apart: "
        + "\(figures.result.classes.joined(separator: ", "))."
    case (.detection, .inconsistent):
      return "\(reference). One unseen patient; each of the others in turn stands beside it."
    case (.classification, .inconsistent):
      return
        "\(reference), with the same borrowing. VT against the rest, the only one of the four rhythms that the paper's "
        + "target has: four classes, as the paper's text has it, cannot be tested on it."
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
    self.init(
      table: published.table, problem: published.problem.rawValue,
      published: .init(stl: published.stl, mtl: published.mtl), stl: .init(stl), mtl: .init(mtl),
      gain: .init(mtl, over: stl))
  }
}

extension PaperResults.Tuning {
  /// A system's settings, each the mean over the units (targets or seeds).
  static func all(_ study: Study, _ results: [TuningResult]) -> [PaperResults.Tuning] {
    guard let first = results.first else { return [] }
    var systems: [String] = []
    for point in first.points where !systems.contains(point.system) { systems.append(point.system) }
    return systems.map { system in
      let indices = first.points.indices.filter { first.points[$0].system == system }
      let validation = indices.map { index in Statistics.mean(results.map { $0.points[index].validation }) }
      let test = indices.map { index in Statistics.mean(results.map { $0.points[index].test }) }
      let best = validation.indices.max { validation[$0] < validation[$1] } ?? 0
      let point = first.points[indices[best]]
      return .init(
        study: study.id, title: study.title, branch: study.branch.rawValue, system: system,
        settings: indices.count, validation: .init(validation), test: .init(test),
        chosen: .init(
          learningRate: point.learningRate, width: point.width, steps: point.steps, test: test[best]))
    }
  }
}
