import Report
import Scaling
import SharedTrunk

/// The results as tables: on the terminal, on the page, and as `scale.csv`.
enum ScaleTables {
  static func text(_ results: ScaleResults) -> String {
    var parts = [
      "", steps(results).text, "", caption(results), "", checks(results).text, "",
      "Predicted, not measured: \(forecastCaption(results))", efficiencies(results).text,
    ]
    if let accuracy = results.accuracy {
      parts += ["", accuracyCaption(accuracy)]
      if !accuracy.points.isEmpty { parts += [self.accuracy(accuracy).text] }
    }
    return parts.joined(separator: "\n") + "\n"
  }

  // MARK: Measured

  static func steps(_ results: ScaleResults) -> Table {
    var table = Table([
      "patients", "ranks", "hosts", "step ms", "ms a task", "sums ms", "bytes a rank", "left out ms",
      "error %",
    ])
    for step in results.steps {
      table.add([
        "\(step.patients)", "\(step.ranks)", "\(step.hosts)", milliseconds(step.seconds),
        milliseconds(step.secondsATask), milliseconds(step.exchange), "\(step.bytesPerRank)",
        step.leftOut.map(milliseconds) ?? "-", step.error.map(percent) ?? "-",
      ])
    }
    return table
  }

  static func caption(_ results: ScaleResults) -> String {
    let run = results.run
    return
      "Times of \(run.branch) branches on \(run.data), batch \(run.batch), not of any patient's data: the quickest of up to \(run.repetitions) repetitions, each the median of its steps. "
      + "ms a task: over the tasks of the rank that has most. sums: both allreduces, of the rank that waits least. left out: what a model "
      + "fitted to all other points says. "
      + (results.unsteady > 0
        ? "\(results.unsteady) of \(results.steps.count) points mostly took 15 % longer or more: the machine was not quiet, or ranks waited for cores. "
        : "")
      + (results.placement.ranksPerCore > 1
        ? "The job has more ranks than cores: they take turns, and a sum waits until each has had its turn. "
        : "")
      + (results.sharesMemory
        ? ""
        : "Ranks of one host did not share memory but exchanged by MPI: the model is of sums in shared memory, so go by its errors. ")
      + results.omitted.map { "\($0.patients) patients on \($0.ranks) ranks do not fit into memory. " }
      .joined()
  }

  static func sums(_ results: ScaleResults) -> Table {
    var table = Table(["bytes", "ranks", "hosts", "between hosts", "µs", "fit µs", "left out µs", "error %"])
    for sum in results.sums {
      table.add([
        "\(sum.bytes)", "\(sum.ranks)", "\(sum.hosts)", sum.algorithm, microseconds(sum.seconds),
        sum.fitted.map(microseconds) ?? "-", sum.leftOut.map(microseconds) ?? "-",
        sum.error.map(percent) ?? "-",
      ])
    }
    return table
  }

  static func checks(_ results: ScaleResults) -> Table {
    var table = Table(["left out", "points", "median error %", "worst error %", "the worst"])
    for check in results.checks {
      table.add([
        check.what, "\(check.points)", decimals(check.medianError * 100, 1),
        decimals(check.worstError * 100, 1), check.worst,
      ])
    }
    return table
  }

  // MARK: Predicted

  /// Efficiencies by number of patients.
  static func efficiencies(_ results: ScaleResults) -> Table {
    var table = Table(
      ["efficiency on", "a rank"] + Forecast.patientCounts.map { "\($0)" } + [
        "ms at \(Forecast.patientCounts.last!)", "below 0.5 from",
      ])
    for limit in results.limits {
      let row = results.forecasts.filter { $0.network == limit.network && $0.tasksARank == limit.tasksARank }
      table.add(
        [limit.network, "\(limit.tasksARank)"] + row.map { decimals($0.efficiency, 3) }
          + [milliseconds(row.last!.seconds), limit.patients.map { "\($0)" } ?? "-"])
    }
    return table
  }

