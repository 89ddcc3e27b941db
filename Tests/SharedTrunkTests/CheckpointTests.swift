import Cohort
import Foundation
import Layers
import MPI
import SharedTrunk
import XCTest

/// Training that is cut off and taken up again, and checkpoints that are torn.
final class CheckpointTests: OneRankTestCase {
  private var folder = ""

  override func setUpWithError() throws {
    try super.setUpWithError()
    folder = NSTemporaryDirectory() + "checkpoints-\(UUID().uuidString)"
  }

  override func tearDown() { try? FileManager.default.removeItem(atPath: folder) }

  /// What ends a run on its way.
  private struct CutOff: Error {}

  private var tasks: TaskSet {
    .onOneRank(
      TaskSet.random(3).own.map {
        TaskData(name: $0.name, training: $0.training, validation: $0.training, test: $0.test)
      })
  }

  private func options(_ change: (inout TrainingOptions) -> Void = { _ in }) -> TrainingOptions {
    var options = TrainingOptions.small(steps: 60)
    options.validateEvery = 7
    change(&options)
    return options
  }

  private func network(_ form: Network.Form, _ options: TrainingOptions) throws -> Network {
    let shape = NetworkShape.small(dropout: 0.2)
    return try Network(
      form, form == .anchored ? shape.besideOwnStatistics : shape, tasks, options, Communicator.world)
  }

  private func saving(
    every steps: Int, resumes: Bool = false, keeps: Int = 2, identity: [String: String] = ["data.1": "a"],
    said: @escaping (String) -> Void = { _ in }
  ) -> CheckpointsOfNetwork {
    CheckpointsOfNetwork(
      CheckpointPlan(
        folder: folder, interval: .steps(steps), keeps: keeps, resumes: resumes, identity: identity,
        program: "test"),
      name: "MTL", isAboutToSave: {}, say: said)
  }

  /// Trains up to `last` steps and is cut off there; returns the steps reported.
  @discardableResult
  private func train(_ network: Network, to last: Int = .max, _ saving: CheckpointsOfNetwork) throws -> [Int]
  {
    var steps: [Int] = []
    do {
      _ = try network.train(saving: saving) { report in
        steps.append(report.step)
        if report.step == last { throw CutOff() }
      }
    } catch is CutOff {}
    return steps
  }

  func testEveryFormGoesOnToTheSameWeights() throws {
    for form in Network.Form.all + [.anchored] {
      try goesOn(form, options())
    }
    try goesOn(.concat, options { $0.exchange = .gather })
    try goesOn(.concat, options { $0.sum = .float })
    try goesOn(.concat, options { $0.slotDropout = true })
    try goesOn(.finetuned, options(), cuts: [30, 29, 31])
  }

  /// Cut off at several steps, at one twice.
  private func goesOn(_ form: Network.Form, _ options: TrainingOptions, cuts: [Int] = [3, 26, 26, 44]) throws
  {
    try? FileManager.default.removeItem(atPath: folder)
    let whole = try network(form, options)
    let result = try whole.train { _ in }
    for cut in cuts { try train(try network(form, options), to: cut, saving(every: 5, resumes: true)) }
    let resumed = try network(form, options)
    var first: Int?
    let last = try resumed.train(saving: saving(every: 5, resumes: true)) { first = first ?? $0.step }
    XCTAssertEqual(resumed.weights, whole.weights, "\(form)")
    XCTAssertGreaterThan(first ?? 0, 20, "\(form)")
    XCTAssertEqual(last.firstLoss, result.firstLoss)
    XCTAssertEqual(last.lastLoss, result.lastLoss)
    XCTAssertEqual(last.bestStep, result.bestStep)
    XCTAssertEqual(last.bestValidation, result.bestValidation)
    // A network that is trained already is not trained again.
    let done = try network(form, options)
    XCTAssertEqual(try train(done, saving(every: 5, resumes: true)), [])
    XCTAssertEqual(done.weights, whole.weights, "\(form)")
  }

