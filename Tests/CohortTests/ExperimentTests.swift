import Cohort
import XCTest

final class ExperimentTests: XCTestCase {
  func testLabellingAndWindowOfEveryCombination() {
    for tasks in TaskKind.allCases {
      func experiment(_ problem: Problem, _ scenario: Scenario) -> Experiment {
        Experiment(problem, scenario, tasks: tasks, abnormality: .aami, rhythm: .atrialFlutter)
      }
      for scenario in Scenario.allCases {
        XCTAssertEqual(experiment(.detection, scenario).labelling, .aami)
        XCTAssertEqual(
          experiment(.detection, scenario).window, WindowShape(length: 128, rate: 128, before: 0.4))
      }
      let (same, other) = (
        experiment(.classification, .consistent), experiment(.classification, .inconsistent)
      )
      XCTAssertEqual(same.labelling, .rhythms)
      XCTAssertEqual(same.window, WindowShape(length: 128, rate: 64, before: 1))
      XCTAssertEqual(other.labelling, .rhythm(.atrialFlutter))
      XCTAssertEqual(other.window, WindowShape(length: 256, rate: 128, before: 1))
      for problem in Problem.allCases {
        XCTAssertEqual(experiment(problem, .consistent).isPooled, tasks == .paper)
        XCTAssertFalse(experiment(problem, .inconsistent).isPooled)
      }
    }
  }

  /// Consistent: by the split asked for, rhythms class by class. Inconsistent: as a source, whatever the split.
  func testPartsOfEveryCombination() throws {
    try withTemporaryFolder { folder in
      var record = SmallRecord()
      record.frames = 5 * 21_600
      record.beats = stride(from: 270, to: record.frames, by: 270).map { ($0, "N") }
      record.rhythms = [(0, "(AFIB"), (40_000, "(VT"), (44_000, "(AFL"), (90_000, "(VT")]
      let patient = try Patient.load(record: record.write(to: folder), labelling: .rhythms)
      for split in [Split.chronological, .random, .low] {
        for tasks in TaskKind.allCases {
          func check(_ problem: Problem, _ scenario: Scenario, _ expected: Partition) {
            let parts = Experiment(problem, scenario, tasks: tasks, split: split).parts(of: patient, seed: 9)
            let name = "\(problem) \(scenario) \(split)"
            XCTAssertEqual(parts.training, patient.examples[expected.train], name)
            XCTAssertEqual(parts.validation, patient.examples[expected.validation], name)
            XCTAssertEqual(parts.test, patient.examples[expected.test], name)
          }
          check(.detection, .consistent, patient.partition(split, seed: 9))
          if split != .low {
            check(.classification, .consistent, patient.partitionByClass(split, seed: 9))
          }
          check(.detection, .inconsistent, patient.partition(.source))
          check(.classification, .inconsistent, patient.partition(.source))
        }
      }
      XCTAssertNotEqual(patient.partition(.chronological), patient.partitionByClass(.chronological))
    }
  }

  func testPartsAreAppendedAndMappedUseByUse() {
    func parts(_ first: Float) -> Parts {
      func one(_ x: Float) -> Examples { Examples(windowLength: 1, windows: [x], rr: [0, 0, 0, 0]) }
      return Parts(training: one(first), validation: one(first + 1), test: one(first + 2))
    }
    var all = Parts(windowLength: 1)
    all.append(contentsOf: parts(1))
    all.append(contentsOf: parts(5))
    XCTAssertEqual([all.training, all.validation, all.test].map(\.windows), [[1, 5], [2, 6], [3, 7]])
    let last = all.map { $0[[1]] }
    XCTAssertEqual([last.training, last.validation, last.test].map(\.windows), [[5], [6], [7]])
  }
}
