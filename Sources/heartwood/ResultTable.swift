import Report
import SharedTrunk

/// The table at the end of a run: a row a record and network.
enum ResultTable {
  static func text(
    _ networks: [(name: String, results: [Summary.Result])], classes: [String], inconsistent: Bool
  )
    -> String
  {
    var table = Table(["record", "part", "network", "accuracy", "balanced acc.", "macro-F1", "AUC", "beats"])
    for index in networks[0].results.indices {
      for network in networks {
        let result = network.results[index]
        table.add([
          result.name, result.part, network.name, FigureTables.rate(result.metrics.accuracy),
          FigureTables.rate(result.metrics.balancedAccuracy),
          FigureTables.rate(result.metrics.macroF1), FigureTables.rate(result.metrics.auc),
          "\(result.metrics.examples)",
        ])
      }
    }
    let notes =
      "accuracy: on as many beats of each class (\(classes.joined(separator: ", "))); the rest on all beats."
      + (inconsistent ? " validation: a source's last 15 % in time, which early stopping has seen." : "")
    return "\n\(table.text)\n\n\(notes)"
  }
}
