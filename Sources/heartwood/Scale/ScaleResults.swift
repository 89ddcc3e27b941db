import Foundation
import MPI
import Scaling
import SharedTrunk

/// `scale.json`: every number of the table, the CSV file and the page. Seconds, bytes; efficiencies and errors are fractions.
struct ScaleResults: Codable {
  struct Run: Codable {
    let heartwood: String
    let mpi: String
    /// Of the times: they were measured on random numbers.
    let data: String
    let branch: String
    let batch: Int
    let ranks: Int
    let repetitions: Int
    let seconds: Double
  }

  /// Training steps of one number of patients on one number of ranks.
  struct Step: Codable {
    let ranks: Int
    let hosts: Int
    let patients: Int
    let tasksARank: Int
    /// Of the quickest repetition, as all that follows; each repetition's is the median of its steps.
    let seconds: Double
    let byRepetition: [Double]
    let stepsTimed: Int
    /// Of the rank that computes longest; its relative standard deviation from step to step.
    let computing: Double
    let deviation: Double
    /// In both sums, of the rank that waits least.
    let exchange: Double
    let bytesPerRank: Int
    /// By the model fitted to all points, and by the one fitted to all but this.
    let fitted: Double
    let leftOut: Double?
    /// leftOut / seconds - 1.
    let error: Double?

    var secondsATask: Double { seconds / Double(tasksARank) }
  }

  struct Sum: Codable {
    let ranks: Int
    let hosts: Int
    let bytes: Int
    /// Between hosts; "-" on one.
    let algorithm: String
    let seconds: Double
    let byRepetition: [Double]
    /// None where ranks wait for cores.
    let fitted: Double?
    let leftOut: Double?
    let error: Double?
  }

  /// One kind of points left out, all others fitted to.
  struct Check: Codable {
    let what: String
    let points: Int
    let medianError: Double
    let worstError: Double
    let worst: String
  }

  /// Points that differ in the number of ranks alone: as many patients in all (strong scaling), or on each rank (weak scaling).
  struct Series: Codable {
    struct Point: Codable {
      let ranks: Int
      let seconds: Double
      let fitted: Double
      /// Against the fewest ranks: times as fast (strong), share of the speed that each rank keeps (weak).
      let figure: Double
      let fittedFigure: Double
    }
    /// In all, or a rank.
    let patients: Int
    let points: [Point]
  }

  /// Where weak scaling loses half.
  struct Limit: Codable {
    let network: String
    let tasksARank: Int
    /// The fewest patients with an efficiency below one half; nil: not up to a million.
    let patients: Int?
  }

  let run: Run
  let placement: Placement
  let model: StepModel
  let steps: [Step]
  let sums: [Sum]
  let checks: [Check]
  let strong: [Series]
  let weak: [Series]
  let networks: [NetworkKind]
  let forecasts: [Forecast]
  let limits: [Limit]
  /// Points beyond memory.
  let omitted: [PointPlan.Point]
  /// Points whose middle repetition took more than 15 % longer than the quickest: something else was at work on the machine, or ranks
  /// wait for cores.
  let unsteady: Int
  /// False if ranks of one host exchanged by MPI, of which the model knows nothing.
  let sharesMemory: Bool
  let accuracy: SourceStudy.Results?
}

extension ScaleResults {
  private static let unsteadiness = 1.15
  private static let tasksForecast = [1, 10]
  private static let mostPatients = 1_000_000

