import Foundation
import XCTest

/// What bad input gets, in one table: each row is run as a command, side by side with others.
///
/// Every refusal is one line on standard error, ends the command and writes over nothing. Rows of code 0 say what they passed over on standard
/// output, and leave the model that the undamaged run has.
final class BadInputTests: CommandTestCase {
  /// What is wrong, the command, its exit code, what its line says, and how the input is made.
  private struct Row {
    let wrong: String
    let command: String
    let code: Int32
    let words: String
    var ranks = 1
    var environment: [String: String] = [:]
    let make: (BadInputPlace) throws -> Void
    let line: UInt

    init(
      _ wrong: String, _ command: String, _ code: Int32, _ words: String, ranks: Int = 1,
      environment: [String: String] = [:], line: UInt = #line,
      _ make: @escaping (BadInputPlace) throws -> Void = { _ in }
    ) {
      self.wrong = wrong
      self.command = command
      self.code = code
      self.words = words
      self.ranks = ranks
      self.environment = environment
      self.make = make
      self.line = line
    }
  }

  private static let train =
    "train --data db --records sim001,sim002 --targets sim003 --steps 10 --batch 8 --checkpoint-every 5 --output out"
  private static let resume = train.replacingOccurrences(of: "--output out", with: "--output run --resume")
  private static let export = "export --model run/model --output out"
  private static let evaluate = "evaluate --model run/model --data db --records sim003 --output out"

  private static var usage: [Row] {
    [
      Row(
        "a subcommand misspelt", "trian --output out", 64,
        "'trian' is no subcommand; there are train, evaluate"),
      Row("an option that there is not", "\(train) --frobnicate", 64, "Unknown option '--frobnicate'"),
      Row("an option without its value", "\(train) --batch", 64, "Missing value for '--batch"),
      Row("no --output", "train --simulate 3", 64, "'--output"),
      Row("an empty --output", "train --simulate 3 --output \"\"", 64, "--output is empty"),
      Row("a word for a number", "\(train) --steps many", 64, "'many' is invalid for '--steps"),
      Row("a negative number", "\(train) --batch -1", 64, "--batch -1: from 1 to 65536"),
      Row("a probability of 1", "\(train) --dropout 1", 64, "--dropout 1.0: from 0 to below 1"),
      Row("no number", "\(train) --learning-rate nan", 64, "--learning-rate nan: must be positive"),
      Row(
        "checkpoints every 0 steps", "\(train) --checkpoint-every 0", 64,
        "'0' is invalid for '--checkpoint-every"),
      Row(
        "checkpoints every -5 s", "\(train) --checkpoint-every -5s", 64,
        "a number of steps (100), of seconds (30s)"),
      Row(
        "checkpoints every word", "\(train) --checkpoint-every abc", 64,
        "'abc' is invalid for '--checkpoint-every"),
      Row(
        "another program to log for", "\(train) --log wandb", 64,
        "'wandb' is invalid for '--log <log>'. Please provide one of 'tensorboard'"),
      Row("no checkpoint to keep", "\(train) --keep-checkpoints 0", 64, "--keep-checkpoints 0: 1 or more"),
      Row("two sources of data", "\(train) --simulate 3", 64, "--data and --simulate exclude each other"),
      Row(
        "options that exclude each other", "\(train) --split low", 64, "--split is for --scenario consistent"),
      Row(
        "a record as source and target", "\(train) --targets sim001", 64,
        "sim001 is both in --records and in --targets"),
      Row(
        "a record named twice", "\(train) --records sim001,sim001", 64, "inside the data folder, each once"),
      Row(
        "a record outside the folder", "\(train) --records ../db/sim001", 64,
        "'../db/sim001' is invalid for '--records"),
      Row("more ranks than tasks", train, 64, "3 ranks for 2 tasks: use -n 2 or fewer", ranks: 3),
      Row(
        "no data", "train --output out", 64, "no data: give --data DIR", environment: ["HEARTWOOD_DATA": ""]),
      Row(
        "a watchdog of no number", train, 64, "HEARTWOOD_WATCHDOG=x: seconds", ranks: 2,
        environment: ["HEARTWOOD_WATCHDOG": "x"]),
      Row(
        "no second to adapt on",
        "adapt --model run/model --data db --record sim003 --seconds -1 --output out", 64,
        "--seconds -1.0: must be positive"),
      Row(
        "the sign of a normal beat",
        "predict --model run/model --record db/sim003 --abnormal-symbol N --output out", 64,
        "--abnormal-symbol N"),
      Row("a path for an extension", "\(evaluate) --annotator a/b", 64, "--annotator a/b"),
      Row(
        "an answer that the model has not", "\(evaluate) --protocol typical", 64,
        "--protocol typical: the model is not anchored"),
      Row("a format that there is not", "\(export) --format keras", 64, "'keras' is invalid for '--format"),
      Row("no record to export", "\(export) --format csv", 64, "name it by --record"),
      Row(
        "a record for weights", "\(export) --format onnx --record db/sim003", 64,
        "--record is for --format csv"),
      Row(
        "an answer to export that the model has not", "\(export) --format onnx --protocol slot", 64,
        "--protocol slot: the model was trained without --slot-dropout"),
      Row(
        "nobody's own head", "\(export) --format onnx --protocol own", 64,
        "give --task, one of sim001, sim002"),
      Row(
        "the head of no task", "\(export) --format safetensors --protocol own --task sim003", 64,
        "record sim003 is not a task of the model (sim001, sim002)"),
      Row("a task that does not answer", "\(export) --format onnx --task sim001", 64, "--task sim001 is for"),
      Row("minutes of real records", "\(train) --minutes 5", 64, "--minutes goes with --simulate"),
      Row(
        "seeds of no study", "scale --seeds 2 --output out", 64,
        "--data, --sources and --seeds go with --accuracy"),
      Row(
        "names that are one file",
        "paper --transfer --transfer-records a/b,a-b,sim003 --data db --output out", 64,
        "two names differ only in / and -"),
      Row(
        "rounds of one measurement", "bench --rounds 3", 64, "--rounds goes with --compare or --checkpoints"),
      Row(
        "annotations of a run", "inspect run --annotator atr", 64, "--annotator goes with a record"),
      Row("ranks for one file", "\(export) --format onnx", 64, "leave -n away, or -n 1", ranks: 2),
    ]
  }

