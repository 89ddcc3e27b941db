import ArgumentParser
import Cohort
import Foundation
import SharedTrunk

struct Paper: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Reproduce the paper's Tables I and II, ours beside the published figures, with spread.",
    discussion: """
      Trains and judges every network of both tables and of what stands beside them, over the seeds; the work is dealt out to the ranks.
      What is done is kept in DIR/units: the same command goes on where it was cut off. Writes paper.json, tables.md, tables.csv and
      report.html, of every study that is whole in DIR.

      Example:
        Launch/heartwood -n 2 paper --data mitdb --seeds 5 --output runs/paper
      """)

  @Option(
    help: ArgumentHelp(
      "Folder of a WFDB database (default: the environment's HEARTWOOD_DATA).", valueName: "dir"),
    completion: .directory)
  var data: String?

  @Option(help: "Seeds 1 to this of every network.")
  var seeds = 5

  @Option(
    help: ArgumentHelp(
      "Records, the unseen patient among them (default: the paper's six).", valueName: "list"))
  var records: RecordList?

  @Option(help: ArgumentHelp("The patient never seen (default: 205).", valueName: "record"))
  var target: String?

  @Option(
    help: ArgumentHelp(
      "Records for the classification of rhythms (default: of the 21 of MIT-BIH that have the four rhythms those that the data hold; --records, if given).",
      valueName: "list"))
  var rhythmRecords: RecordList?

  @Flag(
    help:
      "Also the studies on patients never seen: transfer from many sources, every form tried, and adaptation to a minute of labels."
  )
  var transfer = false

  @Option(
    help: ArgumentHelp(
      "Records for --transfer (default: all of the data without paced beats).", valueName: "list"))
  var transferRecords: RecordList?

  @Option(help: "Lead to read (default: MLII, or a record's first ECG lead).")
  var lead: String?

  @Option(
    help: ArgumentHelp(
      "Only work whose name starts so, comma-separated: table1-detection, table1-classification, table2-detection, table2-classification, patients-detection, tuning, and with --transfer transfer, adaptation.",
      valueName: "list"))
  var only: String?

  @Flag(help: "A fifth of each network's steps: to see what comes out, not for its figures.")
  var quick = false

  @Option(
    help: ArgumentHelp("Only these branches, comma-separated (default: cnn,rnn,lstm).", valueName: "list"))
  var branches: BranchList?

  @Option(
    help: ArgumentHelp(
      "Folder to write to; may hold an earlier, unfinished run of this command.", valueName: "dir"),
    completion: .directory)
  var output: String

  func validate() throws {
    guard seeds >= 1 && seeds <= 1000 else { throw ValidationError("--seeds \(seeds): from 1 to 1000") }
    guard names.contains(unseen) else {
      throw ValidationError("--target \(unseen) is not one of the records (\(names.joined(separator: ",")))")
    }
    guard names.count >= 3 else { throw ValidationError("--records: at least two sources and the target") }
    let all = Set(names + (rhythmRecords?.names ?? []) + (transferRecords?.names ?? []))
    guard Set(all.map(ModelFolder.taskFile)).count == all.count else {
      throw ValidationError(
        "--records, --rhythm-records, --transfer-records: two names differ only in / and -, and their files would be one"
      )
    }
    let prefixes = only?.split(separator: ",") ?? []
    for prefix in prefixes
    where !Self.groups.contains(where: { $0.hasPrefix(prefix) || prefix.hasPrefix($0) }) {
      throw ValidationError("--only \(prefix): none of \(Self.groups.joined(separator: ", "))")
    }
    guard
      transfer
        || (transferRecords == nil
          && !prefixes.contains { $0.hasPrefix("transfer") || $0.hasPrefix(Study.Group.adaptation.rawValue) })
    else {
      throw ValidationError("the studies on transfer and adaptation are run with --transfer")
    }
    guard only == nil || !prefixes.isEmpty else {
      throw ValidationError("--only names nothing; choose from \(Self.groups.joined(separator: ", "))")
    }
  }

  func run() throws {
    let folder = data ?? ProcessInfo.processInfo.environment["HEARTWOOD_DATA"] ?? ""
    guard !folder.isEmpty else { throw Failure(.usage, "no data: give --data DIR (or HEARTWOOD_DATA)") }
    Session.run(canStop: true) { session in try PaperRun(self, data: folder, session).run() }
  }

  /// Of each network's steps, with `--quick`.
  static let quickShare = 0.2
  private static let groups = Study.Group.allCases.map(\.rawValue) + ["tuning"]

  var names: [String] { records?.names ?? Cast.paperRecords }
  var unseen: String { target ?? Cast.paperTarget }
  var kinds: [BranchShape.Kind] { branches?.kinds ?? BranchShape.Kind.allCases }

  func wants(_ work: any Work) -> Bool {
    kinds.contains(work.study.branch)
      && (only.map { $0.split(separator: ",").contains { work.id.hasPrefix($0) } } ?? true)
  }

  /// Whether `--only` may mean the study of that `Study.name`.
  func names(study name: String) -> Bool {
    only.map { $0.split(separator: ",").contains { name.hasPrefix($0) || $0.hasPrefix(name) } } ?? true
  }

  struct BranchList: ExpressibleByArgument {
    let kinds: [BranchShape.Kind]

    static var defaultCompletionKind: CompletionKind { .list(BranchShape.Kind.allCases.map(\.rawValue)) }

    init?(argument: String) {
      let parts = argument.split(separator: ",").map(String.init)
      kinds = parts.compactMap(BranchShape.Kind.init(rawValue:))
      guard !kinds.isEmpty, kinds.count == parts.count, Set(kinds).count == kinds.count else { return nil }
    }
  }
}
