import Report

/// The tables of `paper`: for the terminal, in Markdown and as CSV.
enum PaperTables {
  static func text(_ results: PaperResults) -> String {
    let transfer = results.transfer.map {
      "\(transferTitle($0))\n\(self.transfer($0).text)\n\n\(transferReading($0))\n\n"
    }.joined()
    let joined = adaptation(results) { "\($0)\n\($1.map(\.text).joined(separator: "\n\n"))\n\n" }
    let halves = halves(results) { "\($0)\n\($1.text)" }
    let tables = halves.isEmpty ? "" : "\(heading)\n\n\(halves)\n\n\(reading)\n\n"
    return "\n\(tables)\(joined)\(transfer)\(notes(results))"
  }

  static func markdown(_ results: PaperResults) -> String {
    var text =
      "# Tables I and II\n\n\(source(results))\n\n\(heading)\n\n\(halves(results) { "\($0)\n\n\($1.markdown)" })\n\n\(reading)\n\n\(notes(results))\n"
    for study in results.studies {
      text += "\n## \(title(study))\n\n\(entrants(study).markdown)\n"
      if study.targets.count > 1 { text += "\n\(targets(study).markdown)\n" }
    }
    for transfer in results.transfer {
      text +=
        "\n## \(transferTitle(transfer))\n\n\(self.transfer(transfer).markdown)\n\n\(transferReading(transfer))\n"
      text += "\n\(transferTargets(transfer).markdown)\n"
    }
    if !results.tuning.isEmpty { text += "\n## Effort to tune\n\n\(tuning(results).markdown)\n" }
    text += "\n## Choices that the paper leaves open\n\n\(choices(results).markdown)\n"
    return text
  }

  /// A line a cell and a line a network of a study.
  static func csv(_ results: PaperResults) -> String {
    var table = Table([
      "kind", "table", "problem", "scenario", "branch", "study", "network", "judged by", "published stl",
      "published mtl", "mean", "sd", "seeds", "gain over", "gain", "gain low", "gain high", "verdict",
      "parameters", "macro-F1", "AUC", "sensitivity", "specificity", "share of steps",
    ])
    func exact(_ value: Double?) -> String { value.map { decimals($0, 6) } ?? "" }
    func row(
      _ place: [String], _ network: String, _ answer: String, _ published: PaperResults.Published?,
      _ figure: PaperResults.Figure, over: String = "", _ gain: PaperResults.Gain? = nil,
      _ verdict: PaperResults.Verdict? = nil, _ rest: [String] = ["", "", "", "", ""]
    ) {
      table.add(
        place + [network, answer, exact(published?.stl), exact(published?.mtl)]
          + [exact(figure.mean), exact(figure.sd), "\(figure.seeds)", over]
          + [exact(gain?.mean), exact(gain?.low), exact(gain?.high), verdict?.rawValue ?? ""] + rest
          + ["\(results.run.shareOfSteps)"])
    }
    for cell in results.cells {
      let place = ["cell", "\(cell.table)", cell.problem, cell.scenario, cell.branch, cell.study]
      row(place, "STL", "", cell.published, cell.stl)
      row(place, "MTL", cell.protocol, cell.published, cell.mtl, over: "STL", cell.gain, cell.verdict)
      row(
        place, "MTL", cell.protocol, cell.published, cell.mtl, over: cell.strongest.name,
        cell.strongest.gain, cell.strongest.verdict)
    }
    for average in results.averages {
      let place = ["average", "\(average.table)", average.problem, "", "", ""]
      row(place, "STL", "", average.published, average.stl)
      row(place, "MTL", "", average.published, average.mtl, over: "STL", average.gain, average.verdict)
    }
    for study in results.studies {
      for entrant in study.entrants {
        row(
          ["network", "", "", "", study.branch, study.id], entrant.name, entrant.protocol, nil,
          entrant.balancedAccuracy, over: entrant.gain == nil ? "" : study.reference, entrant.gain, nil,
          [
            "\(entrant.parameters)", exact(entrant.macroF1.mean), exact(entrant.auc?.mean),
            exact(entrant.sensitivity?.mean), exact(entrant.specificity?.mean),
          ])
      }
    }
    for transfer in results.transfer {
      for form in transfer.forms {
        for judged in form.conditions {
          row(
            [
              "transfer", "", "detection", "inconsistent", transfer.branch,
              "transfer-detection-\(transfer.branch)",
            ],
            form.name, judged.condition, nil, judged.perPatient,
            over: judged.gain == nil ? "" : transfer.reference,
            judged.gain, nil,
            ["\(form.parameters)", exact(judged.macroF1.mean), exact(judged.auc.mean), "", ""])
        }
      }
    }
    return table.csv
  }

