import ArgumentParser
import Cohort
import Foundation
import SharedTrunk

extension TrunkTraining: ExpressibleByArgument {}

struct Adapt: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Let a new patient join a trained model as one more task, by the first labelled seconds of the recording.",
    discussion: """
      Trains a branch, a part of the trunk's input and a head for the new patient and judges them on what follows, beside what the model \
      says of the patient as of a stranger. Of the annotations only those of the first seconds are used in training; the lead is \
      filtered and standardised whole, without labels. A class with fewer than 10 beats there is learned from simulated patients' beats \
      too. Writes a run folder whose model has the patient's task: `evaluate --protocol own` judges by it.

      Example:
        heartwood adapt --model runs/first/model --data mitdb --record 205 --seconds 60 --output runs/adapted
        heartwood evaluate --model runs/adapted/model --data mitdb --records 205 --protocol own --from 60 --output runs/judged
      """)

  @Option(help: ArgumentHelp("Model folder of a run of train.", valueName: "dir"), completion: .directory)
  var model: String
  @Option(
    help: ArgumentHelp(
      "Folder of a WFDB database (default: the environment's HEARTWOOD_DATA).", valueName: "dir"),
    completion: .directory)
  var data: String?
  @Option(help: ArgumentHelp("The new patient's record.", valueName: "name"))
  var record: String
  @Option(parsing: .unconditional, help: "Seconds from the record's start whose annotations are trained on.")
  var seconds: Double
  @Option(
    help:
      "frozen: the patient's own parts train, all else stays, and no other recording is read unless --borrow; joint: all tasks and the trunk train on, with the model's own source records in --data."
  )
  var trunk: TrunkTraining = .frozen
  @Flag(
    help:
      "Where the seconds hold fewer than 10 beats of a class, take stand-ins from the model's source records in --data too, not from simulated patients alone."
  )
  var borrow = false
  @Option(parsing: .unconditional, help: "Training steps (default: 800).")
  var steps: Int?
  @Option(
    parsing: .unconditional,
    help: "Adam's learning rate at the start; it falls to 5 % by a cosine (default: 0.003).")
  var learningRate: Double?
  @Option(parsing: .unconditional, help: "Seed of every random choice.")
  var seed: UInt64 = 1
  @Option(
    help:
      "Lead of the new patient's record to read (default: as the model was trained, by name or MLII, or the record's first ECG lead)."
  )
  var lead: String?
  @Option(
    help: ArgumentHelp("Run folder to write; must not hold a run already.", valueName: "dir"),
    completion: .directory)
  var output: String

  func validate() throws {
    guard seconds > 0, seconds <= 1e9 else {
      throw ValidationError("--seconds \(seconds): must be positive, and at most 1e9")
    }
    guard RecordList(argument: record)?.names == [record] else {
      throw ValidationError("--record \(record): one record's name inside the data folder")
    }
    if let steps, steps < 1 || steps > 10_000_000 {
      throw ValidationError("--steps \(steps): from 1 to 10000000")
    }
    if let learningRate, !(learningRate > 0 && learningRate.isFinite) {
      throw ValidationError("--learning-rate \(learningRate): must be positive")
    }
  }

  func run() throws {
    let folder = data ?? ProcessInfo.processInfo.environment["HEARTWOOD_DATA"] ?? ""
    guard !folder.isEmpty else { throw Failure(.usage, "no data: give --data DIR (or HEARTWOOD_DATA)") }
    Session.run { session in try AdaptationRun(self, data: folder, session).run() }
  }

  func recipe(_ kind: BranchShape.Kind) -> AdaptationRecipe {
    var recipe = AdaptationRecipe(trunk, kind)
    if let steps { recipe.steps = steps }
    if let learningRate { recipe.learningRate = learningRate }
    return recipe
  }
}
