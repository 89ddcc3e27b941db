import Report
import SharedTrunk

/// Figures as cells, the same in every table and page.
enum FigureTables {
  static let figures = [
    "accuracy", "balanced acc.", "macro-F1", "AUC", "sensitivity", "specificity", "beats",
  ]

  static func cells(_ metrics: Metrics) -> [String] {
    [
      rate(metrics.accuracy), rate(metrics.balancedAccuracy),
      rate(metrics.macroF1), rate(metrics.auc), rate(metrics.sensitivity), rate(metrics.specificity),
      "\(metrics.examples)",
    ]
  }

  static func rate(_ value: Double?) -> String { value.map { decimals($0, 3) } ?? "-" }

  /// A row an AAMI class and network.
  static func aami(_ networks: [(name: String, classes: [AAMIFigures])]) -> Table {
    var table = Table(["AAMI class", "network", "beats", "judged normal", "judged abnormal", "recognised"])
    for index in networks[0].classes.indices {
      for network in networks {
        let figures = network.classes[index]
        table.add([
          figures.name, network.name, "\(figures.beats)", "\(figures.judgedNormal)",
          "\(figures.judgedAbnormal)",
          rate(figures.recognised),
        ])
      }
    }
    return table
  }

  static let aamiNote =
    "recognised: of AAMI's class N the share judged normal (specificity), of S (supraventricular), V (ventricular), F (fusion) and Q (paced; unclassifiable beats are left out, and under the labelling aami paced ones too) the share judged abnormal (sensitivity)."

  /// AAMI's N is wider than the symbol N.
  static let strictNote =
    "The model's labelling, strict, calls bundle branch block and escape beats (L R e j) abnormal, which AAMI counts to N."

  /// "mean per patient ..." in words.
  static func sentence(_ means: PatientMeans) -> String {
    let left =
      means.leftOut.isEmpty
      ? ""
      : "; left out, with beats of one class alone: \(means.leftOut.joined(separator: ", "))"
    guard means.patients > 0 else { return "mean per patient: none has beats of two classes\(left)" }
    return
      "mean per patient (\(means.patients)): balanced accuracy \(rate(means.balancedAccuracy)), macro-F1 \(rate(means.macroF1)), AUC \(rate(means.auc))\(left)"
  }
}
