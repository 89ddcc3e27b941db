import Foundation
import MPI
import Scaling
import SharedTrunk

/// All that is measured, on the first rank; empty on the others.
struct Measurements {
  struct Step {
    let point: PointPlan.Point
    let placement: Placement
    var repetitions: [StepMeasurement] = []

    /// The quickest repetition, by its median step: what the others took longer was something else's on the machine.
    var best: StepMeasurement { repetitions.min { $0.step < $1.step }! }
  }
  struct Sum {
    let placement: Placement
    let bytes: Int
    var repetitions: [Double] = []
    /// The lower quartile: the quickest of many short ones would be luck, the median may be something else's work.
    var seconds: Double { repetitions.sorted()[(repetitions.count - 1) / 4] }
  }

  private(set) var steps: [Step] = []
  private(set) var sums: [Sum] = []
  /// Bytes of each of a step's sums.
  let messages: [Int]

  /// For all repetitions of a point together; a costly point has fewer, but two at least where there are to be several.
  private static let secondsAPoint = 8.0
  /// To make a task's network and take a few steps: a guess, for the time left.
  private static let secondsATask = 0.02
  private static let secondsASum = 0.05

  /// Every rank calls it.
  init(_ command: Scale, _ plan: PointPlan, _ placement: Placement, _ session: Session) throws {
    let network = command.benchNetwork
    messages = network.sums.map { 8 * $0 }
    let counts = Set(plan.points.map(\.ranks)).sorted()
    let teams = try Dictionary(
      uniqueKeysWithValues: counts.map {
        ($0, try Team(placement.spread($0), of: placement, session.communicator))
      })
    let sumTeams = try Self.sumTeams(counts, teams, placement, session.communicator)
    let sizes = Self.sizes(upTo: messages)
    steps = plan.points.map { Step(point: $0, placement: placement[placement.spread($0.ranks)]) }
    sums = sumTeams.flatMap { team in sizes.map { Sum(placement: team.placement, bytes: $0) } }
    if session.leads {
      say(
        "Random data, \(command.branch.rawValue) branches, \(command.batch) examples a patient and step; "
          + "\(plan.points.count) points on \(Self.listed(counts)) of \(session.ranks) ranks, "
          + "\(placement.hostCount) host\(placement.hostCount == 1 ? "" : "s")")
      for point in plan.omitted {
        say("Left out: \(point.patients) patients on \(point.ranks) ranks would not fit into memory")
      }
    }

    var progress = WorkProgress(speaks: session.leads)
    var costs = plan.points.map { command.seconds + Self.secondsATask * Double($0.tasksARank) }
    var wanted = [Int64](repeating: Int64(command.repetitions), count: steps.count)
    for repetition in 0..<command.repetitions {
      for index in steps.indices where wanted[index] > repetition {
        let point = steps[index].point
        func sum(_ count: (Int) -> Int) -> Double {
          steps.indices.reduce(0) { $0 + costs[$1] * Double(count($1)) }
        }
        progress.show(
          done: sum { steps[$0].repetitions.count }, of: sum { Int(wanted[$0]) },
          "ranks \(point.ranks), patients \(point.patients)")
        let began = Date()
        let measured = try teams[point.ranks]!.measure {
          try StepMeasurement(
            network, patients: point.patients, seconds: command.seconds, limit: command.steps, $0)
        }
        if let measured { steps[index].repetitions.append(measured) }
        if repetition == 0 { costs[index] = Date().timeIntervalSince(began) }
      }
      for (index, sum) in sums.enumerated() {
        let measured = try sumTeams[index / sizes.count].measure {
          try SumMeasurement(bytes: sum.bytes, seconds: Self.secondsASum, $0).seconds
        }
        if let measured { sums[index].repetitions.append(measured) }
      }
      guard repetition == 0 else { continue }
      wanted = costs.map { Int64(min(max(Self.secondsAPoint / $0, 2), Double(command.repetitions))) }
      wanted = try session.communicator.broadcast(wanted, root: 0, kind: Message.metrics)
    }
    progress.end("\(steps.count) points")
  }

  /// Teams of two ranks or more: spread over the hosts as the steps' are, and where that is another placement, on as few as can be.
  private static func sumTeams(
    _ counts: [Int], _ spread: [Int: Team], _ placement: Placement, _ world: Communicator
  ) throws -> [Team] {
    try counts.filter { $0 > 1 }.flatMap { count in
      let packed = placement.packed(count)
      return packed == placement.spread(count)
        ? [spread[count]!] : [spread[count]!, try Team(packed, of: placement, world)]
    }
  }

  /// From a sum of nothing much, which shows latency, to half as much again as a step needs.
  private static func sizes(upTo messages: [Int]) -> [Int] {
    let most = messages.max()!
    return Set(
      [8, 64, 512, 1024, 2048, 3072, 4096, 6144, 8192].filter { $0 < most } + messages + [most / 16 * 24]
    )
    .sorted()
  }

  private static func listed(_ numbers: [Int]) -> String {
    numbers.map { "\($0)" }.joined(separator: ", ")
  }
}