  // MARK: Tables

  static let heading =
    "Balanced accuracy: the paper's accuracy on balanced data, averaged over all ways to balance them."
  static let reading =
    "Published: STL, MTL. ↑: MTL is above the published MTL, ↓: it is not; neither where the question is another. ± standard deviation over seeds; gain: MTL - STL of the same "
    + "seeds with its 95 % interval (Student's t over the seeds; it says nothing of other patients, and twelve comparisons are not "
    + "corrected for). ▲ MTL beats STL: the interval lies above 0; ▼ it loses: below 0; • it is not shown to beat STL. The strongest "
    + "STL is the single-task network with the highest mean on the cell's own test data: chosen so, it has luck on its side, and the "
    + "gain over it is biased against MTL."

  static func source(_ results: PaperResults) -> String {
    let source =
      results.run.source == "mitdb"
      ? "Real recordings of the MIT-BIH Arrhythmia Database (Moody and Mark 2001)"
      : "Recordings in \(results.run.source)"
    return "\(source), records \(results.records.joined(separator: ", ")) (Table I, classification: "
      + "\(results.rhythmRecords.joined(separator: ", "))); unseen patient \(results.target); seeds 1 to \(results.run.seeds)."
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
      "network", "published", "STL", "MTL", "gain", "strongest STL", "gain over it",
    ])
    let cells = results.cells.filter { $0.table == number && $0.problem == problem }
    guard !cells.isEmpty else { return nil }
    for cell in cells {
      table.add([
        cell.branch.uppercased(), published(cell.published), figure(cell.stl),
        figure(cell.mtl) + arrow(cell.abovePublished), marked(cell.gain, cell.verdict),
        "\(cell.strongest.name) \(rate(cell.strongest.figure.mean))",
        marked(cell.strongest.gain, cell.strongest.verdict),
      ])
    }
    for average in results.averages where average.table == number && average.problem == problem {
      table.add([
        "average", published(average.published), figure(average.stl),
        figure(average.mtl) + arrow(average.abovePublished), marked(average.gain, average.verdict), "-", "-",
      ])
    }
    return table
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
      "median of test", "worst of test", "sd of test", "test at validation's choice",
    ])
    for row in results.tuning {
      table.add([
        row.title, row.branch.uppercased(), row.system, "\(row.settings)", rate(row.validation.best),
        rate(row.validation.median), rate(row.validation.worst), rate(row.test.best), rate(row.test.median),
        rate(row.test.worst), rate(row.test.sd),
        rate(row.chosenTest),
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

  /// As many digits as the paper prints.
  private static func published(_ published: PaperResults.Published) -> String {
    "\(decimals(published.stl, 4)), \(decimals(published.mtl, 4))"
  }

  private static func arrow(_ above: Bool?) -> String { above.map { $0 ? " ↑" : " ↓" } ?? "" }

  private static func marked(_ gain: PaperResults.Gain, _ verdict: PaperResults.Verdict) -> String {
    let mark =
      switch verdict {
      case .beats: "▲"
      case .undecided: "•"
      case .loses: "▼"
      }
    return "\(mark) \(gained(gain))"
  }
}