  /// While one checkpoint is being written training goes on, and may find better weights: the file has the best of its own step.
  func testTheBestWeightsAreThoseOfTheStep() throws {
    let options = options {
      $0.steps = 40
      $0.validateEvery = 2
    }
    try train(try network(.concat, options), saving(every: 2, keeps: 99))
    var bestSteps: Set<Int> = []
    for step in stride(from: 2, through: 40, by: 2) {
      let manifest = try XCTUnwrap(
        FileManager.default.contents(atPath: "\(folder)/mtl/step-\(step)/MANIFEST"))
      let json = try JSONSerialization.jsonObject(with: manifest.split(separator: 0x0A)[0])
      let progress = try XCTUnwrap((json as? [String: Any])?["progress"] as? [String: Any])
      let bestStep = try XCTUnwrap(progress["bestStep"] as? Int)
      bestSteps.insert(bestStep)
      for file in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/mtl/step-\(step)")
      where file.hasSuffix(".safetensors") {
        func tensors(_ step: Int) throws -> [String: Safetensors.Tensor] {
          let data = FileManager.default.contents(atPath: "\(folder)/mtl/step-\(step)/\(file)")
          return try Safetensors(decoding: try XCTUnwrap(data), file: file).tensors
        }
        XCTAssertEqual(
          try tensors(step)["group0.best"]?.values, try tensors(bestStep)["group0.values"]?.values,
          "step \(step), \(file)")
      }
    }
    XCTAssertGreaterThan(bestSteps.count, 2)
  }

  func testTheLastFewAreKept() throws {
    let options = options()
    try train(try network(.concat, options), saving(every: 10, keeps: 3))
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/mtl").sorted()
    XCTAssertEqual(names, ["step-40", "step-50", "step-60"])
  }

  func testACheckpointOfAnotherRunIsRefused() throws {
    try train(try network(.concat, options()), saving(every: 10))
    for (identity, words, isOfData) in [
      (["data.1": "b"], "data.1 is a, here b", true),
      (["tasks": "x", "data.1": "a"], "tasks is not there, here x", false),
    ] {
      XCTAssertThrowsError(
        try train(
          try network(.concat, options()), saving(every: 10, resumes: true, identity: identity))
      ) { error in
        guard let mismatch = error as? CheckpointMismatch else { return XCTFail("\(error)") }
        XCTAssertTrue(mismatch.description.contains(words), mismatch.description)
        XCTAssertEqual(mismatch.isOfData, isOfData)
      }
    }
    XCTAssertEqual(try train(try network(.concat, options()), saving(every: 10, resumes: true)), [])
  }

  /// A manifest that is whole, but of a step that no run has a state of.
  func testAStateOfNoRunIsPassedOver() throws {
    let options = options { $0.steps = 20 }
    try train(try network(.concat, options), saving(every: 10))
    let whole = try XCTUnwrap(FileManager.default.contents(atPath: "\(folder)/mtl/step-20/MANIFEST"))
    let json = String(decoding: whole.split(separator: 0x0A)[0], as: UTF8.self)
    for step in [-5, 0, 21, 999_999_999] {
      let odd = "\(folder)/mtl/step-\(step)"
      try? FileManager.default.removeItem(atPath: odd)
      try FileManager.default.copyItem(atPath: "\(folder)/mtl/step-20", toPath: odd)
      let text = Data(json.replacingOccurrences(of: "\"step\":20", with: "\"step\":\(step)").utf8)
      try (text + Data("\n\(SHA256.hex(text))\n".utf8)).write(to: URL(fileURLWithPath: "\(odd)/MANIFEST"))
    }
    var said = ""
    XCTAssertEqual(
      try train(try network(.concat, options), saving(every: 10, resumes: true) { said += $0 }), [])
    XCTAssertTrue(
      said.contains("goes on from step 20; the checkpoint of step 999999999 was passed over"), said)
  }

