import Report
import SharedTrunk

/// An evaluation as text and as CSV.
struct EvaluationTables {
  private let evaluation: Evaluation

  init(_ evaluation: Evaluation) { self.evaluation = evaluation }

  static let all = "all records"

  /// A row a record, the last one all records' beats together.
  var records: Table {
    var table = Table(["record", "part"] + FigureTables.figures)
    for record in evaluation.perRecord {
      table.add([record.name, record.part] + FigureTables.cells(record.metrics))
    }
    table.add([Self.all, "-"] + FigureTables.cells(evaluation.test.metrics))
    return table
  }

  var aami: Table? {
    evaluation.test.aamiClasses.map { FigureTables.aami([(evaluation.network, $0)]) }
  }

  /// How to read the tables.
  var notes: [String] {
    var notes = [
      "accuracy: on as many beats of each class (\(evaluation.classes.joined(separator: ", "))); the rest on all beats. \(Self.all): their beats together.",
      evaluation.test.perPatient.map(FigureTables.sentence) ?? "",
    ]
    if evaluation.test.aamiClasses != nil { notes.append(FigureTables.aamiNote) }
    if evaluation.test.aamiClasses != nil && evaluation.labelling == "strict" {
      notes.append(FigureTables.strictNote)
    }
    if evaluation.from > 0 { notes.append("only beats after second \(evaluation.from) of each record.") }
    notes += evaluation.leftOut.map { "left out: \($0.name) (\($0.reason))." }
    return notes
  }

  var text: String {
    let tables = [records, aami].compactMap { $0?.text }
    return "\n\(tables.joined(separator: "\n\n"))\n\n\(notes.joined(separator: "\n"))"
  }

  /// A line a record (kind `record`), one for all (`all`), and one for each AAMI class of either (`class`); rates to six decimals.
  var csv: String {
    var table = Table([
      "kind", "record", "part", "AAMI class", "beats", "judged normal", "judged abnormal", "recognised",
      "accuracy", "balanced accuracy", "macro-F1", "AUC", "sensitivity", "specificity",
    ])
    func exact(_ value: Double?) -> String { value.map { decimals($0, 6) } ?? "" }
    func add(
      _ kind: String, _ name: String, _ part: String, _ metrics: Metrics, _ classes: [AAMIFigures]?
    ) {
      let verdicts = metrics.confusion.count == 2 && classes != nil
      table.add([
        kind, name, part, "", "\(metrics.examples)",
        verdicts ? "\(metrics.confusion.reduce(0) { $0 + $1[0] })" : "",
        verdicts ? "\(metrics.confusion.reduce(0) { $0 + $1[1] })" : "", "", exact(metrics.accuracy),
        exact(metrics.balancedAccuracy), exact(metrics.macroF1),
        exact(metrics.auc), exact(metrics.sensitivity), exact(metrics.specificity),
      ])
      for figures in classes ?? [] {
        table.add(
          ["class", name, part, figures.name, "\(figures.beats)", "\(figures.judgedNormal)"]
            + ["\(figures.judgedAbnormal)", exact(figures.recognised)]
            + [String](repeating: "", count: 6))
      }
    }
    for record in evaluation.perRecord {
      add("record", record.name, record.part, record.metrics, record.aamiClasses)
    }
    add("all", Self.all, "", evaluation.test.metrics, evaluation.test.aamiClasses)
    return table.csv
  }
}
