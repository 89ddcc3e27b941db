import Cohort

/// One task's examples, held by the rank that owns the task.
public struct TaskData: Sendable {
  /// The record's, or the task's, name: part of file names.
  public let name: String
  public let training: Examples
  /// For early stopping; never test data.
  public let validation: Examples
  /// What the task is judged on at the end.
  public let test: Examples

  public init(name: String, training: Examples, validation: Examples, test: Examples) {
    self.name = name
    self.training = training
    self.validation = validation
    self.test = test
  }

  /// A head answers for other patients only if it has seen at least this many examples of each class.
  static let examplesToVote = 10

  func votes(classes: Int) -> Bool {
    var counts = [Int](repeating: 0, count: classes)
    for label in training.labels { counts[Int(label)] += 1 }
    return counts.allSatisfy { $0 >= Self.examplesToVote }
  }
}
