import Cohort
import SharedTrunk

/// The paper's Tables I and II: accuracy on balanced data; no spread is given.
struct PublishedCell {
  let table: Int
  let problem: Problem
  let scenario: Scenario
  let branch: BranchShape.Kind
  let stl: Double
  let mtl: Double

  /// Whether a study's figures stand in this cell.
  func isOf(_ study: Study) -> Bool {
    guard study.branch == branch else { return false }
    switch (problem, scenario) {
    case (.detection, .consistent):
      return study.group == .consistentDetection && study.variant == Split.random.rawValue
    case (.classification, .consistent):
      return study.group == .consistentClassification && study.variant == Split.chronological.rawValue
    case (.detection, .inconsistent): return study.group == .inconsistentDetection
    case (.classification, .inconsistent): return study.group == .inconsistentClassification
    }
  }

  static let all: [PublishedCell] = [
    .init(1, .detection, .consistent, .cnn, 0.8627, 0.9147),
    .init(1, .detection, .consistent, .rnn, 0.8439, 0.8923),
    .init(1, .detection, .consistent, .lstm, 0.8951, 0.9476),
    .init(1, .classification, .consistent, .cnn, 0.7943, 0.8347),
    .init(1, .classification, .consistent, .rnn, 0.8025, 0.8476),
    .init(1, .classification, .consistent, .lstm, 0.8384, 0.8792),
    .init(2, .detection, .inconsistent, .cnn, 0.8316, 0.8702),
    .init(2, .detection, .inconsistent, .rnn, 0.8135, 0.8523),
    .init(2, .detection, .inconsistent, .lstm, 0.8526, 0.8911),
    .init(2, .classification, .inconsistent, .cnn, 0.7987, 0.8243),
    .init(2, .classification, .inconsistent, .rnn, 0.7624, 0.8129),
    .init(2, .classification, .inconsistent, .lstm, 0.8139, 0.8501),
  ]

  /// The tables' last row, as printed.
  static let averages: [(table: Int, problem: Problem, stl: Double, mtl: Double)] = [
    (1, .detection, 0.8672, 0.9182), (1, .classification, 0.8117, 0.8538),
    (2, .detection, 0.8326, 0.8712), (2, .classification, 0.7917, 0.8291),
  ]

  private init(
    _ table: Int, _ problem: Problem, _ scenario: Scenario, _ branch: BranchShape.Kind, _ stl: Double,
    _ mtl: Double
  ) {
    self.table = table
    self.problem = problem
    self.scenario = scenario
    self.branch = branch
    self.stl = stl
    self.mtl = mtl
  }
}
