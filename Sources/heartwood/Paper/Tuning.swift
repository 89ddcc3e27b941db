import Cohort
import Foundation
import MPI
import SharedTrunk

/// How much effort tuning takes: one fixed grid for multi-task and single-task learning alike. The paper says that its scheme needs little.
struct TuningUnit: Work {
  static let learningRates = [1e-3, 3e-3, 1e-2]
  /// Of both trunk layers.
  static let widths = [32, 64, 128]
  /// Of the recipe's steps.
  static let shares = [0.5, 1, 2]

  /// Gives experiment, branch, records, and MTL with its reference; not its other entrants.
  let study: Study
  let target: String?
  let seed: UInt64

  var id: String { "tuning_\(place)" }

  var cost: Double {
    systems.cost * Double(Self.learningRates.count * Self.widths.count) * Self.shares.reduce(0, +)
  }

  /// The study with the two systems alone.
  private var systems: Study {
    var systems = study
    systems.entrants = [.init(system: .mtl(.concat)), .init(system: .stl(study.reference))]
    return systems
  }

  /// The grid, for each of the two systems.
  private var settings: [(learningRate: Double, width: Int, steps: Int)] {
    Self.learningRates.flatMap { rate in
      Self.widths.flatMap { width in
        Self.shares.map { (rate, width, Int(Double(study.recipe.steps) * $0)) }
      }
    }
  }

  func isResult(_ file: Data, _ key: String) -> Bool {
    guard let result = try? JSONDecoder().decode(TuningResult.self, from: file) else { return false }
    let expected = systems.entrants.flatMap { _ in settings }
    return result.key == key && result.target == target && result.seed == seed
      && result.points.elementsEqual(expected) { ($0.learningRate, $0.width, $0.steps) == $1 }
  }

  func result(_ key: String, _ library: PatientLibrary, _ communicator: Communicator) throws -> Data {
    let trial = Trial(
      study: systems, target: target, seed: seed, library: library, communicator: communicator)
    let set = try trial.tasks(study.recipe.pairing)
    var points: [TuningResult.Point] = []
    for entrant in systems.entrants {
      for setting in settings {
        var options = systems.options(entrant, seed: seed)
        options.learningRate = setting.learningRate
        options.steps = setting.steps
        var shape = systems.shape(entrant)
        shape.trunk = shape.trunk.map { _ in setting.width }
        let trained = try TrainedSystem(entrant.system, shape, set, options, communicator)
        let (examples, probabilities) = try trial.answers(trained, set, study.recipe.answer)
        points.append(
          .init(
            system: entrant.system.name, learningRate: setting.learningRate, width: setting.width,
            steps: setting.steps, validation: trained.trainings[0].bestValidation ?? 0,
            test: Metrics.balancedAccuracy(trial.metrics(examples, probabilities, set).confusion)))
      }
    }
    return try JSONEncoder.line.encode(
      TuningResult(key: key, target: target, seed: seed, points: points))
  }
}

struct TuningResult: Codable {
  let key: String
  let target: String?
  let seed: UInt64
  let points: [Point]

  /// One setting of the grid: balanced accuracy on validation and test.
  struct Point: Codable {
    let system: String
    let learningRate: Double
    let width: Int
    let steps: Int
    let validation: Double
    let test: Double
  }
}
