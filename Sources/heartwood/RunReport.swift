import Report
import SharedTrunk

/// What a network's training told step by step, as `metrics.jsonl` has it.
struct History {
  private(set) var losses: [LineChart.Point] = []
  private(set) var validation: [LineChart.Point] = []

  mutating func add(step: Int, loss: Double, validation score: Double?) {
    losses.append(LineChart.Point(Double(step), loss))
    if let score { validation.append(LineChart.Point(Double(step), score)) }
  }
}

/// `report.html` of a run: the summary and the steps for a reader. Every number in it is in `summary.json` or `metrics.jsonl`.
struct RunReport {
  /// A network's figures, the run's own and those beside it alike.
  private struct Column {
    let name: String
    let parameters: Int
    let loss: Summary.Loss
    let validation: Summary.Validation
    let test: Summary.Test?
    let results: [Summary.Result]
    let history: History
  }

  private let summary: Summary
  private let networks: [Column]
  private let classes: [String]

  /// `main`: the name of the run's own network; `histories`: its and the baselines', in the summary's order.
  init(_ summary: Summary, main: String, histories: [History], classes: [String]) {
    self.summary = summary
    self.classes = classes
    let own = Column(
      name: main, parameters: summary.parameters, loss: summary.loss, validation: summary.validation,
      test: summary.test, results: summary.perTask, history: histories[0])
    networks =
      [own]
      + zip(summary.baselines, histories.dropFirst()).map {
        Column(
          name: $0.name, parameters: $0.parameters, loss: $0.loss, validation: $0.validation, test: $0.test,
          results: $0.perTask, history: $1)
      }
  }

  var html: String {
    var page = HTMLPage(title: "Heartwood: \(subject)", lead: headline)
    if summary.test != nil {
      page.add("Networks on all test beats", [.table(scores), .paragraph(judging)])
      page.add("Confusion on all test beats", [.table(confusion)])
    }
    if !byPatient.isEmpty { page.add("By patient and AAMI class", byPatient) }
    page.add("Training", [.charts([losses, validation])])
    page.add("Results by record", results)
    page.add("Data", data)
    page.add("Wire and speed", [.table(cost), .table(kinds)])
    page.add("Choices made", [.list(choices)])
    return page.html
  }

  // MARK: What was run

  private var inconsistent: Bool { summary.scenario == "inconsistent" }
  /// Whether every task had the beats of all records.
  private var pooled: Bool { !inconsistent && summary.taskKind == "paper" }

  private var subject: String {
    summary.problem == "detection" ? "abnormal heartbeats told from normal ones" : "arrhythmias told apart"
  }

  private var headline: String {
    let judged =
      inconsistent
      ? summary.targets.isEmpty
        ? "judged on no target: only validated"
        : "judged on \(listed(summary.targets)), never seen in training"
      : "judged on \(pooled ? "the records' test parts together" : "each task's own test part") (split \(summary.split ?? "-"))"
    return """
      \(sourceSentence) Problem \(summary.problem), scenario \(summary.scenario): \(counted(summary.tasks.count, "task")) \
      (\(listed(summary.tasks.map(\.name)))) on \(counted(summary.ranks, "rank")), \(judged). \(networks[0].name) with \
      \(summary.branch.uppercased()) branches, \(counted(summary.steps, "step")) of \(summary.batch) examples a task, \
      seed \(summary.seed).
      """
  }

  private var sourceSentence: String {
    switch summary.source {
    case "simulated": "Simulated ECG (McSharry's dynamical model), not real recordings."
    case "mitdb": "Real recordings of the MIT-BIH Arrhythmia Database."
    default: "Recordings in \(summary.source)."
    }
  }

  private var data: [HTMLPage.Block] {
    var table = Table([
      "task", "rank", "training beats", "borrowed beats", inconsistent ? "validation beats" : "test beats",
    ])
    for task in summary.tasks.prefix(Self.rowLimit) {
      table.add([
        task.name, "\(task.rank)", "\(task.trainExamples)", "\(task.borrowedExamples)",
        "\(task.testExamples)",
      ])
    }
    return [
      .paragraph(
        "\(sourceSentence) Records: \(listed(summary.data.records)).\(summary.data.note.map { " Note: \($0)." } ?? "") Fingerprint of all that was read of them: \(summary.data.fingerprint)."
      ),
      .table(table),
    ] + cut(summary.tasks.count)
  }

  // MARK: What came out

  private var scores: Table {
    var table = Table(["network"] + FigureTables.figures + ["judged by"])
    for network in networks {
      guard let test = network.test else { continue }
      table.add([network.name] + FigureTables.cells(test.metrics) + [test.protocol])
    }
    return table
  }

