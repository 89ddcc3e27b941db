import Cohort
import Foundation
import SharedTrunk

extension PaperResults {
  /// - Parameters:
  ///   - isPapers: whether records, target and database are the paper's.
  ///   - namesRhythms: whether the user named records for the rhythms.
  ///   - lead: the lead that the user named.
  ///   - aside: studies in the folder that are not shown.
  init(
    _ plan: StudyPlan, _ figures: [StudyFigures], transfer: [Transfer], tuning: [(Study, [TuningResult])],
    isPapers: Bool,
    namesRhythms: Bool, lead: String?, aside: [String], strip: Strip?, run: Run
  ) {
    let cells = PublishedCell.all.compactMap { published -> Cell? in
      guard let own = figures.first(where: { published.isOf($0.study) }),
        published.scenario == .consistent || own.study.targets.contains(plan.target)
      else { return nil }
      return Cell(published, own, target: plan.target, isPapers: isPapers)
    }
    self.init(
      run: run, records: plan.records, target: plan.target, rhythmRecords: plan.rhythmRecords,
      rhythmTargets: plan.rhythmTargets, cells: cells,
      averages: PublishedCell.averages.compactMap { Average($0, cells) },
      studies: figures.map(\.result), transfer: transfer, tuning: tuning.flatMap { Tuning.all($0, $1) },
      tuningGrid: tuning.isEmpty ? nil : .init(), strip: strip,
      choices: Choice.all + (plan.newcomers == nil ? [] : [.adaptation])
        + (transfer.isEmpty ? [] : [.transfer]),
      notes: Self.notes(
        plan, isPapers: isPapers, namesRhythms: namesRhythms, lead: lead, aside: aside, seeds: run.seeds),
      rocRates: Unit.rates)
  }

  /// What the data cannot test, and what else a reader should know.
  private static func notes(
    _ plan: StudyPlan, isPapers: Bool, namesRhythms: Bool, lead: String?, aside: [String], seeds: Int
  ) -> [String] {
    var notes: [String] = []
    let missing = Cast.rhythmRecords.filter { !plan.rhythmRecords.contains($0) }
    if !namesRhythms && !missing.isEmpty {
      notes.append(
        "Classification of rhythms: of MIT-BIH's 21 records with the four rhythms the data lack "
          + "\(missing.joined(separator: ", ")); the figures are of the other \(plan.rhythmRecords.count).")
    }
    for (study, reason) in plan.omitted.sorted(by: { $0.key < $1.key }) {
      notes.append("Left out, \(study): \(reason).")
    }
    let onesided = plan.records.filter { !plan.detectionTargets.contains($0) }
    if !onesided.isEmpty {
      notes.append(
        "Table II, detection: \(onesided.joined(separator: ", ")) with fewer than \(PaperRun.leastTargetBeats) beats of a class "
          + "cannot be judged alone; as sources they take part.")
    }
    if !plan.rhythmTargets.contains(plan.target) {
      notes.append(
        "Table II, classification: \(plan.target) has fewer than \(PaperRun.leastTargetBeats) beats in ventricular tachycardia or out of it, or no "
          + "other record has any, so the cell cannot be tested on it.")
    }
    if isPapers {
      notes.append(
        "Table II, classification: the paper's records hold beats in VT (203, 205 and three in 106), AFIB (201, 203), AFL (203 alone) "
          + "and ten in SVTA (114, 201). On the target 205 there is VT alone: what can be judged there is VT against the rest, not four "
          + "classes. SVTA can be neither trained nor tested on the six records.")
    } else {
      notes.append(
        "Other records or another lead than the paper's: the published figures are of its six MIT-BIH records, not of these; nor do the choices below speak of these."
      )
    }
    if let lead { notes.append("Lead \(lead) was read, in place of the choice below.") }
    if !aside.isEmpty {
      notes.append(
        "In the folder but not shown, being of fewer seeds, other options or data, or another build: \(aside.joined(separator: ", "))."
      )
    }
    if plan.share < 1 {
      notes.append(
        "--quick: every network was trained for \(Int(100 * plan.share)) % of its steps. To see what comes out, not for its figures."
      )
    }
    if seeds == 1 { notes.append("One seed: no spread, no interval, and no verdict.") }
    return notes
  }
}

extension PaperResults.Strip {
  /// Hz, of the trace; seconds of the stretch.
  static let rate = 128.0
  private static let length = 20.0

  /// The stretch where normal and abnormal beats alternate most by the annotations. Nil without a beat.
  init?(
    of record: String, _ lead: String, _ trace: [Float],
    _ beats: [(second: Double, verdict: UnitResult.Verdict)], _ study: Study, seed: UInt64
  ) {
    func changes(_ labels: [Int]) -> Int { zip(labels, labels.dropFirst()).count { $0 != $1 } }
    let stretches = beats.indices.map { first in
      beats[first...].prefix { $0.second < beats[first].second + Self.length - 1 }
    }
    let chosen = stretches.max { changes($0.map(\.verdict.label)) < changes($1.map(\.verdict.label)) }
    guard let chosen, let first = chosen.first else { return nil }
    let from = min(max(0, Int((first.second - 0.5) * Self.rate)), trace.count)
    let samples = Array(trace[from..<min(trace.count, from + Int(Self.length * Self.rate))])
    let end = Double(from + samples.count) / Self.rate
    let classes = study.experiment.labelling.classNames
    self.init(
      record: record, lead: lead, study: study.id, system: study.main, seed: seed, rate: Self.rate,
      start: Double(from) / Self.rate, seconds: Double(samples.count) / Self.rate, samples: samples,
      beats: chosen.filter { $0.second < end }.map {
        .init(second: $0.second, annotated: classes[$0.verdict.label], judged: classes[$0.verdict.verdict])
      })
  }
}