  init(
    _ command: Scale, _ plan: PointPlan, _ placement: Placement, _ measured: Measurements,
    accuracy: SourceStudy.Results?, seconds: Double
  ) {
    let messages = measured.messages
    let sums = measured.sums.map {
      SumModel.Measured($0.placement, bytes: $0.bytes, seconds: $0.seconds)
    }
    let steps = measured.steps.map {
      StepModel.Measured(
        $0.placement, tasks: $0.point.patients, seconds: $0.best.step,
        deviation: $0.best.computeDeviation / $0.best.compute)
    }
    let sumModel = SumModel(fitting: sums)
    let model = StepModel(fitting: steps, sums: sumModel, messages: messages)
    let stepsLeftOut = StepModel.eachLeftOut(steps, sums: sumModel, messages: messages)
    let sumsLeftOut = SumModel.eachLeftOut(sums)
    let mostLeftOut = StepModel.mostRanksLeftOut(steps, sums: sums, messages: messages)

    run = Run(
      heartwood: Heartwood.version, mpi: Environment.libraryVersion, data: "random numbers",
      branch: command.branch.rawValue, batch: command.batch, ranks: placement.ranks,
      repetitions: command.repetitions, seconds: seconds)
    self.placement = placement
    self.model = model
    self.steps = measured.steps.enumerated().map { index, step in
      let leftOut = stepsLeftOut?.predicted[index]
      return Step(
        ranks: step.point.ranks, hosts: step.placement.hostCount, patients: step.point.patients,
        tasksARank: step.point.tasksARank, seconds: step.best.step,
        byRepetition: step.repetitions.map(\.step),
        stepsTimed: step.repetitions.reduce(0) { $0 + $1.steps }, computing: step.best.compute,
        deviation: steps[index].deviation, exchange: step.best.exchange,
        bytesPerRank: step.best.bytesPerStep,
        fitted: model.seconds(step.placement, tasks: step.point.patients), leftOut: leftOut,
        error: leftOut.map { $0 / step.best.step - 1 })
    }
    self.sums = measured.sums.enumerated().map { index, sum in
      let leftOut = sumsLeftOut?.predicted[index]
      return Sum(
        ranks: sum.placement.ranks, hosts: sum.placement.hostCount, bytes: sum.bytes,
        algorithm: sum.placement.hostCount > 1
          ? AllreduceAlgorithm(ranks: sum.placement.hostCount, bytes: sum.bytes).rawValue : "-",
        seconds: sum.seconds, byRepetition: sum.repetitions,
        fitted: sum.placement.isCrowded ? nil : sumModel.seconds(sum.placement, bytes: sum.bytes),
        leftOut: leftOut,
        error: leftOut.map { $0 / sum.seconds - 1 })
    }
    let points = plan.points.map { "\($0.patients) patients on \($0.ranks) ranks" }
    checks = [
      stepsLeftOut.map {
        Check("a step, each point in turn left out", $0, worst: points[$0.worst])
      },
      mostLeftOut.map {
        Check("a step, all points of the most ranks left out together", $0, worst: points[$0.worst])
      },
      sumsLeftOut.map {
        let sum = measured.sums[$0.worst]
        return Check(
          "a bare sum, each in turn left out", $0,
          worst: "\(sum.bytes) bytes on \(sum.placement.ranks) ranks of \(sum.placement.hostCount) hosts")
      },
    ].compactMap { $0 }
    strong = Series.all(self.steps, by: \.patients) { first, other in first / other }
    // Only points that spread evenly have as many patients on every rank.
    weak = Series.all(self.steps.filter { $0.patients % $0.ranks == 0 }, by: \.tasksARank) { $0 / $1 }
    let networks =
      command.networks + [NetworkKind.measured(sumModel, sums, messages: measured.messages)].compactMap { $0 }
    self.networks = networks
    forecasts = networks.flatMap { network in
      Self.tasksForecast.flatMap { tasks in
        Forecast.patientCounts.map { model.forecast(network, patients: $0, tasksARank: tasks) }
      }
    }
    limits = networks.flatMap { network in
      Self.tasksForecast.map { tasks in
        Limit(
          network: network.name, tasksARank: tasks,
          patients: model.limit(network, tasksARank: tasks, upTo: Self.mostPatients))
      }
    }
    omitted = plan.omitted
    unsteady = measured.steps.count { step in
      let all = step.repetitions.map(\.step).sorted()
      return all[all.count / 2] > Self.unsteadiness * all[0]
    }
    sharesMemory = measured.steps.allSatisfy { $0.placement.ranksOnHost == 1 || $0.best.sharesMemory }
    self.accuracy = accuracy
  }
}

extension ScaleResults.Check {
  fileprivate init(_ what: String, _ leftOut: LeftOut, worst: String) {
    self.init(
      what: what, points: leftOut.predicted.count { $0 != nil }, medianError: leftOut.medianError,
      worstError: leftOut.worstError, worst: worst)
  }
}

extension ScaleResults.Series {
  /// Of every number of patients that two numbers of ranks or more were measured with.
  fileprivate static func all(
    _ steps: [ScaleResults.Step], by key: (ScaleResults.Step) -> Int, _ figure: (Double, Double) -> Double
  ) -> [Self] {
    Dictionary(grouping: steps, by: key).sorted { $0.key < $1.key }.compactMap { patients, steps in
      let steps = steps.sorted { $0.ranks < $1.ranks }
      guard steps.count > 1 else { return nil }
      return Self(
        patients: patients,
        points: steps.map {
          Point(
            ranks: $0.ranks, seconds: $0.seconds, fitted: $0.fitted,
            figure: figure(steps[0].seconds, $0.seconds),
            // A fit that a disturbed measurement left at nothing has no speed-up.
            fittedFigure: min(steps[0].fitted, $0.fitted) > 0 ? figure(steps[0].fitted, $0.fitted) : 0)
        })
    }
  }
}

extension NetworkKind {
  /// What was measured between hosts, for messages of about half a step's sum; nil if there is but one.
  fileprivate static func measured(_ model: SumModel, _ sums: [SumModel.Measured], messages: [Int])
    -> NetworkKind?
  {
    guard sums.contains(where: { $0.placement.hostCount > 1 }) else { return nil }
    let isLarge = messages.max()! / 2 > model.largeBytes ?? .max
    return NetworkKind(
      measuredName, latency: model.latencyBetween + (isLarge ? model.latencyOfLarge : 0),
      byte: model.byteBetween + (isLarge ? 0 : model.byteOfSmall))
  }
}