  private static var records: [Row] {
    [
      Row(
        "no folder of data", train.replacingOccurrences(of: "db", with: "nowhere"), 65,
        "nowhere/sim001.hea: cannot be read"),
      Row("no header", train, 65, "db/sim002.hea: cannot be read: No such file") {
        try $0.remove("db/sim002.hea")
      },
      Row("no signal file", train, 65, "db/sim002.dat: cannot be read: No such file", ranks: 2) {
        try $0.remove("db/sim002.dat")
      },
      Row("no annotations", train, 65, "no annotation file: db/sim002.atr") {
        try $0.remove("db/sim002.atr")
      },
      Row(
        "signals of one name", train, 65,
        "record sim001: its ECG lead has the same name as a signal before it, 'ECG'"
      ) {
        try $0.edit("db/sim001.hea", "200(1024)/mV 11 1024 1014", "200(1024)/mmHg 11 1024 1014")
        for lead in ["MLII", "V1"] { try $0.edit("db/sim001.hea", lead, "ECG") }
      },
      Row("no such lead", "\(train) --lead AVR", 65, "record sim001 has no lead AVR; it has MLII, V1"),
      Row("an empty header", train, 65, "db/sim002.hea: lacks a record line") {
        try $0.cut(0, "db/sim002.hea")
      },
      Row("a header cut in a line", train, 65, "db/sim002.hea") { try $0.cut(40, "db/sim002.hea") },
      Row("more signals than lines", train, 65, "lacks signal line 3 of 3") {
        try $0.edit("db/sim002.hea", "sim002 2", "sim002 3")
      },
      Row("a billion signals", train, 65, "expected at most 2000") {
        try $0.edit("db/sim002.hea", "sim002 2", "sim002 1000000000")
      },
      Row(
        "more samples than the file holds", train, 65, "states 43202 samples in sim002.dat, which holds 43200"
      ) { try $0.edit("db/sim002.hea", "21600", "21601") },
      Row("as many samples as there are numbers", train, 65, "states 9223372036854775807 samples") {
        try $0.edit("db/sim002.hea", "21600", "9223372036854775807")
      },
      Row(
        "a format that the samples are not in", train, 65,
        "states 43200 samples in sim002.dat, which holds 32400"
      ) { try $0.edit("db/sim002.hea", " 212 ", " 16 ") },
      Row(
        "a format that there is not", train, 65, "line 2: signal 0 is in unknown format 999; known are 8, 16"
      ) { try $0.edit("db/sim002.hea", " 212 ", " 999 ") },
      Row("a compressed format", train, 65, "convert it with xform") {
        try $0.edit("db/sim002.hea", " 212 ", " 508 ")
      },
      Row("a gain of no number", train, 65, "line 2: gain is 'nan'; expected a number") {
        try $0.edit("db/sim002.hea", "200(1024)", "nan(1024)")
      },
      Row("a gain that flattens the signal", train, 65, "lead MLII: all its samples are equal") {
        try $0.edit("db/sim002.hea", "200(1024)", "1e300(1024)")
      },
      Row("a frequency of 0", train, 65, "sampling frequency is '0'; expected a positive number") {
        try $0.edit("db/sim002.hea", " 360 ", " 0 ")
      },
      Row("a frequency below the filter's", train, 65, "sampled at 1.0 Hz, but a band-pass") {
        try $0.edit("db/sim002.hea", " 360 ", " 1 ")
      },
      Row("control characters in a header", train, 65, "gain is '2\\u{1b}[31m00'") {
        try $0.edit("db/sim002.hea", "200(1024)", "2\u{1B}[31m00")
      },
      Row("no ECG lead", train, 65, "has no signal that looks like an ECG lead (it has BP, RESP)") {
        try $0.edit("db/sim002.hea", "MLII", "BP")
        try $0.edit("db/sim002.hea", "V1", "RESP")
      },
      Row(
        "a signal file above the folder", train, 65,
        "names '../sim002.dat', which is not a file inside its own folder"
      ) { try $0.edit("db/sim002.hea", "sim002.dat", "../sim002.dat") },
      Row("a signal file anywhere", train, 65, "names '/etc/passwd'") {
        try $0.edit("db/sim002.hea", "sim002.dat", "/etc/passwd")
      },
      Row("a link to nothing", train, 65, "db/sim002.dat: cannot be read") {
        try $0.link("db/sim002.dat", to: "gone")
      },
      Row("a link to itself", train, 74, "db/sim002.hea: cannot be read: Too many levels") {
        try $0.link("db/sim002.hea", to: "sim002.hea")
      },
      Row("a folder for a file", train, 65, "db/sim002.dat: is not a regular file") {
        try $0.makeFolder("db/sim002.dat")
      },
      Row("a pipe for a file", train, 65, "db/sim002.dat: is not a regular file") {
        try $0.makePipe("db/sim002.dat")
      },
      Row("a signal file cut", train, 65, "states 43200 samples in sim002.dat, which holds 666", ranks: 2) {
        try $0.cut(1000, "db/sim002.dat")
      },
      Row("a byte of a signal changed", train, 65, "checksum") {
        try $0.overwrite("db/sim002.dat", first: [0x55])
      },
      Row("a record of 10 samples", train, 65, "it has 10 samples, fewer than") {
        try $0.write("db/sim002.hea", "sim002 1 360 10\nsim002.dat 16 200 11 0 0\n")
        try $0.write("db/sim002.dat", Data(0..<20))
      },
      Row("a constant lead", train, 65, "all its samples are equal") {
        try $0.write("db/sim002.hea", "sim002 1 360 1000\nsim002.dat 16 200 11 0 0\n")
        try $0.write("db/sim002.dat", Data(count: 2000))
      },
      Row("annotations of no byte", train, 65, "db/sim002.atr: has at byte 0 the end") {
        try $0.cut(0, "db/sim002.atr")
      },
      Row(
        "annotations cut in a word", train, 65, "db/sim002.atr: has at byte 40 the end, without an end mark"
      ) { try $0.cut(41, "db/sim002.atr") },
      Row("annotations of no known code", train, 65, "annotation code 55, which is not defined") {
        try $0.write("db/sim002.atr", Data([0, 55 << 2, 0, 0]))
      },
      Row("a record without beats", train, 65, "record sim002 has no annotated beat (1 annotations") {
        try $0.annotate("sim002", .rhythmChange, count: 1)
      },
      Row("no beat of a class", train, 65, "no source record has a beat that is abnormal", ranks: 2) {
        for record in ["sim001", "sim002"] { try $0.annotate(record, .normal, count: 50) }
      },
      Row(
        "a folder without records",
        evaluate.replacingOccurrences(of: "db --records sim003", with: "run --records all"), 65,
        "no record in run has both a .hea and an .atr file"),
      Row(
        "no record to judge", "predict --model run/model --record db/sim009 --output out", 65,
        "db/sim009.hea: cannot be read"),
      Row(
        "no beat left to judge", "\(evaluate) --from 1000", 65,
        "no beat of the model's classes (normal, abnormal) after second 1000.0"),
    ]
  }

