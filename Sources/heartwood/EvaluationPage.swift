import Report
import SharedTrunk

/// `evaluation.html`: an evaluation for a reader; every number in it is in `evaluation.json`.
struct EvaluationPage {
  private let evaluation: Evaluation
  private let tables: EvaluationTables

  init(_ evaluation: Evaluation) {
    self.evaluation = evaluation
    tables = EvaluationTables(evaluation)
  }

  var html: String {
    let count = evaluation.perRecord.count
    var page = HTMLPage(
      title: "Heartwood: a model judged on \(count == 1 ? "one record" : "\(count) records")",
      lead:
        "\(evaluation.network), \(evaluation.problem) (\(evaluation.classes.joined(separator: ", "))), judged by \(evaluation.protocol). Model \(evaluation.model); recordings in \(evaluation.data.joined(separator: ", "))."
    )
    page.add("By record", [.table(tables.records), .list(tables.notes)])
    if let aami = tables.aami { page.add("By AAMI class", [.table(aami)]) }
    page.add("Pictures", [.charts([confusion, byRecord])])
    return page.html
  }

  private var confusion: ConfusionMatrix {
    ConfusionMatrix(
      "All beats together", classes: evaluation.classes, counts: evaluation.test.metrics.confusion)
  }

  /// A page stays readable; the tables have all.
  private static let rowLimit = 60

  private var byRecord: IntervalChart {
    let twoClasses = evaluation.classes.count == 2
    let series = twoClasses ? ["balanced accuracy", "sensitivity", "specificity"] : ["balanced accuracy"]
    let rows = evaluation.perRecord.prefix(Self.rowLimit).map { record in
      let metrics = record.metrics
      let balanced = metrics.balancedAccuracy
      let figures = twoClasses ? [balanced, metrics.sensitivity, metrics.specificity] : [balanced]
      return IntervalChart.Row(record.name, figures.map { $0.map { IntervalChart.Mark($0) } })
    }
    let cut = evaluation.perRecord.count > Self.rowLimit ? ", the first \(Self.rowLimit)" : ""
    return IntervalChart(
      "By record\(cut)", x: "share, the line: all beats' balanced accuracy",
      reference: evaluation.test.metrics.balancedAccuracy,
      series: series, [.init(nil, Array(rows))])
  }
}
