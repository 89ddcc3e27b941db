import Report
import SharedTrunk

/// `report.html` of `paper`: the tables and what is behind them. Every number in it is in `paper.json`.
struct PaperReport {
  private let results: PaperResults

  init(_ results: PaperResults) { self.results = results }

  var html: String {
    var page = HTMLPage(
      title: "Heartwood: Tables I and II of the paper, and what stands beside them",
      lead: PaperTables.source(results) + " " + PaperTables.heading)
    if !results.cells.isEmpty {
      page.add("Tables I and II", tables)
      page.add("Published and ours", [.charts([figures, gains])])
    }
    page.add(
      "How to read it, and what the records cannot test",
      (results.cells.isEmpty ? [] : [.paragraph(PaperTables.reading)]) + [.list(results.notes)])
    if let strip = results.strip { page.add("A stretch of the unseen patient", self.strip(strip)) }
    if !cellStudies.isEmpty {
      page.add("Training loss", [.charts(cellStudies.map(losses)), .caption(lossCaption)])
      page.add("ROC", [.charts(cellStudies.compactMap(roc)), .caption(rocCaption)])
      page.add("Confusion", [.charts(cellStudies.flatMap(confusion)), .caption(confusionCaption)])
    }
    if !results.studies.isEmpty { page.add("All studies", results.studies.flatMap(study)) }
    if !results.transfer.isEmpty {
      page.add("Many sources, each patient in turn never seen", results.transfer.flatMap(transfer))
    }
    if !results.tuning.isEmpty { page.add("Effort to tune", tuning) }
    page.add("Choices that the paper leaves open", choices)
    page.add("This run", [.table(run)])
    return page.html
  }

  // MARK: The paper's tables

  private var tables: [HTMLPage.Block] {
    PaperTables.halves.flatMap { number, problem -> [HTMLPage.Block] in
      guard let table = PaperTables.cells(results, number, problem),
        let cell = results.cells.first(where: { $0.table == number && $0.problem == problem })
      else { return [] }
      return [
        .heading(PaperTables.caption(number, problem)), .table(table),
        .caption("MTL judged by \(cell.protocol). \(cell.note)"),
      ]
    }
  }

  private var figures: IntervalChart {
    chart(
      "Balanced accuracy", x: "published and ours; whiskers: sd over seeds",
      ["STL published", "STL", "MTL published", "MTL"]
    ) {
      cell in
      [
        .init(cell.published.stl), mark(cell.stl), .init(cell.published.mtl), mark(cell.mtl),
      ]
    }
  }

  private var gains: IntervalChart {
    chart(
      "Gain of MTL over STL", x: "difference; whiskers: its 95 % interval", reference: 0,
      ["published", "ours"]
    ) { cell in
      [
        .init(cell.published.gain),
        .init(cell.gain.mean, low: cell.gain.low, high: cell.gain.high),
      ]
    }
  }

  private func chart(
    _ title: String, x: String, reference: Double? = nil, _ series: [String],
    _ marks: (PaperResults.Cell) -> [IntervalChart.Mark?]
  ) -> IntervalChart {
    let groups = PaperTables.halves.compactMap { table, problem -> IntervalChart.Group? in
      let cells = results.cells.filter { $0.table == table && $0.problem == problem }
      return cells.isEmpty
        ? nil
        : .init(
          "Table \(table == 1 ? "I" : "II"), \(problem)",
          cells.map { .init($0.branch.uppercased(), marks($0)) })
    }
    return IntervalChart(title, x: x, reference: reference, series: series, groups)
  }

  func mark(_ figure: PaperResults.Figure) -> IntervalChart.Mark {
    .init(figure.mean, low: figure.sd.map { figure.mean - $0 }, high: figure.sd.map { figure.mean + $0 })
  }

  // MARK: Pictures of the cells' studies

  private var cellStudies: [PaperResults.StudyResult] {
    results.cells.compactMap { cell in results.studies.first { $0.id == cell.study } }
  }

  /// MTL and the study's STL.
  private func pair(_ study: PaperResults.StudyResult) -> [PaperResults.Entrant] {
    [study.entrants.first].compactMap { $0 } + study.entrants.filter { $0.name == study.reference }
  }

  /// Of a study with several targets the pictures are of all, not of the cell's alone.
  private func short(_ study: PaperResults.StudyResult) -> String {
    let cell = results.cells.first { $0.study == study.id }
    let table = "Table \(cell?.table == 1 ? "I" : "II"), \(cell?.problem ?? ""), \(study.branch.uppercased())"
    return study.targets.count > 1 ? "\(table), each patient in turn" : table
  }

  private func losses(_ study: PaperResults.StudyResult) -> LineChart {
    LineChart(
      short(study), x: "share of the steps", y: "training loss, log scale", logarithmic: true,
      pair(study).map { entrant in
        let count = Double(entrant.losses.count)
        return .init(
          entrant.name,
          entrant.losses.enumerated().filter { $0.element > 0 }.map {
            .init((Double($0.offset) + 1) / count, $0.element)
          })
      })
  }

