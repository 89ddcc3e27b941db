import Foundation
import Layers
import MPI
import Synchronization

/// Saves one network's training as it goes, and takes it up again. Every rank has one, and makes the same calls at the same steps.
///
/// Between two steps a state is set aside in memory, in part copied, in part lent; a thread of each rank writes its part aside, syncs and renames it. When a step's sum
/// says that all ranks have written, the first rank gathers the files' sums and publishes the manifest: from then on the checkpoint counts.
final class Checkpoints {
  private let plan: CheckpointPlan
  private let network: CheckpointsOfNetwork
  private let folder: CheckpointFolder
  private let own: [CheckpointPart]
  private let shared: CheckpointPart?
  private let status: StepStatus
  private let stride: Int
  /// Of the whole training.
  private let steps: Int
  private let communicator: Communicator
  private let writer = Writer()
  private(set) var figures = CheckpointFigures()

  /// Being written, and not published yet.
  private var pending: TrainingProgress?
  /// Steps whose checkpoints are whole.
  private var published: [Int] = []
  private var isWanted = false
  private var isStopping = false
  private var lastTime = Environment.wallTime()

  init(
    _ network: CheckpointsOfNetwork, _ learner: any Learner, tasks: [String], steps: Int, _ best: BestWeights,
    _ communicator: Communicator
  ) {
    self.steps = steps
    self.network = network
    self.communicator = communicator
    plan = network.plan
    folder = CheckpointFolder(plan.folder, network: network.name)
    best.prepareToLend()
    status = learner.status!
    stride = learner.stepsBetweenStates
    own = zip(tasks, learner.taskGroups).filter { !$1.isEmpty }.map { name, groups in
      CheckpointPart(ModelFolder.taskFile(name), groups, best)
    }
    let groups = learner.sharedGroups + learner.replicas
    shared =
      groups.isEmpty
      ? nil : CheckpointPart(ModelFolder.trunkFile, groups, best)
    figures.bytes = parts.reduce(0) { $0 + $1.bytes }
  }

  /// What is being written when training fails is written to its end.
  deinit { writer.end() }

  private var program: String { "\(plan.program), by \(CPULevel.current.rounding)" }
  private var leads: Bool { communicator.rank == 0 }

  /// What this rank writes.
  private var parts: [CheckpointPart] { own + (leads ? shared.map { [$0] } ?? [] : []) }

  // MARK: Resuming

  /// Takes over the newest whole checkpoint. Nil if there is none. Throws `CheckpointMismatch` for one of another run.
  func restore() throws -> TrainingProgress? {
    guard plan.resumes else { return nil }
    let steps = try communicator.broadcast(
      leads ? folder.steps.map { Int64($0) } : [], kind: Message.status)
    var passed: [String] = []
    for step in steps.map({ Int($0) }) {
      switch try load(step) {
      case .success(let manifest):
        published = [step]
        if leads { folder.removeUnfinished() }
        let note =
          manifest.computedBy == program
          ? ""
          : "; it was computed by \(manifest.computedBy), this is \(program): last digits may differ"
        tell("goes on from step \(step)" + passed.map { "; \($0)" }.joined() + note)
        return manifest.progress
      case .failure(let fault):
        passed.append("the checkpoint of step \(step) was passed over: \(fault.reason)")
      }
    }
    if leads { folder.removeUnfinished() }
    tell("has no whole checkpoint and starts from the beginning" + passed.map { "; \($0)" }.joined())
    return nil
  }

  private func tell(_ text: String) {
    if leads { network.say("\(network.name) \(text)") }
  }

