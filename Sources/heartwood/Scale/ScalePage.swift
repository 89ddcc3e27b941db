import Foundation
import Report
import Scaling
import SharedTrunk

/// `report.html` of `scale`: pictures and tables of what is in `scale.json`.
struct ScalePage {
  private let results: ScaleResults

  init(_ results: ScaleResults) { self.results = results }

  var html: String {
    let run = results.run
    var page = HTMLPage(
      title: "Heartwood: how training scales",
      lead:
        "\(run.branch.uppercased()) branches on \(run.ranks) rank\(run.ranks == 1 ? "" : "s") of \(results.placement.hostCount) host\(results.placement.hostCount == 1 ? "" : "s"); times are of random data, not of any patient's."
    )
    page.add("In short", [.list(findings)])
    page.add(
      "Measured steps",
      [
        .charts([tasks] + [strong, weak].compactMap { $0 }), .table(ScaleTables.steps(results)),
        .caption(ScaleTables.caption(results)),
      ])
    if !results.sums.isEmpty {
      page.add(
        "Bare sums", [.charts([sums]), .table(ScaleTables.sums(results)), .caption(sumCaption)])
    }
    page.add(
      "The model, and points left out",
      [
        .charts([agreement]), .table(ScaleTables.checks(results)), .caption(checkCaption), .table(model),
        .list(modelText),
      ])
    page.add(
      "Predicted, not measured",
      [
        .paragraph("Weak scaling: " + ScaleTables.forecastCaption(results)), .charts(forecasts),
        .table(ScaleTables.efficiencies(results)), .table(ScaleTables.forecasts(results)), .list(assumptions),
      ])
    if let accuracy = results.accuracy {
      page.add("Accuracy on patients never seen", self.accuracy(accuracy))
    }
    page.add("This run", [.table(about)])
    return page.html
  }

  // MARK: In short

  private var findings: [String] {
    let steps = results.steps
    let shared = steps.filter { $0.ranks > 1 }
    let bytes = Set(shared.map(\.bytesPerRank))
    var found: [String] = []
    if let fewest = shared.map(\.patients).min(), let most = shared.map(\.patients).max() {
      let amount = bytes.sorted().map { "\($0)" }.joined(separator: " to ")
      found.append(
        "A rank hands \(amount) bytes a step to the network, from \(fewest) to \(most) patients.")
    }
    let single = steps.filter { $0.ranks == 1 && $0.patients >= 6 }.map(\.secondsATask)
    if single.count > 1, let least = single.min(), let most = single.max() {
      let range = steps.filter { $0.ranks == 1 && $0.patients >= 6 }.map(\.patients)
      found.append(
        "On one rank a task takes \(ScaleTables.milliseconds(least)) to \(ScaleTables.milliseconds(most)) ms a step from \(range.min()!) to \(range.max()!) tasks: within \(decimals((most / least - 1) * 100, 0)) %."
      )
    }
    for series in results.weak where series.patients == results.weak.map(\.patients).max() {
      let last = series.points[series.points.count - 1]
      found.append(
        "Weak scaling from \(series.points[0].ranks) to \(last.ranks) ranks of \(series.patients) patients each keeps \(decimals(last.figure * 100, 0)) % of a rank's speed\(crowded(last.ranks))."
      )
    }
    found += results.checks.map {
      "Left out, \($0.what): off by \(decimals($0.medianError * 100, 1)) % in the median, \(decimals($0.worstError * 100, 1)) % at worst."
    }
    found += results.limits.filter { $0.tasksARank == 1 }.map {
      "Predicted, one patient a rank on \($0.network == NetworkKind.measuredName ? "the measured network" : $0.network): \($0.patients.map { "half the time is lost from \($0) patients on" } ?? "more than half the time goes into computing at a million patients")."
    }
    return found
  }

  private func crowded(_ ranks: Int) -> String {
    let turns = turns(ranks)
    return turns > 1
      ? " (\(decimals(turns, 0)) ranks take turns on a core: at best \(decimals(100 / turns, 0)) %)" : ""
  }

  /// How many ranks share the fullest core.
  private func turns(_ ranks: Int) -> Double {
    results.placement[results.placement.spread(ranks)].ranksPerCore.rounded(.up)
  }

