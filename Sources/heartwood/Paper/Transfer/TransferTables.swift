import Report

extension PaperTables {
  static func transferTitle(_ transfer: PaperResults.Transfer) -> String {
    "Many sources, each patient in turn never seen, \(transfer.branch.uppercased())"
  }

  static func transferReading(_ transfer: PaperResults.Transfer) -> String {
    "AAMI's normal against abnormal beats. Each of the \(transfer.targets.count) of \(transfer.records.count) records with at least "
      + "\(StudyPlan.leastTransferBeats) normal and \(StudyPlan.leastTransferBeats) abnormal beats is in turn the target, all others are its "
      + "sources. per patient: mean over the targets of a target's balanced accuracy; pooled, AUC and macro-F1: of all targets' beats "
      + "together; ± standard deviation over seeds. gain: per patient, over \(transfer.reference), paired by patient after averaging the seeds, "
      + "with a bootstrap's 95 % interval over the patients. 75 %, 90 %: per patient, the target's own statistics taken from beats so many of "
      + "which are abnormal; the RR features still see a beat's true neighbours. causal: statistics from the first five minutes, then from "
      + "all that came before, redone every minute (the lead's filter and scale still see the whole record, an RR feature ten beats ahead). "
      + "Statistics are of beats that AAMI classes: of unclassifiable ones there are next to none."
  }

  /// A row a form.
  static func transfer(_ transfer: PaperResults.Transfer) -> Table {
    var table = Table([
      "form", "per patient", "pooled", "AUC", "macro-F1", "gain", "75 %", "90 %", "causal", "parameters",
    ])
    for form in transfer.forms {
      func judged(_ condition: TransferCondition) -> PaperResults.Transfer.Judged? {
        form.conditions.first { $0.condition == condition.rawValue }
      }
      guard let natural = judged(.natural) else { continue }
      table.add([
        form.name, figure(natural.perPatient), figure(natural.pooled), rate(natural.auc.mean),
        rate(natural.macroF1.mean), natural.gain.map(gained) ?? "-",
        rate(judged(.abnormal75)?.perPatient.mean), rate(judged(.abnormal90)?.perPatient.mean),
        rate(judged(.causal)?.perPatient.mean), "\(form.parameters)",
      ])
    }
    return table
  }

  /// A row a form, a column a target.
  static func transferTargets(_ transfer: PaperResults.Transfer) -> Table {
    var table = Table(["form"] + transfer.targets)
    for form in transfer.forms {
      guard let natural = form.conditions.first else { continue }
      table.add([form.name] + natural.byTarget.map { rate($0) })
    }
    return table
  }
}
