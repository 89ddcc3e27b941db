import ArgumentParser
import Cohort
import Foundation

/// Which records of a database a command is about: named ones, or all that it holds.
enum RecordChoice {
  case all
  case named([String])

  /// Throws `ValidationError` for names that are none, or come twice.
  init(parsing argument: String) throws {
    guard argument != "all" else {
      self = .all
      return
    }
    let names = argument.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    var seen: Set<String> = []
    if let twice = names.first(where: { !seen.insert($0).inserted }) {
      throw ValidationError("record \(twice) is named twice")
    }
    guard let list = RecordList(argument: argument) else {
      throw ValidationError("not a list of record names inside the data folder")
    }
    self = .named(list.names)
  }
}

/// Throws `ValidationError` for what cannot be an annotation file's extension.
func checkAnnotator(_ annotator: String) throws {
  if annotator.isEmpty || annotator.contains("/") {
    throw ValidationError("--annotator \(annotator): the extension of an annotation file, such as atr")
  }
}

/// Folders of records in WFDB form, looked through as if they were one.
struct Databases {
  let folders: [String]
  /// The extension of the annotation files.
  let annotator: String

  struct Place: Codable {
    let name: String
    /// Without extension.
    let path: String
  }

  /// The folders of `--data`, or the environment's. Throws `Failure` if there is none.
  init(_ folders: [String], annotator: String) throws {
    let environment = ProcessInfo.processInfo.environment["HEARTWOOD_DATA"] ?? ""
    self.folders = folders.isEmpty ? [environment].filter { !$0.isEmpty } : folders
    self.annotator = annotator
    guard !self.folders.isEmpty else {
      throw Failure(.usage, "no data: give --data DIR (or HEARTWOOD_DATA)")
    }
    if Set(folders).count < folders.count { throw Failure(.usage, "--data names a folder twice") }
  }

  /// Where the records are. Of `all` those that have an annotation file, in the order of their names. Throws `Failure` for one that is
  /// in no folder or in several, since its name would not say which.
  func places(_ choice: RecordChoice) throws -> [Place] {
    for folder in folders {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
        throw Failure(.data, "--data \(folder) is not a folder")
      }
    }
    switch choice {
    case .named(let names): return try names.map(place)
    case .all:
      let names = try Set(folders.flatMap(annotatedRecords)).sorted()
      guard !names.isEmpty else {
        throw Failure(
          .data, "no record in \(folders.joined(separator: ", ")) has both a .hea and an .\(annotator) file")
      }
      return try names.map(place)
    }
  }

  private func place(_ name: String) throws -> Place {
    let holders = folders.filter { FileManager.default.fileExists(atPath: "\($0)/\(name).hea") }
    guard holders.count < 2 else {
      throw Failure(
        .usage, "record \(name) is in \(holders.joined(separator: " and in ")): judge these folders apart")
    }
    guard let folder = holders.first ?? (folders.count == 1 ? folders[0] : nil) else {
      throw Failure(.data, "record \(name) is in none of \(folders.joined(separator: ", "))")
    }
    return Place(name: name, path: "\(folder)/\(name)")
  }

  private func annotatedRecords(in folder: String) throws -> [String] {
    let files: [String]
    do {
      files = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw Failure(.inputOutput, "cannot read --data \(folder): \((error as NSError).localizedDescription)")
    }
    let all = Set(files)
    return files.filter { $0.hasSuffix(".hea") }.map { String($0.dropLast(4)) }
      .filter { all.contains("\($0).\(annotator)") }
  }
}
