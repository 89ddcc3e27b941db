import Foundation
import Report

extension PaperReport {
  /// A branch's forms, in pictures and as tables.
  func transfer(_ transfer: PaperResults.Transfer) -> [HTMLPage.Block] {
    [
      .heading(transfer.branch.uppercased()),
      .charts([forms(transfer), abnormalShares(transfer)]),
      .table(PaperTables.transfer(transfer)), .caption(PaperTables.transferReading(transfer)),
      .table(PaperTables.transferTargets(transfer)),
      .caption(
        "Balanced accuracy on each target, its statistics from all of its beats; the mean over the seeds."),
    ]
  }

  private func forms(_ transfer: PaperResults.Transfer) -> IntervalChart {
    /// What of the forms' names stands above a group, and does not come again in its rows.
    let headings = ["beats alone", "own statistics", "anchor"]
    let groups = headings.map { heading in
      IntervalChart.Group(
        heading == "anchor" ? "anchors" : heading,
        transfer.forms.filter { form in headings.first { form.name.contains($0) } == heading }.compactMap {
          form in
          guard let natural = form.conditions.first else { return nil }
          let label = form.name.replacingOccurrences(of: ", \(heading)", with: "")
            .replacingOccurrences(of: "anchored, ", with: "")
          return .init(label, [mark(natural.perPatient), mark(natural.pooled)])
        })
    }
    return IntervalChart(
      "Balanced accuracy", x: "whiskers: sd over seeds", series: ["per patient", "pooled"], groups)
  }

  /// What becomes of a form when the beats that a patient's statistics come from are mostly abnormal.
  private func abnormalShares(_ transfer: PaperResults.Transfer) -> LineChart {
    let shares: [(TransferCondition, Double)] = [(.natural, 0), (.abnormal75, 0.75), (.abnormal90, 0.9)]
    let names = [
      TransferForm.rawName, TransferForm.referenceName, TransferForm.mainName, TransferForm.nestedName,
      "\(TransferForm.oneName), all", "\(TransferForm.oneName), trimmed",
    ]
    let shown = names.compactMap { name in transfer.forms.first { $0.name == name } }
    return LineChart(
      "Statistics from mostly abnormal beats", x: "share abnormal (at 0: as the patient's beats are)",
      y: "balanced accuracy per patient",
      shown.map { form in
        LineChart.Series(
          form.name,
          shares.compactMap { condition, share in
            (form.conditions.first { $0.condition == condition.rawValue }
              ?? (form.conditions.count == 1 ? form.conditions[0] : nil))
              .map { .init(share, $0.perPatient.mean) }
          })
      })
  }
}
