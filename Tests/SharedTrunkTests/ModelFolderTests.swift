import Cohort
import Foundation
import MPI
import SharedTrunk
import XCTest

final class ModelFolderTests: OneRankTestCase {
  private var folder = ""

  override func setUpWithError() throws {
    try super.setUpWithError()
    folder = NSTemporaryDirectory() + "model-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  override func tearDown() { try? FileManager.default.removeItem(atPath: folder) }

  private func description(
    _ shape: NetworkShape, _ tasks: TaskSet = .random(3), baseline: Baseline? = nil, fusion: Fusion = .concat
  ) -> ModelDescription {
    ModelDescription(
      problem: "detection", scenario: "inconsistent", learning: baseline == nil ? .mtl : .stl, fusion: fusion,
      baseline: baseline, heads: tasks.heads, shape: shape, classes: ["normal", "abnormal"],
      records: tasks.names, tasks: tasks.names, protocol: .mean,
      input: InputDescription(
        WindowShape(length: shape.branch.length, rate: 128, before: 0.05), .strict, lead: nil),
      options: .small(steps: 4))
  }

  func testAModelReadBackAnswersAsBefore() throws {
    // The middle task has no vote, which its file must tell.
    let tasks = TaskSet.onOneRank(
      TaskSet.random(3).own.enumerated().map { index, task in
        let labels = task.training.labels.map { index == 1 ? 0 : $0 }
        return TaskData(
          name: task.name, training: task.training.relabelled(labels), validation: task.validation,
          test: task.test)
      })
    let examples = SyntheticTask.make(8, count: 25, length: 20).training
    let systems: [System] = [
      .mtl(.concat), .mtl(.hard), .stl(.balanced), .stl(.alone), .stl(.finetuned),
    ]
    for kind in BranchShape.Kind.allCases {
      for system in systems {
        let name = "\(kind) \(system.name)"
        let (shape, form) = (NetworkShape.small(kind, dropout: 0.2), system.form(tasks))
        var described = description(shape, tasks)
        switch system {
        case .mtl(let fusion): described = description(shape, tasks, fusion: fusion)
        case .stl(let baseline): described = description(shape, tasks, baseline: baseline)
        }
        let trained = try Network(form, shape, tasks, described.options, Communicator.world)
        _ = try trained.train { _ in }
        try trained.write(described, to: folder)
        XCTAssertEqual(try ModelFolder.description(in: folder), described, name)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        XCTAssertEqual(Set(files), Set(described.files + [ModelFolder.descriptionFile]), name)

        let read = try Network(form, shape, tasks, .small(steps: 4, seed: 77), Communicator.world)
        XCTAssertNotEqual(try read.predict(examples, .mean), try trained.predict(examples, .mean), name)
        try read.read(from: folder)
        try read.prepareAfterReading()
        for answer in PredictionProtocol.allCases {
          XCTAssertEqual(
            try read.predict(examples, answer), try trained.predict(examples, answer), "\(name) \(answer)")
        }
        for position in 0..<3 {
          XCTAssertEqual(
            read.predictOwn(position, examples), trained.predictOwn(position, examples), "\(name) \(position)"
          )
        }
        for file in files { try FileManager.default.removeItem(atPath: "\(folder)/\(file)") }
      }
    }
  }

  /// What a description claims, its files must hold; what they are named must be in the folder itself.
  func testAModelIsNoMoreThanItsFiles() throws {
    let tasks = TaskSet.random(3)
    let network = try Network(.concat, .small(), tasks, .small(steps: 4), Communicator.world)
    func assertRefused(_ words: String, line: UInt = #line, _ change: (inout ModelDescription) throws -> Void)
      throws
    {
      var described = description(.small(), tasks)
      try network.write(described, to: folder)
      XCTAssertNoThrow(try ModelFolder.descriptionOfWhole(in: folder), line: line)
      try change(&described)
      try write(described)
      XCTAssertThrowsError(try ModelFolder.descriptionOfWhole(in: folder), line: line) {
        XCTAssertTrue("\($0)".contains(words), "\($0)", line: line)
      }
    }
    try assertRefused("the files beside it hold") { $0.shape.trunk = [65_536, 65_536] }
    try assertRefused("one task's weights") {
      $0.shape.branch.channels = 65_536
      $0.shape.branch.kernel = 1
      $0.shape.branch.pool = 1
      $0.shape.trunk = [65_536]
    }
    for name in [
      "../a", "/a", "a/../../b", "", "..", "a\u{0}", "\u{1B}[2J", String(repeating: "a", count: 201),
    ] {
      try assertRefused("no record's or task's name") { $0.tasks[1] = name }
      try assertRefused("no record's or task's name") { $0.records.append(name) }
    }
    let (file, outside) = ("\(folder)/\(ModelFolder.trunkFile)", folder + "-outside")
    defer { try? FileManager.default.removeItem(atPath: outside) }
    try assertRefused("is a link to") { _ in
      try FileManager.default.moveItem(atPath: file, toPath: outside)
      try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: outside)
    }
    // Nothing waits for a writer.
    try FileManager.default.removeItem(atPath: file)
    XCTAssertEqual(mkfifo(file, 0o600), 0)
    XCTAssertThrowsError(try ModelFolder.tensors(ModelFolder.trunkFile, in: folder)) {
      XCTAssertTrue("\($0)".contains("is not a regular file"), "\($0)")
    }
    let long = Data("{".utf8) + Data(repeating: 0x20, count: 1 << 24)
    try long.write(to: URL(fileURLWithPath: "\(folder)/model.json"))
    XCTAssertThrowsError(try ModelFolder.description(in: folder)) {
      XCTAssertTrue("\($0)".contains("at most 16777216"), "\($0)")
    }
  }

  /// A description that no network can be built from is refused in one line that names the file and what is wrong.
  func testDescriptionsThatCannotBeAreRefused() throws {
    func assertRefused(
      _ kind: BranchShape.Kind = .lstm, saying words: String, line: UInt = #line,
      _ change: (inout ModelDescription) -> Void
    ) throws {
      var described = description(.small(kind))
      try write(described)
      XCTAssertNoThrow(try ModelFolder.description(in: folder), line: line)
      change(&described)
      try write(described)
      XCTAssertThrowsError(try ModelFolder.description(in: folder), line: line) { error in
        let text = "\(error)"
        XCTAssertTrue(text.contains("model.json") && text.contains(words), text, line: line)
        XCTAssertFalse(text.contains("\n"), line: line)
      }
    }
    for kind in [BranchShape.Kind.rnn, .lstm] {
      try assertRefused(kind, saying: "20 samples is not whole frames of 6") { $0.shape.branch.frame = 6 }
      try assertRefused(kind, saying: "frame is 0") { $0.shape.branch.frame = 0 }
      try assertRefused(kind, saying: "frame is 21") { $0.shape.branch.frame = 21 }
      try assertRefused(kind, saying: "hidden state is 0") { $0.shape.branch.hidden = 0 }
      try assertRefused(kind, saying: "hidden state is -3") { $0.shape.branch.hidden = -3 }
    }
    // A kind's sizes are looked at, not another's.
    for (kind, change) in [
      (BranchShape.Kind.cnn, { $0.shape.branch.frame = 6 }), (.rnn, { $0.shape.branch.kernel = 0 }),
    ] as [(BranchShape.Kind, (inout ModelDescription) -> Void)] {
      var described = description(.small(kind))
      change(&described)
      try write(described)
      XCTAssertNoThrow(try ModelFolder.description(in: folder))
    }
    try assertRefused(saying: "classes") { $0.heads = .oneVersusRest }
    try assertRefused(saying: "3 outputs") {
      $0.heads = .oneVersusRest
      $0.classes = ["a", "b", "c"]
      $0.shape.classes = 3
    }
    try assertRefused(saying: "labelling is arrhythmia") { $0.input.labelling = "arrhythmia" }
    try assertRefused(saying: "problem is triage") { $0.problem = "triage" }
    try assertRefused(saying: "scenario is elsewhere") { $0.scenario = "elsewhere" }
    try assertRefused(saying: "a class VT, which its labelling strict has not") {
      $0.classes = ["normal", "VT"]
    }
    try assertRefused(saying: "a class twice") { $0.classes = ["normal", "normal"] }
    try assertRefused(saying: "validateEvery is 0") { $0.options.validateEvery = 0 }
    try assertRefused(saying: "window has 21 samples, its branch 20") { $0.input.length = 21 }
    try assertRefused(saying: "heartwood-model-1") { $0.format = "heartwood-model-1" }
  }

  private func write(_ description: ModelDescription) throws {
    try JSONEncoder().encode(description).write(to: URL(fileURLWithPath: "\(folder)/model.json"))
  }
}