  private let lossCaption =
    "Mean over seeds and targets, a point for every fiftieth of the steps. MTL's is the mean over its tasks: of easier or harder questions than STL's one, so the two curves' heights do not compare."

  private func roc(_ study: PaperResults.StudyResult) -> LineChart? {
    let curves = pair(study).compactMap { entrant in
      entrant.roc.map { roc in
        LineChart.Series(
          "\(entrant.name)\(entrant.auc.map { ": AUC \(PaperTables.rate($0.mean))" } ?? "")",
          zip(results.rocRates, roc).map { .init($0, $1) })
      }
    }
    return curves.isEmpty
      ? nil
      : LineChart(
        short(study), x: "false-positive rate", y: "true-positive rate", range: (0...1, 0...1), curves)
  }

  private let rocCaption =
    "Mean over seeds and targets of the curves' heights. The classification of rhythms has more than two classes and no curve."

  private func confusion(_ study: PaperResults.StudyResult) -> [ConfusionMatrix] {
    pair(study).map {
      ConfusionMatrix("\(short(study)): \($0.name)", classes: study.classes, counts: $0.confusion)
    }
  }

  private let confusionCaption =
    "Test beats of all seeds and targets together, as they are, not balanced: a row is an annotated class, a column a verdict."

  private func strip(_ strip: PaperResults.Strip) -> [HTMLPage.Block] {
    let classes = ["normal", "abnormal"]
    func kind(_ annotated: String, _ judged: String) -> String {
      annotated == judged
        ? "\(annotated), judged so"
        : annotated == classes[1] ? "\(annotated), missed" : "\(annotated), judged \(judged)"
    }
    let kinds = classes.flatMap { annotated in classes.map { kind(annotated, $0) } }
    let picture = SignalStrip(
      "Record \(strip.record), lead \(strip.lead)", unit: "sd", rate: strip.rate, start: strip.start,
      samples: strip.samples, kinds: kinds,
      beats: strip.beats.map { beat in
        (beat.second, kinds.firstIndex(of: kind(beat.annotated, beat.judged)) ?? 0)
      })
    return [
      .charts([picture]),
      .caption(
        "Judged by \(strip.system), \(branch(strip.study)), seed \(strip.seed), which has never seen this patient. The stretch is the one where normal and abnormal beats alternate most by the annotations. Filtered, in standard deviations of the record."
      ),
    ]
  }

  private func branch(_ id: String) -> String {
    results.studies.first { $0.id == id }?.branch.uppercased() ?? ""
  }

  // MARK: Tables behind them

  private func study(_ study: PaperResults.StudyResult) -> [HTMLPage.Block] {
    var blocks: [HTMLPage.Block] = [
      .heading(PaperTables.title(study)), .table(PaperTables.entrants(study)),
    ]
    if study.targets.count > 1 {
      blocks += [
        .table(PaperTables.targets(study)),
        .caption("By unseen patient. The first table's figures are means over these patients."),
      ]
    }
    return blocks
  }

  private var tuning: [HTMLPage.Block] {
    func listed(_ numbers: [some Any]) -> String { numbers.map { "\($0)" }.joined(separator: ", ") }
    let grid = results.tuningGrid ?? .init()
    return [
      .paragraph(
        "The paper says that its scheme needs little effort to tune. One grid for both: learning rate \(listed(grid.learningRates)); width of both trunk layers \(listed(grid.widths)); steps \(listed(grid.shares)) times the recipe's. The less the settings' test figures spread, and the nearer the median is to the best, the less tuning matters. Nothing in the tables was chosen from this grid."
      ), .table(PaperTables.tuning(results)),
      .caption(
        "Balanced accuracy, each setting the mean over unseen patients (seed 1) or over seeds. Last column: each unseen patient, or each seed, at the setting that its own validation data choose."
      ),
    ]
  }

  private var choices: [HTMLPage.Block] {
    results.choices.flatMap { choice in
      [
        .heading(choice.matter), .paragraph(choice.choice), .caption("How it was made: \(choice.how)"),
      ] as [HTMLPage.Block]
    }
  }

  private var run: Table {
    var table = Table(["figure", "value"])
    table.add(["Heartwood", results.run.heartwood])
    table.add(["records", results.records.joined(separator: " ")])
    table.add(["unseen patient", results.target])
    table.add(["records with rhythms", results.rhythmRecords.joined(separator: " ")])
    table.add(["patients with VT, each in turn unseen", results.rhythmTargets.joined(separator: " ")])
    table.add(["seeds", "\(results.run.seeds)"])
    table.add(["ranks", "\(results.run.ranks)"])
    table.add(["units of this run", "\(results.run.units)"])
    table.add(["of them kept from an earlier run", "\(results.run.kept)"])
    table.add(["seconds of this run", decimals(results.run.seconds, 1)])
    return table
  }
}