  // MARK: Measured

  private var rankCounts: [Int] { Set(results.steps.map(\.ranks)).sorted() }

  private func ranks(_ count: Int) -> String { count == 1 ? "1 rank" : "\(count) ranks" }

  private var tasks: LineChart {
    LineChart(
      "Step time a task", x: "tasks on a rank", y: "ms a task (whisker: the median repetition)",
      logarithmicX: true,
      rankCounts.map { count in
        let steps = results.steps.filter { $0.ranks == count && $0.patients % count == 0 }
          .sorted { $0.patients < $1.patients }
        return .init(
          ranks(count),
          steps.map { step in
            let scale = 1e3 / Double(step.tasksARank)
            return .init(
              Double(step.tasksARank), step.seconds * scale, low: step.seconds * scale,
              high: Statistics.median(step.byRepetition) * scale)
          })
      })
  }

  private var strong: LineChart? {
    chart(
      "Strong scaling", results.strong, y: "speed-up", name: { "\($0) patients in all" },
      ideal: { Double($0) / turns($0) })
  }

  private var weak: LineChart? {
    chart(
      "Weak scaling", results.weak, y: "efficiency", name: { "\($0) a rank" }, ideal: { 1 / turns($0) })
  }

  /// Nil if no two numbers of ranks can be compared.
  private func chart(
    _ title: String, _ series: [ScaleResults.Series], y: String, name: (Int) -> String,
    ideal: (_ ranks: Int) -> Double
  ) -> LineChart? {
    guard let longest = series.max(by: { $0.points.count < $1.points.count }) else { return nil }
    let counts = longest.points.map(\.ranks)
    // As many as can be told apart, spread over what there is.
    let shown = series.filter { $0.points.count == longest.points.count }
    let chosen = shown.count <= 4 ? shown : [0, 1, 2, 3].map { shown[$0 * (shown.count - 1) / 3] }
    let lines = chosen.map { series in
      LineChart.Series(name(series.patients), series.points.map { .init(Double($0.ranks), $0.figure) })
    }
    let fits = chosen.enumerated().map { index, series in
      LineChart.Series(
        "\(name(series.patients)), model", series.points.map { .init(Double($0.ranks), $0.fittedFigure) },
        style: .dashed, colour: index)
    }
    return LineChart(
      title, x: "ranks", y: y,
      lines + fits + [
        .init(
          "nothing lost, on the cores there are",
          counts.map { .init(Double($0), ideal($0) / ideal(counts[0])) },
          style: .dashed, colour: 5)
      ])
  }

