import Cohort
import Foundation
import SharedTrunk

/// Who plays in studies of many sources and patients never seen.
extension PatientLibrary {
  /// All records of the folder but those with paced beats, as AAMI's standard (ANSI/AAMI EC57) recommends.
  func recordsForTransfer() throws -> [String] {
    let files: [String]
    do {
      files = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw Failure(.data, "cannot read --data \(folder): \(error.reason)")
    }
    let names = files.filter { $0.hasSuffix(".atr") }.map { String($0.dropLast(4)) }.sorted()
    return try names.filter { name in
      do {
        return try patient(name, Study.transferExperiment).statistics.symbols["/"] == nil
      } catch CohortError.noUsableBeats {
        return false
      }
    }
  }

  /// Those with enough beats of both classes to be judged.
  func targetsOfTransfer(among records: [String]) throws -> [String] {
    try records.filter { name in
      try patient(name, Study.transferExperiment).examples.classCounts()
        .allSatisfy { $0 >= StudyPlan.leastTransferBeats }
    }
  }
}

extension Study {
  /// Its forms are `TransferForm`'s.
  static func transfer(_ branch: BranchShape.Kind, records: [String], targets: [String]) -> Study {
    Study(
      group: .transfer, variant: nil, title: "Many sources, each patient in turn unseen",
      experiment: transferExperiment, branch: branch, records: records, targets: targets, borrows: false,
      entrants: [], reference: .pooled)
  }
}