  private static var models: [Row] {
    [
      Row("no model", evaluate, 65, "cannot read run/model/model.json: No such file") {
        try $0.remove("run/model")
      },
      Row("a folder for its description", evaluate, 65, "run/model/model.json") {
        try $0.makeFolder("run/model/model.json")
      },
      Row("a pipe for its description", evaluate, 65, "run/model/model.json") {
        try $0.makePipe("run/model/model.json")
      },
      Row(
        "a description cut", evaluate, 65,
        "run/model/model.json is damaged: The given data was not valid JSON"
      ) { try $0.cut(300, "run/model/model.json") },
      Row(
        "a description of another format", evaluate, 65,
        "model.json is damaged: its format is heartwood-model-9", ranks: 2
      ) { try $0.edit("run/model/model.json", "heartwood-model-3", "heartwood-model-9") },
      Row(
        "other sizes than the tensors'", evaluate, 65,
        "does not hold branch.convolution.weight in the shape that model.json gives"
      ) { try $0.edit("run/model/model.json", "\"channels\" : 8", "\"channels\" : 4") },
      Row("sizes beyond all memory", evaluate, 65, "model.json is damaged") {
        try $0.edit("run/model/model.json", "\"channels\" : 8", "\"channels\" : 65000")
      },
      Row("a task outside the folder", evaluate, 65, "model.json is damaged") {
        try $0.edit("run/model/model.json", "\"sim002\"", "\"../sim002\"")
      },
      Row("no tensors of a task", evaluate, 65, "cannot read run/model/task-sim002.safetensors", ranks: 2) {
        try $0.remove("run/model/task-sim002.safetensors")
      },
      Row("tensors cut", evaluate, 65, "run/model/trunk.safetensors is damaged") {
        try $0.cut(9000, "run/model/trunk.safetensors")
      },
      Row("tensors of no byte", evaluate, 65, "run/model/trunk.safetensors") {
        try $0.cut(0, "run/model/trunk.safetensors")
      },
      Row(
        "a header longer than its file", evaluate, 65,
        "trunk.safetensors is damaged: its header claims 4611686018427387904 bytes"
      ) { try $0.overwrite("run/model/trunk.safetensors", first: [0, 0, 0, 0, 0, 0, 0, 64]) },
      Row(
        "a weight of no number", evaluate, 65,
        "trunk.safetensors is damaged: trunk.1.weight holds numbers that are not finite"
      ) { try $0.overwrite("run/model/trunk.safetensors", last: [0, 0, 0xC0, 0x7F]) },
      Row("a tensor missing", evaluate, 65, "task-sim001.safetensors does not hold branch.") {
        try $0.copy("run/model/trunk.safetensors", over: "run/model/task-sim001.safetensors")
      },
      Row(
        "a damaged model to adapt",
        "adapt --model run/model --data db --record sim003 --seconds 20 --output out", 65,
        "run/model/trunk.safetensors is damaged"
      ) { try $0.cut(9000, "run/model/trunk.safetensors") },
      Row("a damaged model to look at", "inspect run/model", 65, "run/model/trunk.safetensors is damaged") {
        try $0.cut(9000, "run/model/trunk.safetensors")
      },
      Row("a damaged run to look at", "inspect run", 65, "run/summary.json is not a summary") {
        try $0.cut(9, "run/summary.json")
      },
    ]
  }

