import Report

/// The tables of `paper`: for the terminal, in Markdown and as CSV.
enum PaperTables {
  static func text(_ results: PaperResults) -> String {
    "\n\(heading)\n\n\(halves(results) { "\($0)\n\($1.text)" })\n\n\(reading)\n\(notes(results))"
  }

  static func markdown(_ results: PaperResults) -> String {
    var text =
      "# Tables I and II\n\n\(source(results))\n\n\(heading)\n\n\(halves(results) { "\($0)\n\n\($1.markdown)" })\n\n\(reading)\n\n\(notes(results))\n"
    for study in results.studies {
      text += "\n## \(title(study))\n\n\(entrants(study).markdown)\n"
      if study.targets.count > 1 { text += "\n\(targets(study).markdown)\n" }
    }
    if !results.tuning.isEmpty { text += "\n## Effort to tune\n\n\(tuning(results).markdown)\n" }
    text += "\n## Choices that the paper leaves open\n\n\(choices(results).markdown)\n"
    return text
  }

  /// A line a cell and a line a network of a study.
  static func csv(_ results: PaperResults) -> String {
    var table = Table([
      "kind", "table", "problem", "scenario", "branch", "study", "network", "published stl", "published mtl",
      "mean", "sd", "seeds", "gain over stl", "gain low", "gain high", "verdict", "parameters", "macro-F1",
      "AUC",
      "sensitivity", "specificity",
    ])
    func exact(_ value: Double?) -> String { value.map { decimals($0, 6) } ?? "" }
    for cell in results.cells {
      for (name, figure) in [("STL", cell.stl), ("MTL", cell.mtl)] {
        let gain = name == "MTL" ? cell.gain : nil
        table.add([
          "cell", "\(cell.table)", cell.problem, cell.scenario, cell.branch, cell.study, name,
          exact(cell.published.stl), exact(cell.published.mtl), exact(figure.mean), exact(figure.sd),
          "\(figure.seeds)", exact(gain?.mean), exact(gain?.low), exact(gain?.high),
          name == "MTL" ? cell.verdict.rawValue : "", "", "", "", "", "",
        ])
      }
    }
    for study in results.studies {
      for entrant in study.entrants {
        let figure = entrant.balancedAccuracy
        table.add([
          "network", "", "", "", study.branch, study.id, entrant.name, "", "", exact(figure.mean),
          exact(figure.sd), "\(figure.seeds)", exact(entrant.gain?.mean), exact(entrant.gain?.low),
          exact(entrant.gain?.high), "", "\(entrant.parameters)", exact(entrant.macroF1.mean),
          exact(entrant.auc?.mean), exact(entrant.sensitivity?.mean), exact(entrant.specificity?.mean),
        ])
      }
    }
    return table.csv
  }

  // MARK: Tables

  static let heading =
    "Balanced accuracy: the paper's accuracy on balanced data, averaged over all ways to balance them."
  static let reading =
    "Published: STL, MTL. Above it: whether MTL is above the published MTL. ± standard deviation over seeds; gain: MTL - STL of the same seeds with its 95 % interval. ▲ MTL beats STL: the interval lies above "
    + "0; ▼ it loses: below 0; • it is not shown to beat STL. The strongest STL is the best of all single-task networks on the same test "
    + "data, which favours STL."

  static func source(_ results: PaperResults) -> String {
    switch results.source {
    case "mitdb":
      "Real recordings of the MIT-BIH Arrhythmia Database (Moody and Mark 2001), records \(results.records.joined(separator: ", ")); "
        + "unseen patient \(results.target); seeds 1 to \(results.seeds)."
    default:
      "Recordings in \(results.source), records \(results.records.joined(separator: ", ")); unseen patient \(results.target); "
        + "seeds 1 to \(results.seeds). The published figures are of MIT-BIH records, not of these."
    }
  }

  private static func halves(_ results: PaperResults, _ write: (String, Table) -> String) -> String {
    halves.compactMap { number, problem in
      cells(results, number, problem).map { write(caption(number, problem), $0) }
    }.joined(separator: "\n\n")
  }

  private static func notes(_ results: PaperResults) -> String {
    results.notes.map { "- \($0)" }.joined(separator: "\n")
  }

  /// The four halves of Tables I and II, as the paper sets them: a row a network, then the average.
  static let halves = [(1, "detection"), (1, "classification"), (2, "detection"), (2, "classification")]

  static func caption(_ table: Int, _ problem: String) -> String {
    table == 1
      ? "Table I, consistent source and target: \(problem)"
      : "Table II, inconsistent source and target: \(problem)"
  }

