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
    let rows = transfer.forms.compactMap { form -> IntervalChart.Row? in
      guard let natural = form.conditions.first else { return nil }
      return .init(form.name, [mark(natural.perPatient), mark(natural.pooled)])
    }
    return IntervalChart(
      "Balanced accuracy", x: "whiskers: sd over seeds", series: ["per patient", "pooled"], [.init(nil, rows)]
    )
  }

  /// What becomes of a form when the beats that a patient's statistics come from are mostly abnormal.
  private func abnormalShares(_ transfer: PaperResults.Transfer) -> LineChart {
    let shares: [(TransferCondition, Double)] = [(.natural, 0), (.abnormal75, 0.75), (.abnormal90, 0.9)]
    let shown = transfer.forms.filter { form in
      [TransferForm.rawName, TransferForm.referenceName].contains(form.name)
        || form.name.hasPrefix("anchored, ")
    }
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