  private static var folders: [Row] {
    [
      Row(
        "a run in the folder", train.replacingOccurrences(of: "--output out", with: "--output run"), 73,
        "--output run holds a run already; choose another folder, or go on with it by --resume", ranks: 2),
      Row("a run at work in the folder", resume, 73, "another run of train is at work in --output run") {
        try $0.remove("run/summary.json")
        $0.lock("run/.lock")
      },
      Row(
        "no folder for the file", "export --model run/model --format onnx --output nowhere/out", 73,
        "cannot create nowhere/out: No such file"),
      Row(
        "a folder for the file", "export --model run/model --format onnx --output run", 73,
        "--output run is a folder; name a file in it"),
      Row("a file for the folder", train, 73, "cannot create --output out: Not a directory") {
        try $0.write("out", "in the way")
      },
      Row("a file above the folder", "\(train)/run", 73, "cannot create --output out/run: Not a directory") {
        try $0.write("out", "in the way")
      },
      Row(
        "a file for the events", "\(train) --log tensorboard", 73,
        "cannot create out/tensorboard: Not a directory"
      ) {
        try $0.makeFolder("out")
        try $0.write("out/tensorboard", "in the way")
      },
      Row(
        "a folder that cannot be made",
        train.replacingOccurrences(of: "--output out", with: "--output /proc/run"), 73,
        "cannot create --output /proc/run: No such file"),
      Row(
        "a folder for results that cannot be made", "\(evaluate)/judged", 73,
        "cannot create --output out/judged: Not a directory"
      ) { try $0.write("out", "in the way") },
      Row(
        "a folder for records that cannot be made", "simulate --patients 1 --minutes 1 --output out", 73,
        "cannot create --output out: Not a directory"
      ) { try $0.write("out", "in the way") },
      Row(
        "a finished run to go on with", resume, 0, "The run in run has ended well: nothing to go on with",
        ranks: 2),
      Row(
        "another network to go on with, which is finished", "\(resume) --batch 4", 64,
        "--resume: what run holds is of another run: options.batch is 8, here 4", ranks: 2),
      Row(
        "other baselines than a finished run's", "\(resume) --baseline pooled", 64,
        "what run holds is of another run: baselines is none, here STL pooled"),
      Row("other data than a finished run's", resume, 65, "what run holds is of another run: data.sim002 is")
      {
        for kind in ["dat", "atr"] { try $0.copy("db/sim003.\(kind)", over: "db/sim002.\(kind)") }
        try $0.copy("db/sim003.hea", over: "db/sim002.hea")
        try $0.edit("db/sim002.hea", "sim003", "sim002")
      },
      Row(
        "another network to go on with", "\(resume) --batch 4", 64,
        "run/checkpoints/mtl/step-10 is of another run: options.batch is 8, here 4"
      ) { try $0.remove("run/summary.json") },
      Row("other data to go on with", resume, 65, "is of another run: data.sim002 is", ranks: 2) {
        try $0.remove("run/summary.json")
        for kind in ["dat", "atr"] { try $0.copy("db/sim003.\(kind)", over: "db/sim002.\(kind)") }
        try $0.copy("db/sim003.hea", over: "db/sim002.hea")
        try $0.edit("db/sim002.hea", "sim003", "sim002")
      },
      Row("no metrics to go on with", resume, 74, "cannot read run/metrics.jsonl: Is a directory") {
        try $0.remove("run/summary.json")
        try $0.makeFolder("run/metrics.jsonl")
      },
      Row("a file for the checkpoints", resume, 74, "cannot write run/checkpoints/mtl: Not a directory") {
        for name in ["run/summary.json", "run/metrics.jsonl", "run/checkpoints"] { try $0.remove(name) }
        try $0.write("run/checkpoints", "in the way")
      },
      Row("a folder for a model file", resume, 74, "cannot write run/model/trunk.safetensors: Is a directory")
      {
        try $0.remove("run/summary.json")
        try $0.makeFolder("run/model/trunk.safetensors")
      },
      Row("no checkpoint", resume, 0, "MTL has no whole checkpoint and starts from the beginning") {
        for name in ["run/summary.json", "run/checkpoints"] { try $0.remove(name) }
      },
      Row(
        "the last checkpoint cut", resume, 0,
        "MTL goes on from step 5; the checkpoint of step 10 was passed over: trunk.safetensors has 100 bytes"
      ) {
        try $0.remove("run/summary.json")
        try $0.cut(100, "run/checkpoints/mtl/step-10/trunk.safetensors")
      },
      Row(
        "all checkpoints cut", resume, 0,
        "MTL has no whole checkpoint and starts from the beginning; the checkpoint of step 10 was passed over",
        ranks: 2
      ) {
        try $0.remove("run/summary.json")
        for step in [5, 10] { try $0.cut(100, "run/checkpoints/mtl/step-\(step)/trunk.safetensors") }
      },
      Row("all manifests cut", resume, 0, "the checkpoint of step 5 was passed over: MANIFEST is damaged") {
        try $0.remove("run/summary.json")
        for step in [5, 10] { try $0.cut(100, "run/checkpoints/mtl/step-\(step)/MANIFEST") }
      },
      Row("half a line of metrics", resume, 0, "MTL goes on from step 10") {
        try $0.remove("run/summary.json")
        try $0.cut(500, "run/metrics.jsonl")
      },
    ]
  }

