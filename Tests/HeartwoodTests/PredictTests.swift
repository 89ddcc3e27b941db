import Cohort
import Foundation
import MPI
import SharedTrunk
import WFDB
import XCTest

/// `predict`: what it writes is what the model says of the record's beats, and others can read it.
final class PredictTests: CommandTestCase {
  private struct Line: Equatable {
    let sample: Int
    let seconds: Double
    let verdict: String
    /// None where the beat was not judged.
    let probabilities: [Double]
    let interval: Double?
  }

  private func lines(_ path: String) throws -> (header: [String], lines: [Line]) {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    var rows = text.components(separatedBy: "\r\n").map { $0.components(separatedBy: ",") }
    XCTAssertEqual(rows.removeLast(), [""])
    let header = rows.removeFirst()
    return (
      header,
      try rows.map { row in
        XCTAssertEqual(row.count, header.count)
        return Line(
          sample: try XCTUnwrap(Int(row[0])), seconds: try XCTUnwrap(Double(row[1])), verdict: row[2],
          probabilities: row[3..<(row.count - 1)].compactMap { Double($0) },
          interval: Double(row[row.count - 1]))
      }
    )
  }

  /// Predicts; fails the test unless the command ends well. Returns the output folder.
  @discardableResult
  private func predict(_ ranks: Int, _ name: String, _ arguments: [String]) throws -> String {
    let output = "\(folder)/\(name)"
    let outcome = try Command.heartwood(ranks, ["predict", "--output", output] + arguments)
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    XCTAssertEqual(outcome.errors, "")
    return output
  }

  private func files(_ path: String) throws -> [String: Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
    return Dictionary(
      uniqueKeysWithValues: try names.map {
        ($0, try Data(contentsOf: URL(fileURLWithPath: "\(path)/\($0)")))
      })
  }

  // MARK: The three files agree

  func testDetectedBeats() throws {
    let (database, names) = try simulate(3, minutes: 4)
    let run = try train(
      1, "run", ["--data", database, "--records", "sim001,sim002", "--targets", "sim003", "--steps", "60"])
    let asked = ["--model", "\(run)/model", "--record", "\(database)/\(names[2])"]
    let output = try predict(1, "out", asked)
    let written = try files(output)
    XCTAssertEqual(written.keys.sorted(), ["sim003.csv", "sim003.html", "sim003.hwd"])

    let (header, lines) = try lines("\(output)/sim003.csv")
    XCTAssertEqual(header, ["sample", "seconds", "class", "p(normal)", "p(abnormal)", "rr"])
    XCTAssertGreaterThan(lines.count, 150)
    for (before, line) in zip([nil] + lines.map(Optional.some), lines) {
      XCTAssertEqual(line.seconds, Double(line.sample) / 360, accuracy: 1e-4)
      XCTAssertEqual(
        line.interval ?? -1, before.map { Double(line.sample - $0.sample) / 360 } ?? -1, accuracy: 1e-4)
      if line.verdict == "not judged" {
        XCTAssertEqual(line.probabilities, [])
      } else {
        XCTAssertEqual(line.probabilities.reduce(0, +), 1, accuracy: 1e-5)
        XCTAssertEqual(line.verdict, line.probabilities[1] > line.probabilities[0] ? "abnormal" : "normal")
      }
    }
    XCTAssertEqual(Set(lines.map(\.verdict)), ["normal", "abnormal", "not judged"])

    let annotations = try AnnotationFile.read(at: "\(output)/sim003.hwd").annotations
    XCTAssertEqual(annotations.map(\.sample), lines.map(\.sample))
    for (annotation, line) in zip(annotations, lines) {
      XCTAssertEqual(annotation.code.symbol, line.verdict == "normal" ? "N" : "Q")
      XCTAssertEqual(annotation.auxiliary, line.verdict == "normal" ? "" : line.verdict)
    }

    let page = Page(try XCTUnwrap(written["sim003.html"]))
    let figures = Dictionary(uniqueKeysWithValues: page.tables[0].dropFirst().map { ($0[0], $0[1]) })
    XCTAssertEqual(figures["record"], "sim003, lead MLII")
    XCTAssertEqual(figures["beats, by the detector"], "\(lines.count)")
    for name in ["normal", "abnormal"] {
      let count = lines.count { $0.verdict == name }
      XCTAssertTrue(figures["judged \(name)"]?.hasPrefix("\(count) (") ?? false, "\(figures)")
    }
    XCTAssertEqual(
      figures["not judged: at the ends or in gaps"], "\(lines.count { $0.verdict == "not judged" })")

    // The simulated beats are all but found.
    let beats = Beat.beats(in: try AnnotationFile.read(at: "\(database)/sim003.atr").annotations).map(
      \.sample)
    let found = BeatComparison(found: lines.map(\.sample), annotated: beats, samplingFrequency: 360)
    XCTAssertGreaterThan(try XCTUnwrap(found.sensitivity), 0.99)
    XCTAssertGreaterThan(try XCTUnwrap(found.positivePredictivity), 0.99)

    // The same bytes again over the files there, on two ranks, and from the header's path.
    try Data("old".utf8).write(to: URL(fileURLWithPath: "\(output)/sim003.csv"))
    try predict(2, "out", asked)
    XCTAssertEqual(try files(output), written)
    XCTAssertEqual(
      try files(try predict(1, "again", ["--model", "\(run)/model", "--record", "\(database)/sim003.hea"])),
      written)
    // Into the record's own folder nothing else is touched.
    let before = try files(database)
    try predict(1, "simulated-3-4-1", asked)
    XCTAssertEqual(try files(database), before.merging(written) { $1 })

    let marked = try predict(1, "marked", asked + ["--abnormal-symbol", "V"])
    let symbols = try AnnotationFile.read(at: "\(marked)/sim003.hwd").annotations.map(\.code.symbol)
    XCTAssertEqual(
      symbols, lines.map { $0.verdict == "normal" ? "N" : $0.verdict == "abnormal" ? "V" : "Q" })
    try checkByPython("\(output)/sim003", lines)
  }

