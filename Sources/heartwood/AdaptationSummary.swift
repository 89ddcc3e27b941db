import Report
import SharedTrunk

/// `summary.json` of a run of `adapt`. Rates are fractions from 0 to 1.
struct AdaptationSummary: Codable {
  /// Beats of each class, in the order of `classes`.
  struct Beats: Codable {
    /// The patient's own, of the first seconds.
    let own: [Int]
    /// For classes with too few: simulated patients', and with `borrow` as many of the sources'.
    let standIns: [Int]
  }

  let heartwood: String
  let model: String
  let record: String
  let source: String
  let seconds: Double
  let trunk: TrunkTraining
  let borrow: Bool
  /// All tasks, the new one last.
  let tasks: [String]
  let branch: String
  let classes: [String]
  let ranks: Int
  let seed: UInt64
  let batch: Int
  let steps: Int
  let learningRate: Double
  let trainBeats: Beats
  let loss: Summary.Loss
  /// On what follows the first seconds: as a stranger by the model that came, and by the patient's own task.
  let before: Summary.Test
  let after: Summary.Test

  init(
    _ command: Adapt, _ description: ModelDescription, _ newcomer: Newcomer, _ training: TrainingResult,
    source: String, ranks: Int, before: Summary.Test, after: Summary.Test
  ) {
    let recipe = command.recipe(description.shape.branch.kind)
    heartwood = Heartwood.version
    model = command.model
    record = command.record
    self.source = source
    seconds = command.seconds
    trunk = command.trunk
    borrow = command.borrow
    tasks = description.tasks + [command.record]
    branch = description.shape.branch.kind.rawValue
    classes = description.classes
    self.ranks = ranks
    seed = command.seed
    batch = description.options.batch
    steps = recipe.steps
    learningRate = recipe.learningRate
    trainBeats = Beats(
      own: newcomer.own.classCounts(description.shape.classes),
      standIns: newcomer.standIns.classCounts(description.shape.classes))
    loss = Summary.Loss(first: training.firstLoss, last: training.lastLoss)
    self.before = before
    self.after = after
  }

  /// As a person reads it.
  var text: String {
    var table = Table(["record \(record)", "judged by"] + FigureTables.figures)
    table.add(["as a stranger", before.protocol] + FigureTables.cells(before.metrics))
    table.add(["adapted, trunk \(trunk.rawValue)", after.protocol] + FigureTables.cells(after.metrics))
    func listed(_ counts: [Int]) -> String {
      zip(counts, classes).map { "\($0) \($1)" }.joined(separator: ", ")
    }
    let lent =
      trainBeats.standIns.contains { $0 > 0 }
      ? "; stand-ins of simulated patients\(borrow ? " and of the sources" : ""), for too few of a class: \(listed(trainBeats.standIns))"
      : ""
    return
      "\(table.text)\n\ntrained on beats of the first \(decimals(seconds, 1)) s: \(listed(trainBeats.own))\(lent). Judged on the beats that follow."
  }
}