  private var confusion: Table {
    var table = Table(["network", "annotated"] + classes.map { "judged \($0)" })
    for network in networks {
      for (name, row) in zip(classes, network.test?.metrics.confusion ?? []) {
        table.add([network.name, name] + row.map { "\($0)" })
      }
    }
    return table
  }

  /// Where the test beats are known by patient, and their symbols are at hand.
  private var byPatient: [HTMLPage.Block] {
    let means = networks.compactMap { network in
      network.test?.perPatient.map { "\(network.name): \(FigureTables.sentence($0))" }
    }
    let classes = networks.compactMap { network in
      network.test?.aamiClasses.map { (name: network.name, classes: $0) }
    }
    return (means.isEmpty ? [] : [.list(means)])
      + (classes.isEmpty ? [] : [.table(FigureTables.aami(classes)), .caption(FigureTables.aamiNote)])
  }

  private var losses: LineChart {
    LineChart(
      "Loss", x: "step", y: "training loss of a step's minibatches, log scale", logarithmic: true,
      networks.map { LineChart.Series($0.name, $0.history.losses) })
  }

  private var validation: LineChart {
    LineChart(
      "Validation", x: "step", y: "balanced accuracy, all tasks together",
      networks.map { LineChart.Series(best($0), $0.history.validation) })
  }

  private func best(_ network: Column) -> String {
    guard let score = network.validation.balancedAccuracy else { return network.name }
    return "\(network.name): \(FigureTables.rate(score)) at step \(network.validation.bestStep), kept"
  }

  private var results: [HTMLPage.Block] {
    var table = Table(["record", "part", "network"] + FigureTables.figures)
    for index in networks[0].results.indices.prefix(Self.rowLimit) {
      for network in networks {
        let result = network.results[index]
        table.add([result.name, result.part, network.name] + FigureTables.cells(result.metrics))
      }
    }
    return [.table(table)] + cut(networks[0].results.count)
  }

  // MARK: What it cost

  private var cost: Table {
    var table = Table(["figure", "value", "unit"])
    table.add([
      "training speed, \(networks[0].name)", decimals(summary.throughput.examplesPerSecond, 0), "examples/s",
    ])
    table.add(["median step, \(networks[0].name)", decimals(summary.throughput.stepMilliseconds, 3), "ms"])
    table.add(["payload a step and rank", "\(summary.wire.bytesPerStepPerRank)", "bytes"])
    table.add(["collectives a step", "\(summary.wire.collectivesPerStep)", ""])
    for network in networks { table.add(["parameters, \(network.name)", "\(network.parameters)", ""]) }
    let seconds = [
      ("start", summary.seconds.startup), ("data", summary.seconds.data),
      ("training \(networks[0].name)", summary.seconds.training),
      ("evaluation \(networks[0].name)", summary.seconds.evaluation), ("whole run", summary.seconds.total),
    ]
    for (name, value) in seconds { table.add(["time, \(name)", decimals(value, 2), "s"]) }
    table.add(["peak memory, largest rank", decimals(summary.peakMemoryMB.max() ?? 0, 0), "MB"])
    return table
  }

  private var kinds: Table {
    var table = Table(["payload of all ranks, whole run", "bytes"])
    for (kind, bytes) in summary.wire.bytesByKind.sorted(by: { $0.key < $1.key }) {
      table.add([kind, "\(bytes)"])
    }
    return table
  }

  // MARK: How to read it

  private var judging: String {
    "Accuracy: on as many \(classes.joined(separator: " as ")) beats; every other figure on all beats."
  }

  private var choices: [String] {
    [
      "Accuracy is the paper's metric: on a subset with as many beats of each class as the rarest has, drawn by the seed.",
      "Balanced accuracy is the mean over the classes of the fraction recognised, on all beats. Macro-F1 and AUC are on all beats too.",
      inconsistent
        ? "Validation is the last 15 % of each source record in time. Early stopping has seen it: the weights kept are those of its best step. The targets were used for neither."
        : "Validation is a part of each record that neither trains nor tests. Early stopping has seen it: the weights kept are those of its best step.",
      "Loss is the cross-entropy on a step's minibatches (of a multi-task network the mean over tasks), before that step's update.",
      "Sharing: learning \(summary.learning), fusion \(summary.fusion), exchange \(summary.exchange), protocol \(summary.test?.protocol ?? "none"). Made by Heartwood \(summary.heartwood).",
    ]
  }

  // MARK: Words

  /// Longer tables and lists are cut, so that the page stays small; the summary has all.
  private static let rowLimit = 300

  private func cut(_ count: Int) -> [HTMLPage.Block] {
    count > Self.rowLimit ? [.paragraph("The first \(Self.rowLimit) of \(count); summary.json has all.")] : []
  }

  private func listed(_ names: [String]) -> String {
    names.prefix(24).joined(separator: ", ") + (names.count > 24 ? " and \(names.count - 24) more" : "")
  }

  private func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