  /// Every rank looks at its own files; all take over what they hold, or none.
  private func load(_ step: Int) throws -> Result<CheckpointManifest, CheckpointFault> {
    let read = Result { () throws(CheckpointFault) in leads ? try folder.manifest(step) : nil }
    if let fault = try agreed(read) { return .failure(fault) }
    let text = try communicator.broadcast(
      try read.get().map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) } ?? "",
      kind: Message.status)
    let manifest = try JSONDecoder().decode(CheckpointManifest.self, from: Data(text.utf8))
    try requireSameRun(manifest)
    let step = manifest.progress.step
    guard step > 0, step == steps || (step < steps && step % stride == 0) else {
      return .failure(CheckpointFault("no run has a state of step \(step)"))
    }
    let all = own + (shared.map { [$0] } ?? [])
    let data = Result { () throws(CheckpointFault) in
      var data: [Data] = []
      for part in all { data.append(try part.read(from: folder.folder(step), manifest)) }
      return data
    }
    if let fault = try agreed(data) { return .failure(fault) }
    for (part, data) in zip(all, try data.get()) { part.restore(data) }
    return .success(manifest)
  }

  /// The fault of the lowest rank that has one.
  private func agreed(_ result: Result<some Any, CheckpointFault>) throws -> CheckpointFault? {
    var fault: String?
    if case .failure(let mine) = result { fault = mine.reason }
    return try communicator.agree(on: fault.map { (code: 0, message: $0) }, kind: Message.status)
      .map { CheckpointFault($0.message) }
  }

  private func requireSameRun(_ manifest: CheckpointManifest) throws {
    let mismatch = CheckpointPlan.mismatch(
      of: "the checkpoint in \(folder.folder(manifest.progress.step))", identity: manifest.identity,
      with: plan.identity)
    if let mismatch { throw mismatch }
  }

  // MARK: In training

  /// Whether this rank wants all to take one by the clock, which is the first rank's.
  var isDue: Bool {
    guard leads, case .seconds(let interval) = plan.interval, pending == nil else { return false }
    return Environment.wallTime() - lastTime >= interval
  }

  var hasFailed: Bool { writer.failure != nil }
  var asks: Bool { isDue || hasFailed }

  /// Whether this rank's part of the one under way is on its disk.
  var isWritten: Bool { pending != nil && writer.isDone && writer.failure == nil }

  /// The step of the last one that is whole.
  var lastWhole: Int? { published.last }

  /// After a step, with what all ranks wish: `check` throws, on all ranks, if the state is not worth saving.
  ///
  /// Throws `Stopped` once the state is saved, `CheckpointWriteError`.
  func settle(_ progress: TrainingProgress, _ wishes: Wishes, check: () throws -> Void = {}) throws {
    if wishes.hasFailed { try agreeOnFailure() }
    isStopping = isStopping || wishes.stop
    isWanted = isWanted || wishes.save
    if pending != nil && status.written == communicator.size { try publish() }
    if case .steps(let interval) = plan.interval, progress.step % interval == 0 { isWanted = true }
    guard isWanted || isStopping, progress.step % stride == 0 else { return }
    try check()
    try save(progress)
    guard isStopping else { return }
    try complete()
    throw Stopped(step: progress.step, network: network.name, isSaved: true)
  }

  /// At the end of training: what is under way is finished. A network that was saved on its way is saved once more, so that a run that is
  /// resumed later need not train it again.
  func finish(_ progress: TrainingProgress) throws {
    let last = pending?.step ?? published.last
    if let last, last != progress.step { try save(progress) }
    try complete()
  }

  private func save(_ progress: TrainingProgress) throws {
    let start = Environment.wallTime()
    try complete()
    try network.isAboutToSave()
    for part in parts { part.take() }
    let (parts, folder) = (parts, folder)
    writer.start { rest in
      rest()
      try folder.make(progress.step)
      return try parts.map { part in
        try part.write(to: folder.folder(progress.step)) {
          Watchdog.feed()
          rest()
        }
      }
    }
    pending = progress
    isWanted = false
    lastTime = Environment.wallTime()
    figures.stallMilliseconds.append((lastTime - start) * 1e3)
    figures.count += 1
  }

  /// Waits until what is under way is whole on disk.
  private func complete() throws {
    guard pending != nil else { return }
    try waitForAll()
    try publish()
    try waitForAll()
  }

  /// Another rank's disk may be slow: the ranks that wait do so asleep, and their watchdogs with them.
  private func waitForAll() throws {
    writer.wait()
    try communicator.barrier(lookingEvery: 0.001)
    try agreeOnFailure()
  }

  /// All ranks have written their files: the first one publishes them.
  private func publish() throws {
    guard let progress = pending else { return }
    let mine = String(decoding: try JSONEncoder().encode(writer.files), as: UTF8.self)
    let all = try communicator.gather(mine, kind: Message.status)
    pending = nil
    published = Array((published.filter { $0 < progress.step } + [progress.step]).suffix(plan.keeps))
    guard leads else { return }
    let files = try all.flatMap {
      try JSONDecoder().decode([CheckpointManifest.File].self, from: Data($0.utf8))
    }
    let manifest = CheckpointManifest(
      network: network.name, progress: progress, identity: plan.identity, computedBy: program,
      files: files)
    let (folder, kept) = (folder, published)
    writer.start { _ in
      try folder.publish(manifest)
      folder.removeEarlier(than: kept)
      return []
    }
  }

  private func agreeOnFailure() throws {
    let mine = writer.failure.map { (code: Int32($0.isNumeric ? 1 : 0), message: $0.reason) }
    if let failure = try communicator.agree(on: mine, kind: Message.status) {
      throw CheckpointWriteError(rank: failure.rank, reason: failure.message, isNumeric: failure.code == 1)
    }
  }
}