  /// wfdb-python reads the same beats.
  private func checkByPython(_ record: String, _ lines: [Line]) throws {
    let script = """
      import json, sys, wfdb
      annotation = wfdb.rdann(sys.argv[1], "hwd")
      print(json.dumps([[int(s) for s in annotation.sample], annotation.symbol, annotation.aux_note]))
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, record]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw XCTSkip("python3 with the package wfdb is not installed")
    }
    let read = try XCTUnwrap(JSONSerialization.jsonObject(with: data) as? [[Any]])
    XCTAssertEqual(read[0] as? [Int], lines.map(\.sample))
    XCTAssertEqual(read[1] as? [String], lines.map { $0.verdict == "normal" ? "N" : "Q" })
    XCTAssertEqual(read[2] as? [String], lines.map { $0.verdict == "normal" ? "" : $0.verdict })
  }

  // MARK: What `evaluate` judges

  /// The class probabilities of the record's annotated beats, made the way of `evaluate`: the record read whole.
  private func evaluated(_ model: String, _ record: String) throws -> (
    positions: [Int], probabilities: [Float]
  ) {
    if !Environment.isInitialized { _ = try Environment.initialize() }
    let description = try ModelFolder.description(in: model)
    let input = description.input
    let patient = try Patient.load(
      record: record, window: WindowShape(length: input.length, rate: input.rate, before: input.before),
      labelling: try XCTUnwrap(Labelling(rawValue: input.labelling)))
    let none = Examples(windowLength: input.length)
    let tasks = TaskSet(
      names: description.tasks, ownership: Ownership(tasks: description.tasks.count, ranks: 1, rank: 0),
      own: description.tasks.map { TaskData(name: $0, training: none, validation: none, test: none) },
      heads: description.heads)
    let network = try Network(
      description.fusion == .anchored ? .anchored : .concat, description.shape, tasks, description.options,
      Communicator.world)
    try network.read(from: model)
    try network.prepareAfterReading()
    return (patient.examples.positions, try network.predict(patient.examples, description.protocol))
  }

  private func assertJudgesAsEvaluate(_ model: String, _ database: String, _ name: String) throws {
    let output = try predict(
      1, "annotated-\(name)", ["--model", model, "--record", "\(database)/\(name)", "--annotator", "atr"])
    let (_, lines) = try lines("\(output)/\(name).csv")
    let beats = Beat.beats(in: try AnnotationFile.read(at: "\(database)/\(name).atr").annotations)
    XCTAssertEqual(lines.map(\.sample), beats.map(\.sample))

    let (positions, probabilities) = try evaluated(model, "\(database)/\(name)")
    let bySample = Dictionary(lines.map { ($0.sample, $0) }) { first, _ in first }
    var worst = 0.0
    for (i, position) in positions.enumerated() {
      let mine = try XCTUnwrap(bySample[position]).probabilities
      XCTAssertEqual(mine.count, 2, "\(position)")
      for (column, value) in mine.enumerated() {
        worst = max(worst, abs(value - Double(probabilities[2 * i + column])))
      }
    }
    print("\(name): largest difference of a probability from evaluate's \(worst)")
    XCTAssertLessThan(worst, 1e-5)

    // And the command counts the same verdicts.
    let judged = "\(folder)/judged-\(name)"
    let outcome = try Command.heartwood(
      1, ["evaluate", "--model", model, "--data", database, "--records", name, "--output", judged])
    XCTAssertEqual(outcome.code, 0, outcome.errors)
    let test = try XCTUnwrap(try json("\(judged)/evaluation.json")["test"] as? [String: Any])
    let confusion = try XCTUnwrap(test["confusion"] as? [[Int]])
    let abnormal = positions.count { bySample[$0]?.verdict == "abnormal" }
    XCTAssertEqual(confusion[0][1] + confusion[1][1], abnormal)
    XCTAssertEqual(confusion.joined().reduce(0, +), positions.count)
  }

  func testAnnotatedBeatsAreJudgedAsByEvaluate() throws {
    let (database, _) = try simulate(4, minutes: 3)
    let run = try train(
      1, "run",
      ["--data", database, "--records", "sim001,sim002", "--targets", "sim003", "--steps", "40", "--rr"])
    for name in ["sim003", "sim004"] { try assertJudgesAsEvaluate("\(run)/model", database, name) }
  }

  /// An anchored network knows the patient by the same beats: the record's own.
  func testAnAnchoredNetworkJudgesAsByEvaluate() throws {
    let (database, _) = try simulate(3, minutes: 3)
    let run = try train(
      2, "run",
      [
        "--data", database, "--records", "sim001,sim002", "--targets", "sim003", "--fusion", "anchored",
        "--steps", "60",
      ])
    try assertJudgesAsEvaluate("\(run)/model", database, "sim003")
    let record = ["--model", "\(run)/model", "--record", "\(database)/sim003"]
    XCTAssertEqual(try files(try predict(1, "one", record)), try files(try predict(2, "two", record)))
    try expect(
      64, "anchored", 1, ["predict", "--output", "\(folder)/no", "--protocol", "broadcast"] + record)
  }

  func testRealBeatsAreJudgedAsByEvaluate() throws {
    let data = try realData()
    let run = try train(
      1, "run",
      ["--data", data, "--records", "106,119,203", "--targets", "205", "--branch", "lstm", "--steps", "40"])
    for name in ["205", "114"] { try assertJudgesAsEvaluate("\(run)/model", data, name) }
  }

  // MARK: Rhythms

  func testRhythmsAreChanges() throws {
    let (database, names) = try simulate(4, minutes: 6)
    let run = try train(
      1, "run",
      [
        "--problem", "classification", "--rhythm", "VT", "--borrow", "--data", database, "--records",
        "sim002,sim003", "--targets", "sim004", "--steps", "150",
      ])
    let output = try predict(2, "out", ["--model", "\(run)/model", "--record", "\(database)/\(names[3])"])
    let (header, lines) = try lines("\(output)/sim004.csv")
    XCTAssertEqual(header, ["sample", "seconds", "class", "p(other)", "p(VT)", "rr"])
    XCTAssertEqual(Set(lines.map(\.verdict)).subtracting(["not judged"]), ["other", "VT"])

    let annotations = try AnnotationFile.read(at: "\(output)/sim004.hwd").annotations
    XCTAssertEqual(annotations.filter(\.code.isBeat).map(\.sample), lines.map(\.sample))
    XCTAssertEqual(annotations.map(\.sample), annotations.map(\.sample).sorted())
    // The rhythm in force at each beat is the beat's class.
    let beats = Beat.beats(in: annotations)
    XCTAssertEqual(beats.count, lines.count)
    for (beat, line) in zip(beats, lines) where line.verdict != "not judged" {
      XCTAssertEqual(beat.symbol, "N")
      XCTAssertEqual(beat.rhythm, line.verdict == "VT" ? "(VT" : "(N")
    }
    let changes = annotations.filter { $0.code == .rhythmChange }.map(\.auxiliary)
    XCTAssertTrue(zip(changes, changes.dropFirst()).allSatisfy { $0 != $1 }, "\(changes)")
  }

  // MARK: Failures

  func testFailures() throws {
    let (database, _) = try simulate(3, minutes: 1)
    let run = try train(
      1, "run", ["--data", database, "--records", "sim001,sim002", "--targets", "sim003", "--steps", "10"])
    let output = ["--output", "\(folder)/out"]
    let base = ["predict", "--model", "\(run)/model"] + output
    let good = ["--record", "\(database)/sim003"]
    try expectSoon(64, "--record", [1], base)
    try expectSoon(64, "--abnormal-symbol +", [1], base + good + ["--abnormal-symbol", "+"])
    try expectSoon(64, "--abnormal-symbol N", [2], base + good + ["--abnormal-symbol", "N"])
    try expectSoon(64, "--annotator", [1], base + good + ["--annotator", "../x"])
    try expectSoon(64, "3 ranks for 2 tasks", [3], base + good)
    try expectSoon(64, "--protocol own: record sim003", [1], base + good + ["--protocol", "own"])
    try expectSoon(65, "model.json", [2], ["predict", "--model", "\(folder)/none"] + output + good)
    settle()
    XCTAssertFalse(FileManager.default.fileExists(atPath: "\(folder)/out"))

    try expectSoon(65, "nothing.hea", [2], base + ["--record", "\(database)/nothing"])
    try expectSoon(65, "no lead AVR", [1], base + good + ["--lead", "AVR"])
    try expectSoon(65, "sim003.qrs", [1], base + good + ["--annotator", "qrs"])
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(database)/sim003.dat"))
    func record(_ name: String, _ header: String, _ signal: Data) throws -> [String] {
      try Data(header.replacing("NAME", with: name).utf8).write(
        to: URL(fileURLWithPath: "\(database)/\(name).hea"))
      try signal.write(to: URL(fileURLWithPath: "\(database)/\(name).dat"))
      return base + ["--record", "\(database)/\(name)"]
    }
    let header = "NAME 2 360 21600\nNAME.dat 212 200 11 1024 0 0 0 MLII\nNAME.dat 212 200 11 1024 0 0 0 V5\n"
    try expectSoon(65, "cut.dat", [2], try record("cut", header, bytes.prefix(50_000)))
    let checked = header.replacing("1024 0 0 0", with: "1024 0 77 0")
    try expectSoon(65, "checksum", [2], try record("damaged", checked, bytes))
    let unstated = header.replacing("360 21600", with: "360")
    // Ends before a beat has a window.
    try expectSoon(65, "record short", [1], try record("short", unstated, bytes.prefix(3 * 100)))
    try expectSoon(
      65, "record tiny, lead MLII: it has 10 samples", [1], try record("tiny", unstated, bytes.prefix(30)))
    try expectSoon(65, "record empty", [1], try record("empty", unstated, Data()))
    let fast = try record("fast", header.replacing("360", with: "1e300"), bytes)
    try expectSoon(65, "record fast, lead MLII: a sampling frequency of 1e+300 Hz", [2], fast)
    try FileManager.default.copyItem(atPath: "\(database)/sim003.atr", toPath: "\(database)/fast.atr")
    try expectSoon(65, "record fast, lead MLII: a sampling", [1], fast + ["--annotator", "atr"])
    // Every sample marked as invalid: -2048 of 12 bits.
    let invalid = Data((0..<21_600).flatMap { _ in [0x00, 0x88, 0x00] as [UInt8] })
    try expectSoon(
      65, "record invalid, lead MLII: none of its samples is valid", [1],
      try record("invalid", unstated, invalid))
    try expectSoon(
      65, "record flat, lead MLII: all its samples are equal", [2],
      try record("flat", unstated, Data(count: 64_800)))
    settle()
    XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/out"), [])

    try Data("in the way".utf8).write(to: URL(fileURLWithPath: "\(folder)/file"))
    try expectSoon(
      73, "cannot create --output \(folder)/file/out: ", [2],
      ["predict", "--model", "\(run)/model", "--output", "\(folder)/file/out"] + good)
    settle()
    try FileManager.default.createDirectory(
      atPath: "\(folder)/out/sim003.csv/in-the-way", withIntermediateDirectories: true)
    try expect(74, "out/sim003.csv", 2, base + good)
  }

  /// Invalid samples in the midst of a record cost the beats about them, nothing more.
  func testGaps() throws {
    let (database, _) = try simulate(3, minutes: 2)
    let run = try train(
      1, "run", ["--data", database, "--records", "sim001,sim002", "--targets", "sim003", "--steps", "10"])
    let whole = try Record.read(at: "\(database)/sim003")
    let signals = whole.signals.map { signal in
      var digital = signal.digital
      for i in 10_000..<14_000 { digital[i] = Signal.invalid }
      return Signal(specification: signal.specification, digital: digital)
    }
    try Record(header: whole.header, signals: signals).write(to: database)
    let output = try predict(1, "out", ["--model", "\(run)/model", "--record", "\(database)/sim003"])
    let (_, lines) = try lines("\(output)/sim003.csv")
    let near = 10_000 - 216..<14_000 + 144
    XCTAssertTrue(lines.allSatisfy { !(10_000..<14_000).contains($0.sample) })
    for line in lines where line.verdict == "not judged" {
      XCTAssertTrue(near.contains(line.sample) || line.sample < 144 || line.sample > 43_200 - 216, "\(line)")
    }
    XCTAssertGreaterThan(lines.count { $0.sample < 10_000 && $0.verdict != "not judged" }, 20)
    XCTAssertGreaterThan(lines.count { $0.sample > 14_000 && $0.verdict != "not judged" }, 50)
  }
}