  private var sums: LineChart {
    let keys = Set(results.sums.map { [$0.ranks, $0.hosts] }).sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }
    let shown = keys.count <= 4 ? keys : [0, 1, 2, 3].map { keys[$0 * (keys.count - 1) / 3] }
    return LineChart(
      "Time of a bare sum", x: "bytes", y: "µs", logarithmic: true, logarithmicX: true,
      shown.enumerated().flatMap { index, key in
        let sums = results.sums.filter { $0.ranks == key[0] && $0.hosts == key[1] }
        let name = "\(ranks(key[0])), \(key[1]) host\(key[1] == 1 ? "" : "s")"
        let fits = sums.compactMap { sum in
          sum.fitted.map { LineChart.Point(Double(sum.bytes), $0 * 1e6) }
        }
        let measured = LineChart.Series(
          name, sums.map { .init(Double($0.bytes), $0.seconds * 1e6) }, style: .points, colour: index)
        return fits.isEmpty
          ? [measured] : [measured, .init("\(name), fit", fits, style: .dashed, colour: index)]
      })
  }

  private var sumCaption: String {
    "A step's sums, each half a millisecond after the last, as training has them, of the rank that waits least; a step needs one of each of \(results.model.messages.map { "\($0)" }.joined(separator: " and ")) bytes. Signs: measured; lines: the fit. Between hosts, jumps are where Open MPI changes its algorithm. Sums of more ranks than cores are not fitted: they take as long as the kernel lets ranks wait."
  }

  // MARK: Model

  private var agreement: LineChart {
    let values = results.steps.flatMap { [$0.seconds, $0.leftOut ?? $0.fitted] }
    let ends = [values.min()! * 1e3, values.max()! * 1e3]
    return LineChart(
      "Steps: left out and predicted, against measured", x: "measured ms", y: "predicted ms",
      logarithmic: true, logarithmicX: true,
      rankCounts.enumerated().map { index, count in
        .init(
          ranks(count),
          results.steps.filter { $0.ranks == count }.sorted { $0.seconds < $1.seconds }.map {
            .init($0.seconds * 1e3, ($0.leftOut ?? $0.fitted) * 1e3)
          }, style: .points, colour: index)
      } + [.init("equal", ends.map { .init($0, $0) }, style: .dashed, colour: 5)])
  }

  private let checkCaption =
    "Every point is left out once, those at the ends of the range too, and nothing was chosen after seeing an error. The bare sums are measured apart and stay while a step is left out."

  private var model: Table {
    let (model, sums) = (results.model, results.model.sums)
    var table = Table(["of the model", "value"])
    func microseconds(_ seconds: Double) -> String { decimals(seconds * 1e6, 2) + " µs" }
    table.add(["a task in the cache", microseconds(model.task)])
    table.add(["a task out of the cache", microseconds(model.task + model.memory)])
    if model.cache > 0 {
      table.add([
        "tasks of which the cache holds half",
        "\(decimals(model.cache, 1)) (sharpness \(decimals(model.sharpness, 1)), shared \(decimals(model.sharing, 1)))",
      ])
    }
    table.add(["ranks of a machine hinder one another (0 to 1)", decimals(model.hindrance, 2)])
    table.add([
      "computing from step to step, sd",
      "\(decimals(model.deviationOfOne * 100, 1)) % / √tasks + \(decimals(model.deviationOfAll * 100, 1)) %",
    ])
    guard !results.sums.isEmpty else { return table }
    table.add([
      "waiting in shared memory, each time, for each rank of a host", microseconds(sums.latencyWithin),
    ])
    if results.placement.hostCount > 1 {
      table.add(["a round between hosts", microseconds(sums.latencyBetween)])
    }
    if let large = sums.largeBytes {
      table.add(["a round with messages above \(large) bytes, more", microseconds(sums.latencyOfLarge)])
      table.add(["bandwidth of messages up to that, besides", ScaleTables.bandwidth(sums.byteOfSmall)])
    }
    table.add(["bandwidth of shared memory", ScaleTables.bandwidth(sums.byteWithin)])
    if results.placement.hostCount > 1 {
      table.add(["bandwidth between hosts", ScaleTables.bandwidth(sums.byteBetween)])
    }
    for turns in model.turns {
      table.add([
        "\(turns.ranks) ranks, more than cores: computing times",
        "\(decimals(turns.factor, 2)), and \(decimals(turns.share * 100, 0)) % of it more, at most \(microseconds(turns.limit))",
      ])
    }
    return table
  }

  private let modelText = [
    "A step takes as long as the slowest rank computes, and both sums. Computing: tasks x (task + memory x miss), miss being the share of a task's numbers that the cache no longer holds; the tasks being those of the core that has most to do; times 1 + sd x the expected maximum of as many normal numbers as there are ranks (about √(2 ln ranks)).",
    "Where a machine has more ranks than cores, the kernel lets them take turns by no law that could be told beforehand: for each such number of ranks the computing gets a factor, and a share more up to a limit, fitted to the points of that number alone. All else is fitted to points where every rank has a core.",
    "Ranks of a host add in shared memory: each time that they wait for one another costs a latency for each, besides the bytes that a rank reads. One rank of each host then goes through the rounds of the algorithm that Open MPI 4.1 takes for so many hosts and bytes; each round costs a latency and its bytes.",
    "Fitted by least squares of the relative error, beyond 10 % of its size alone; no cost can be negative. Latencies and bandwidths come of the bare sums, the spread of each rank's own steps, all else of the steps.",
  ]

  // MARK: Predicted

  private var forecasts: [LineChart] {
    Set(results.forecasts.map(\.tasksARank)).sorted().map { tasks in
      LineChart(
        "Efficiency, \(tasks) patient\(tasks == 1 ? "" : "s") a rank", x: "patients (predicted)",
        y: "efficiency", logarithmicX: true,
        results.networks.map { network in
          .init(
            network.name,
            results.forecasts.filter { $0.network == network.name && $0.tasksARank == tasks }
              .map { .init(Double($0.patients), $0.efficiency) })
        })
    }
  }

  private var assumptions: [String] {
    let most = Double(Forecast.patientCounts.max()!)
    return [
      "Each rank has a host, a core and a network port of its own, as fast as one rank alone here; several ranks a host add in its memory first and send once for all.",
      "Sums: the algorithm that Open MPI 4.1 takes, Rabenseifner's or recursive doubling, some 2 log2(ranks) rounds each (from 128 to 255 ranks a reduce and a broadcast, taken to be binomial trees). A sum with fewer numbers than there are ranks, of some ten thousand, Open MPI takes one rank after the other: with several patients a rank, a larger minibatch or another library it need not come to that, nor with OMPI_MCA_coll_tuned_use_dynamic_rules=1 and OMPI_MCA_coll_tuned_allreduce_algorithm=3, which is recursive doubling. Every round pays one latency and its bytes in full; switches carry all messages of a round at once. A library that uses the network's own reduction would need fewer rounds.",
      "Stragglers: every rank's computing varies from step to step as it did here, independently, like normal numbers. A host that is slow for good, or a system's noise with a longer tail, costs more than that.",
      "Bytes a rank do not change with the number of patients: \(results.model.messages.reduce(0, +)) a step. What does: the exact sums hold activations below 2^22 / patients, \(decimals(4_194_304 / most, 0)) at \(Int(most)) patients, and refuse larger ones in good order.",
    ]
  }

  // MARK: Accuracy

  private func accuracy(_ accuracy: SourceStudy.Results) -> [HTMLPage.Block] {
    guard !accuracy.points.isEmpty else { return [.paragraph(ScaleTables.accuracyCaption(accuracy))] }
    var forms: [String] = []
    for point in accuracy.points where !forms.contains(point.form) { forms.append(point.form) }
    let chart = LineChart(
      "Balanced accuracy on patients never seen", x: "source patients", y: "whiskers: sd over seeds",
      logarithmicX: true,
      forms.map { form in
        .init(
          form,
          accuracy.points.filter { $0.form == form }.map { point in
            let figure = point.balancedAccuracy
            return .init(
              Double(point.sources), figure.mean, low: figure.sd.map { figure.mean - $0 },
              high: figure.sd.map { figure.mean + $0 })
          })
      })
    return [
      .charts([chart]), .table(ScaleTables.accuracy(accuracy)),
      .caption(ScaleTables.accuracyCaption(accuracy)), .list(Self.accuracyText),
    ]
  }

  private static let accuracyText = [
    "Sources are drawn at random from all other patients, anew for each seed and target, without a look at the target's beats; a larger choice holds the smaller ones. The first one drawn has at least ten beats of both classes to train on, for without any there is nothing to learn.",
    "The recipe is that of the transfer study for every number of sources: 500 steps of 8 beats a source, RR features, dropout 0.2. More sources are also more examples; the single-task network sees as many. Table II's recipe, for few sources: 400 steps of 16 beats a source, no RR features, no dropout.",
    "The design of the anchored form was settled with figures of these patients in sight (see the README, Many sources): its lead with many sources is partly chosen. Nothing was chosen on this picture.",
  ]

  // MARK: This run

  private var about: Table {
    let (run, placement) = (results.run, results.placement)
    var table = Table(["figure", "value"])
    table.add(["Heartwood", run.heartwood])
    table.add(["MPI", run.mpi])
    table.add(["ranks", "\(run.ranks)"])
    table.add(["hosts, machines", "\(placement.hostCount), \(Set(placement.machines).count)"])
    table.add(["cores of each machine", placement.cores.map { "\($0)" }.joined(separator: " ")])
    table.add(["examples a patient and step", "\(run.batch)"])
    table.add(["repetitions", "\(run.repetitions)"])
    table.add(["seconds of this run", decimals(run.seconds, 0)])
    return table
  }
}
