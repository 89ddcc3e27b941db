import Files
import SharedTrunk
import TensorBoard

/// What TensorBoard shows of one network. Its run `NETWORK` has the loss, learning rate, speed and validation, and is written by the rank
/// that leads; a run `NETWORK/task-NAME` for each task has the task's loss under the same tag, so that the tasks' curves lie in one chart,
/// and is written by the task's owner.
final class TrainingBoard {
  private let root: String
  private let run: String
  private let options: [String: String]
  private let leads: Bool
  /// Names of this rank's tasks that are shown.
  private let tasks: ArraySlice<String>
  private let examplesPerStep: Int
  private var network: EventFile?
  private var taskFiles: [EventFile] = []
  private var seconds: Double?

  /// Of all tasks and results these are shown: each takes an open file, and a curve of a chart.
  static let taskLimit = 100

  /// `options`: what is shown as a text; `tasks`: the names of all, `owned` by this rank; `batch`: examples a task and step.
  init(
    _ root: String, network: String, options: [String: String], leads: Bool, tasks: [String],
    owned: Range<Int>, batch: Int
  ) {
    self.root = root
    self.options = options
    run = CheckpointPlan.folder(of: network)
    self.leads = leads
    self.tasks = tasks[owned.clamped(to: 0..<min(tasks.count, Self.taskLimit))]
    examplesPerStep = batch * tasks.count
  }

  /// Adds a step. The files are begun by the first, and take the place of what an earlier process wrote of it and of later ones.
  /// Throws `FileError`.
  func add(_ report: StepReport) throws(FileError) {
    if leads { try addNetwork(report) }
    for (position, task) in tasks.enumerated() where position < report.taskLosses.count {
      if taskFiles.count == position {
        taskFiles.append(
          try EventFile(in: root, run: "\(run)/\(Self.part("task-\(task)"))", from: report.step))
      }
      try taskFiles[position].add([("loss", report.taskLosses[position])], step: report.step)
    }
  }

  private func addNetwork(_ report: StepReport) throws(FileError) {
    if network == nil { network = try EventFile(in: root, run: run, from: report.step) }
    guard let file = network else { return }
    if report.step == 1 { try file.add(text: optionTable, tag: "options", step: 1) }
    var scalars = [("loss", report.loss), ("learning_rate", report.learningRate)]
    // Of training gone on with the first step's duration is not known.
    if let before = seconds ?? (report.step == 1 ? 0 : nil) {
      scalars.append(("examples_per_second", Double(examplesPerStep) / max(report.seconds - before, 1e-9)))
    }
    seconds = report.seconds
    if let score = report.validation { scalars.append(("validation/balanced_accuracy", score)) }
    try file.add(scalars, step: report.step)
  }

  /// In Markdown.
  private var optionTable: String {
    let rows = options.sorted { $0.key < $1.key }.map {
      "| \($0.key) | \($0.value.replacing("|", with: "\\|")) |"
    }
    return (["| option | value |", "|---|---|"] + rows).joined(separator: "\n")
  }

  func flush() throws(FileError) {
    try network?.flush()
    for file in taskFiles { try file.flush() }
  }

  /// Writes a judgement as a run `NETWORK/NAME` of its own, in place of an earlier one. Throws `FileError`.
  static func add(
    _ metrics: Metrics, classes: [String], to root: String, network: String, as name: String, step: Int
  ) throws(FileError) {
    let file = try EventFile(
      in: root, run: "\(CheckpointPlan.folder(of: network))/\(part(name))", from: 0)
    let figures = [
      ("accuracy", metrics.accuracy), ("balanced_accuracy", metrics.balancedAccuracy),
      ("macro_f1", metrics.macroF1), ("auc", metrics.auc),
    ]
    try file.add(figures.compactMap { name, value in value.map { ("test/\(name)", $0) } }, step: step)
    try file.add(
      ConfusionPicture(metrics.confusion), tag: "test/confusion",
      description: "Rows: annotated; columns: judged. Both in the order \(classes.joined(separator: ", ")).",
      step: step)
    try file.flush()
  }

  /// A folder's name of a record's, which may have folders in it.
  private static func part(_ name: String) -> String { name.replacing("/", with: "-") }
}
