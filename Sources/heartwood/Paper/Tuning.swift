import Cohort
import MPI
import SharedTrunk

/// How much effort tuning takes: one fixed grid for multi-task and single-task learning alike. The paper says that its scheme needs little.
struct TuningUnit {
  static let learningRates = [1e-3, 3e-3, 1e-2]
  /// Of both trunk layers.
  static let widths = [32, 64, 128]
  /// Of the recipe's steps.
  static let shares = [0.5, 1, 2]

  /// Gives experiment, branch, records, and MTL with its reference; not its other entrants.
  let study: Study
  let target: String?
  let seed: UInt64

  var id: String { "tuning_" + Unit(study: study, target: target, seed: seed, keepsVerdicts: false).id }

  var cost: Double {
    let unit = Unit(study: systems, target: target, seed: seed, keepsVerdicts: false)
    return unit.cost * Double(Self.learningRates.count * Self.widths.count) * Self.shares.reduce(0, +)
  }

  /// The study with the two systems alone.
  private var systems: Study {
    Study(
      id: study.id, title: study.title, experiment: study.experiment, branch: study.branch,
      records: study.records, targets: study.targets, borrows: study.borrows,
      entrants: [.init(system: .mtl(.concat)), .init(system: .stl(study.reference))],
      reference: study.reference)
  }

  func run(key: String, _ library: PatientLibrary, _ communicator: Communicator) throws -> TuningResult {
    let trial = Trial(
      study: systems, target: target, seed: seed, library: library, communicator: communicator)
    let set = try trial.tasks(study.recipe.pairing)
    var points: [TuningResult.Point] = []
    for entrant in systems.entrants {
      for rate in Self.learningRates {
        for width in Self.widths {
          for share in Self.shares {
            var options = systems.options(entrant, seed: seed)
            options.learningRate = rate
            options.steps = Int(Double(options.steps) * share)
            var shape = systems.shape(entrant)
            shape.trunk = shape.trunk.map { _ in width }
            let trained = try TrainedSystem(entrant.system, shape, set, options, communicator)
            let (examples, probabilities) = try trial.answers(trained, set, study.recipe.answer)
            points.append(
              .init(
                system: entrant.system.name, learningRate: rate, width: width, steps: options.steps,
                validation: trained.trainings[0].bestValidation ?? 0,
                test: trial.metrics(examples, probabilities, set).balancedAccuracy))
          }
        }
      }
    }
    return TuningResult(key: key, target: target, seed: seed, points: points)
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