  /// The examples of FIPS 180-4: of one block and of two.
  func testSums() {
    XCTAssertEqual(
      SHA256.hex(Data("abc".utf8)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    XCTAssertEqual(
      SHA256.hex(Data("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
  }

  /// What coreutils make of messages of all lengths around a block's, and of files around a piece's and a portion's, at each CPU level.
  func testSumsAreThoseOfCoreutils() throws {
    func shell(_ script: String) throws -> [String] {
      let (process, output) = (Process(), Pipe())
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = ["-c", "cd '\(folder)' && \(script)"]
      process.standardOutput = output
      try process.run()
      let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      return said.split(separator: "\n").map { String($0.prefix(64)) }
    }
    var stream = RandomStream(seed: 4)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    func files(_ lengths: [Int]) throws -> [Data] {
      try lengths.enumerated().map { number, length in
        let bytes = Data((0..<length).map { _ in UInt8(stream.index(below: 256)) })
        try bytes.write(to: URL(fileURLWithPath: "\(folder)/\(number)"))
        return bytes
      }
    }
    let short = try files(Array(0...200) + Array(repeating: 1000, count: 16))
    let sums = try shell("sha256sum $(seq 0 216)")
    let long = try files([0, 1, 16383, 16384, 16385, 262_143, 262_144, 300_000])
    let longSums = try shell(
      "for n in $(seq 0 7); do split -b 16384 --filter=sha256sum $n | sha256sum; done")
    let before = CPULevel.current
    defer { CPULevel.use(before) }
    for level in CPULevel.allCases where level <= CPULevel.supported {
      CPULevel.use(level)
      for (message, sum) in zip(short, sums) {
        XCTAssertEqual(SHA256.hex(message), sum, "\(message.count) bytes, \(level)")
      }
      XCTAssertEqual(long.map { PiecewiseSum.hex($0) }, longSums, "\(level)")
      // Sixteen at once, each of its own.
      let together = short.suffix(16).reduce(Data(), +)
      let each = together.withUnsafeBytes { bytes in
        SHA256.hex((0..<16).map { UnsafeRawBufferPointer(rebasing: bytes[$0 * 1000..<($0 + 1) * 1000]) })
      }
      XCTAssertEqual(each, Array(sums.suffix(16)), "\(level)")
    }
  }

  /// Every file of a checkpoint, cut at 20 places and changed by a bit at 200: found each time, and the one before it used.
  func testEveryTornFileIsFound() throws {
    let options = options { $0.steps = 20 }
    try train(try network(.concat, options), saving(every: 10))
    let newest = "\(folder)/mtl/step-20"
    let files = try FileManager.default.contentsOfDirectory(atPath: newest).sorted()
    XCTAssertEqual(files.count, 5, "\(files)")
    let contents = try files.map { try XCTUnwrap(FileManager.default.contents(atPath: "\(newest)/\($0)")) }
    func put(_ bytes: Data, _ file: String) throws {
      try FileManager.default.createDirectory(atPath: newest, withIntermediateDirectories: true)
      try bytes.write(to: URL(fileURLWithPath: "\(newest)/\(file)"))
    }
    var stream = RandomStream(seed: 1)
    let network = try network(.concat, options)
    func expectPassedOver(_ file: String, _ what: String) throws {
      var said = ""
      let steps = try train(network, to: 11, saving(every: 1000, resumes: true) { said += $0 })
      XCTAssertEqual(steps, [11], "\(file), \(what): \(said)")
      XCTAssertTrue(said.contains("goes on from step 10; the checkpoint of step 20 was passed over"), said)
    }
    for (file, whole) in zip(files, contents) {
      for cut in 0..<20 {
        try put(cut == 0 ? whole.dropLast() : whole.prefix(whole.count * (cut - 1) / 19), file)
        try expectPassedOver(file, "cut \(cut)")
      }
      for _ in 0..<200 {
        var flipped = whole
        let (place, bit) = (stream.index(below: whole.count), stream.index(below: 8))
        flipped[place] ^= 1 << UInt8(bit)
        try put(flipped, file)
        try expectPassedOver(file, "byte \(place), bit \(bit)")
      }
      unlink("\(newest)/\(file)")
      try expectPassedOver(file, "missing")
      for (file, whole) in zip(files, contents) { try put(whole, file) }
    }
    XCTAssertEqual(try train(network, saving(every: 1000, resumes: true)), [])
  }
}