  /// One half; nil without a cell.
  static func cells(_ results: PaperResults, _ number: Int, _ problem: String) -> Table? {
    var table = Table([
      "network", "published", "STL", "MTL", "above it", "gain", "against STL", "against strongest",
    ])
    let cells = results.cells.filter { $0.table == number && $0.problem == problem }
    guard !cells.isEmpty else { return nil }
    for cell in cells {
      table.add(
        [cell.branch.uppercased()]
          + figures(cell.published, cell.stl, cell.mtl, cell.gain)
          + [words(cell.verdict), "\(mark(cell.verdictStrongest)) \(cell.strongest)"])
    }
    for average in results.averages where average.table == number && average.problem == problem {
      table.add(
        ["average"] + figures(average.published, average.stl, average.mtl, average.gain)
          + [words(.init(average.gain)), "-"])
    }
    return table
  }

  private static func figures(
    _ published: PaperResults.Published, _ stl: PaperResults.Figure, _ mtl: PaperResults.Figure,
    _ gain: PaperResults.Gain
  ) -> [String] {
    // As many digits of the published figures as the paper prints.
    [
      "\(decimals(published.stl, 4)), \(decimals(published.mtl, 4))", figure(stl), figure(mtl),
      mtl.mean > published.mtl ? "yes" : "no", gained(gain),
    ]
  }

  static func title(_ study: PaperResults.StudyResult) -> String {
    "\(study.title), \(study.branch.uppercased())"
  }

  static func entrants(_ study: PaperResults.StudyResult) -> Table {
    let gain = "gain over \(study.reference)"
    var table = Table([
      "network", "balanced acc.", gain, "macro-F1", "AUC", "sensitivity", "specificity",
      "parameters", "judged by",
    ])
    for entrant in study.entrants {
      table.add([
        entrant.name, figure(entrant.balancedAccuracy), entrant.gain.map(gained) ?? "-",
        rate(entrant.macroF1.mean), rate(entrant.auc?.mean),
        rate(entrant.sensitivity?.mean), rate(entrant.specificity?.mean), "\(entrant.parameters)",
        entrant.protocol,
      ])
    }
    return table
  }

  static func targets(_ study: PaperResults.StudyResult) -> Table {
    var table = Table(["network"] + study.targets.map { "unseen \($0)" })
    for entrant in study.entrants { table.add([entrant.name] + entrant.byTarget.map(figure)) }
    return table
  }

  static func tuning(_ results: PaperResults) -> Table {
    var table = Table([
      "experiment", "branch", "network", "settings", "validation best", "median", "worst", "test best",
      "median of test", "worst of test", "sd of test", "chosen by validation", "its test",
    ])
    for row in results.tuning {
      table.add([
        row.title, row.branch.uppercased(), row.system, "\(row.settings)", rate(row.validation.best),
        rate(row.validation.median), rate(row.validation.worst), rate(row.test.best), rate(row.test.median),
        rate(row.test.worst), rate(row.test.sd),
        "\(row.chosen.learningRate), \(row.chosen.width), \(row.chosen.steps) steps", rate(row.chosen.test),
      ])
    }
    return table
  }

  static func choices(_ results: PaperResults) -> Table {
    var table = Table(["matter", "choice", "how it was made"])
    for choice in results.choices { table.add([choice.matter, choice.choice, choice.how]) }
    return table
  }

  // MARK: Cells

  static func rate(_ value: Double?) -> String { value.map { decimals($0, 3) } ?? "-" }

  static func figure(_ figure: PaperResults.Figure) -> String {
    rate(figure.mean) + (figure.sd.map { " ± \(rate($0))" } ?? "")
  }

  static func signed(_ value: Double) -> String { (value < 0 ? "" : "+") + rate(value) }

  /// A gain with its interval.
  static func gained(_ gain: PaperResults.Gain) -> String {
    guard let low = gain.low, let high = gain.high else { return signed(gain.mean) }
    return "\(signed(gain.mean)) [\(signed(low)), \(signed(high))]"
  }

  private static func mark(_ verdict: PaperResults.Verdict) -> String {
    switch verdict {
    case .beats: "▲"
    case .undecided: "•"
    case .loses: "▼"
    }
  }

  private static func words(_ verdict: PaperResults.Verdict) -> String {
    switch verdict {
    case .beats: "▲ beats it"
    case .undecided: "• not shown to"
    case .loses: "▼ loses"
    }
  }
}