  func testTable() throws {
    let (database, _) = try simulate(3, minutes: 1)
    try FileManager.default.moveItem(atPath: database, toPath: "\(folder)/db")
    let rows = Self.usage + Self.records + Self.models + Self.folders
    XCTAssertGreaterThanOrEqual(rows.count, 40)
    let words = Self.train.replacingOccurrences(of: "--output out", with: "--output run").split(
      separator: " "
    ).map(String.init)
    try start(1, words, in: folder) { XCTAssertEqual($0.code, 0, $0.errors) }
    settle()
    let whole = try model("\(folder)/run")
    for (number, row) in rows.enumerated() {
      let place = try BadInputPlace("\(folder)/\(number)", copying: folder)
      try row.make(place)
      let before = place.files()
      let command = row.command.split(separator: " ").map { $0 == "\"\"" ? "" : String($0) }
      try start(row.ranks, command, environment: row.environment, in: place.folder) { outcome in
        self.look(at: outcome, of: row, place, before, whole)
        try? place.remove("")
      }
    }
  }

  private func look(
    at outcome: Outcome, of row: Row, _ place: BadInputPlace, _ before: [String: Data],
    _ whole: [String: Data]
  ) {
    let said = "\(row.wrong): \(outcome.code) \(outcome.errors)"
    XCTAssertEqual(outcome.code, row.code, said, line: row.line)
    XCTAssertEqual(outcome.errorLines.count, row.code == 0 ? 0 : 1, said, line: row.line)
    let told = row.code == 0 ? outcome.output : outcome.errors
    XCTAssertTrue(told.contains(row.words), "\(row.wrong): \(told)", line: row.line)
    guard row.code != 0 else {
      return XCTAssertEqual(try? model(place.path("run")), whole, row.wrong, line: row.line)
    }
    let after = place.files()
    for (name, data) in before { XCTAssertEqual(after[name], data, "\(row.wrong): \(name)", line: row.line) }
    let new = Set(after.keys.filter { before[$0] == nil }.map { ($0 as NSString).lastPathComponent })
    XCTAssertTrue(new.isSubset(of: [".lock", "metrics.jsonl"]), "\(row.wrong): \(new)", line: row.line)
  }
}
