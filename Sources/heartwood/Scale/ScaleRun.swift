import Files
import Foundation
import MPI
import Scaling
import SharedTrunk

/// `heartwood scale` on every rank: measures, and on the first rank fits, predicts and writes.
struct ScaleRun {
  private let command: Scale
  private let session: Session
  private let start = Date()

  init(_ command: Scale, _ session: Session) {
    self.command = command
    self.session = session
  }

  func run() throws {
    if let counts = command.ranks?.numbers, let most = counts.last, most > session.ranks {
      try session.end(
        .usage, "--ranks \(most): the job has \(session.ranks) (`Launch/heartwood -n \(most) scale ...`)")
    }
    let placement = try Placement.gathered(session.communicator)
    let plan = try plan(placement)
    guard !plan.points.isEmpty else {
      try session.end(
        .usage,
        plan.omitted.isEmpty
          ? "--patients: fewer patients than ranks everywhere; a rank has one at least"
          : "--patients: none of these points fits into memory")
    }
    guard plan.points.contains(where: { !placement[placement.spread($0.ranks)].isCrowded }) else {
      try session.end(
        .usage,
        "--ranks: more ranks than cores everywhere; include a number that has a core for each, such as 1")
    }
    try session.together { try makeFolder() }
    let measured = try Measurements(command, plan, placement, session)
    let accuracy = try command.accuracy ? SourceStudy.run(command, session) : nil
    try session.together {
      guard session.leads else { return }
      let results = ScaleResults(
        command, plan, placement, measured, accuracy: accuracy,
        seconds: Date().timeIntervalSince(start))
      try write(results)
      say(ScaleTables.text(results))
      say("Written: \(command.output)/report.html, scale.json, scale.csv")
    }
  }

  private func plan(_ placement: Placement) throws -> PointPlan {
    let world = session.communicator
    let memory = try world.allreduce(PointPlan.availableMemory, .min, kind: Message.status)
    return PointPlan(
      ranks: session.ranks, hosts: placement.hostCount, counts: command.ranks?.numbers,
      patients: command.patients?.numbers,
      memory: memory
    ) { point in
      command.benchNetwork.bytes(tasks: point.tasksARank)
        * Double(placement[placement.spread(point.ranks)].ranksOnMachine)
    }
  }

  private func makeFolder() throws {
    guard session.leads else { return }
    let (manager, output) = (FileManager.default, command.output)
    for name in ["metrics.jsonl", "units"] where manager.fileExists(atPath: "\(output)/\(name)") {
      throw Failure(.cannotCreate, "--output \(output) holds a run already; choose another folder")
    }
    try OutputFolder.make(output)
    try AtomicFile.requireFolder(of: command.json)
  }

  private func write(_ results: ScaleResults) throws {
    let data = try JSONEncoder.readable.encode(results)
    try AtomicFile.write(data, to: "\(command.output)/scale.json")
    if let json = command.json { try AtomicFile.write(data, to: json) }
    try AtomicFile.write(Data(ScaleTables.csv(results).utf8), to: "\(command.output)/scale.csv")
    try AtomicFile.write(Data(ScalePage(results).html.utf8), to: "\(command.output)/report.html")
  }
}