  static func forecasts(_ results: ScaleResults) -> Table {
    var table = Table([
      "network", "patients", "a rank", "ranks", "step ms", "computing", "waiting for slowest", "sums",
      "rounds",
      "efficiency",
    ])
    for forecast in results.forecasts {
      table.add([
        forecast.network, "\(forecast.patients)", "\(forecast.tasksARank)", "\(forecast.ranks)",
        milliseconds(forecast.seconds), milliseconds(forecast.computing), milliseconds(forecast.straggling),
        milliseconds(forecast.exchange), "\(forecast.rounds)", decimals(forecast.efficiency, 3),
      ])
    }
    return table
  }

  static func forecastCaption(_ results: ScaleResults) -> String {
    let networks = results.networks.map {
      "\($0.name) \(decimals($0.latency * 1e6, 1)) µs, \(bandwidth($0.byte))"
    }
    return "one rank a host, each as fast as this machine's alone; \(networks.joined(separator: "; "))."
  }

  // MARK: Accuracy

  static func accuracy(_ accuracy: SourceStudy.Results) -> Table {
    var table = Table(["sources", "form", "balanced accuracy", "sd over patients", "gain"])
    for point in accuracy.points {
      table.add([
        "\(point.sources)", point.form, PaperTables.figure(point.balancedAccuracy),
        PaperTables.rate(Statistics.deviation(point.byTarget)), point.gain.map(PaperTables.gained) ?? "-",
      ])
    }
    return table
  }

  static func accuracyCaption(_ accuracy: SourceStudy.Results) -> String {
    if let reason = accuracy.omitted { return "Accuracy against the number of sources: left out, \(reason)." }
    return
      "Accuracy on patients never seen, \(accuracy.source): balanced accuracy of AAMI's normal and abnormal beats, the mean over \(accuracy.targets.count) patients, "
      + "± standard deviation over \(accuracy.seeds) seeds. gain: over the single-task network with the same inputs (Table II has no RR features, that network has), paired by patient, with a bootstrap's 95 % interval over the patients."
  }

  // MARK: CSV

  /// A line a point: measured steps and sums, predicted steps, accuracies. Seconds.
  static func csv(_ results: ScaleResults) -> String {
    var lines = [
      [
        "kind", "network", "form", "ranks", "hosts", "patients", "tasks a rank", "bytes", "seconds", "fitted",
        "left out", "error", "efficiency", "balanced accuracy", "sd over seeds",
      ]
    ]
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    for step in results.steps {
      lines.append([
        "measured step", "", "", "\(step.ranks)", "\(step.hosts)", "\(step.patients)", "\(step.tasksARank)",
        "\(step.bytesPerRank)", number(step.seconds), number(step.fitted), number(step.leftOut),
        number(step.error), "", "", "",
      ])
    }
    for sum in results.sums {
      lines.append([
        "measured sum", "", "", "\(sum.ranks)", "\(sum.hosts)", "", "", "\(sum.bytes)", number(sum.seconds),
        number(sum.fitted), number(sum.leftOut), number(sum.error), "", "", "",
      ])
    }
    for forecast in results.forecasts {
      lines.append([
        "predicted step", forecast.network, "", "\(forecast.ranks)", "\(forecast.ranks)",
        "\(forecast.patients)", "\(forecast.tasksARank)", "\(results.model.messages.reduce(0, +))",
        number(forecast.seconds), "", "", "", number(forecast.efficiency), "", "",
      ])
    }
    for point in results.accuracy?.points ?? [] {
      lines.append([
        "accuracy", "", point.form, "", "", "\(point.sources)", "", "", "", "", "", "", "",
        number(point.balancedAccuracy.mean),
        number(point.balancedAccuracy.sd),
      ])
    }
    return lines.map(Table.csvLine).joined()
  }

  // MARK: Figures

  static func bandwidth(_ secondsAByte: Double) -> String {
    secondsAByte > 0 ? "\(decimals(8e-9 / secondsAByte, 1)) Gbit/s" : "no limit seen"
  }

  static func milliseconds(_ seconds: Double) -> String {
    let value = seconds * 1e3
    return decimals(value, value < 10 ? 3 : value < 100 ? 2 : 1)
  }

  private static func microseconds(_ seconds: Double) -> String {
    decimals(seconds * 1e6, seconds < 1e-5 ? 2 : 1)
  }

  private static func percent(_ share: Double) -> String { (share < 0 ? "" : "+") + decimals(share * 100, 1) }
}
