import ArgumentParser
import Cohort
import Foundation
import MPI
import SharedTrunk
import WFDB

/// Where a run's recordings come from: a WFDB database folder, or simulated patients.
struct DataOptions: ParsableArguments {
  @Option(
    help: "Folder of a WFDB database, such as MIT-BIH's (default: the environment's HEARTWOOD_DATA).",
    completion: .directory)
  var data: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Simulate this many patients instead; the last is the target.", valueName: "patients"))
  var simulate: Int?

  @Option(parsing: .unconditional, help: "With --simulate: minutes of each recording (default: 30).")
  var minutes: Double?

  @Option(help: "Lead to read (default: MLII, or a record's first ECG lead).")
  var lead: String?

  @Option(
    help:
      "Which beats are abnormal (detection): strict (every beat but N; the default) or aami (all but N L R e j)."
  )
  var labelling: LabellingName?

  enum LabellingName: String, ExpressibleByArgument, CaseIterable {
    case strict, aami
    var labelling: Labelling { self == .strict ? .strict : .aami }
  }

  func validate() throws {
    if data != nil && simulate != nil { throw ValidationError("--data and --simulate exclude each other") }
    if let simulate, simulate < 2 || simulate > 100_000 {
      throw ValidationError(
        "--simulate \(simulate): at least 2 patients (a source and a target), at most 100000")
    }
    if let minutes, !(minutes >= 0.5 && minutes <= 1440) {
      throw ValidationError("--minutes \(minutes): from 0.5 to 1440")
    }
    if minutes != nil && simulate == nil { throw ValidationError("--minutes goes with --simulate") }
  }

  func source() throws -> DataSource {
    if let simulate { return .simulated(patients: simulate, minutes: minutes ?? 30) }
    guard let folder = data ?? ProcessInfo.processInfo.environment["HEARTWOOD_DATA"], !folder.isEmpty else {
      throw Failure(.usage, "no data: give --data DIR (or HEARTWOOD_DATA), or --simulate PATIENTS")
    }
    return .folder(folder)
  }
}

enum DataSource {
  case folder(String)
  case simulated(patients: Int, minutes: Double)

  /// As `summary.json` says it.
  var name: String {
    switch self {
    case .simulated: "simulated"
    case .folder(let path): Self.isMITBIH(path) ? "mitdb" : path
    }
  }

  /// As a person reads it.
  var sentence: String {
    switch self {
    case .simulated(let patients, let minutes):
      "simulated ECG (\(patients) patients of \(decimals(minutes, 0)) minutes; McSharry's model), not real recordings"
    case .folder(let path):
      "\(Self.isMITBIH(path) ? "MIT-BIH Arrhythmia Database, real recordings," : "recordings") in \(path)"
    }
  }

  /// The database is told by the header of one of its records, not by the folder's name.
  private static func isMITBIH(_ path: String) -> Bool {
    ["100", "106", "203"].contains { name in
      guard let header = try? Header.read(at: "\(path)/\(name)") else { return false }
      return header.samplingFrequency == 360 && header.sampleCount == 650_000 && header.signals.count == 2
    }
  }
}

/// Comma-separated record names. Names inside the database's folder only.
struct RecordList: ExpressibleByArgument {
  let names: [String]

  init(_ names: [String]) { self.names = names }

  init?(argument: String) {
    names = argument.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    guard !names.isEmpty, Set(names).count == names.count,
      names.allSatisfy({ name in
        !name.isEmpty && !name.hasPrefix("/") && !name.hasSuffix(".hea")
          && name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
            $0 != ".." && $0 != "" && $0 != "."
          }
      })
    else { return nil }
  }

  /// Throws `ValidationError`.
  init(parsing argument: String) throws {
    guard let list = RecordList(argument: argument) else {
      throw ValidationError("names of records inside the data folder, each once and without .hea")
    }
    self = list
  }

  var defaultValueDescription: String { names.joined(separator: ",") }
}
