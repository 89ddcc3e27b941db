/// What a network is to tell (paper, section III.A).
public enum Problem: String, Codable, Sendable, CaseIterable {
  /// Abnormal heartbeats from normal ones.
  case detection
  /// Arrhythmias from one another.
  case classification
}

/// Whether the patients judged are those trained on (paper, section III.A).
public enum Scenario: String, Codable, Sendable, CaseIterable {
  /// The same patients.
  case consistent
  /// Patients never seen.
  case inconsistent
}

/// How a problem is cut into tasks.
public enum TaskKind: String, Codable, Sendable, CaseIterable {
  /// As the paper does. Consistent detection: two tasks, mostly normal and mostly abnormal beats. Consistent classification:
  /// one task a rhythm, against the rest. Inconsistent: one task a source patient.
  case paper
  /// One task a patient.
  case patient
}

/// One experiment: what is told apart, of whom, and which tasks it becomes. It does not know which records are used.
public struct Experiment: Sendable, Equatable {
  public var problem: Problem
  public var scenario: Scenario
  public var tasks: TaskKind
  /// How each patient's examples are dealt out (consistent scenario).
  public var split: Split
  /// Which beats are abnormal (detection).
  public var abnormality: Labelling
  /// The rhythm looked for (inconsistent classification).
  public var rhythm: Rhythm

  public init(
    _ problem: Problem, _ scenario: Scenario, tasks: TaskKind = .paper, split: Split = .chronological,
    abnormality: Labelling = .strict, rhythm: Rhythm = .ventricularTachycardia
  ) {
    self.problem = problem
    self.scenario = scenario
    self.tasks = tasks
    self.split = split
    self.abnormality = abnormality
    self.rhythm = rhythm
  }

  /// Whether every task draws from the beats of all patients.
  public var isPooled: Bool { scenario == .consistent && tasks == .paper }

  /// Tasks over so many source records; of rhythms fewer, if the records lack one.
  public func taskCount(records: Int) -> Int {
    guard isPooled else { return records }
    return problem == .detection ? 2 : Rhythm.allCases.count
  }

  public var labelling: Labelling {
    switch (problem, scenario) {
    case (.detection, _): abnormality
    case (.classification, .consistent): .rhythms
    case (.classification, .inconsistent): .rhythm(rhythm)
    }
  }

  /// A beat's window; of a rhythm 2 s at 64 Hz, for unseen patients at 128 Hz (ours: the paper names none).
  public var window: WindowShape {
    switch (problem, scenario) {
    case (.detection, _): .beat
    case (.classification, .consistent): .rhythm(rate: 64)
    case (.classification, .inconsistent): .rhythm(rate: 128)
    }
  }

  /// A patient's examples by use. In the inconsistent scenario the last 15 % of a source's time validates and nothing tests.
  public func parts(of patient: Patient, seed: UInt64) -> Parts {
    let partition =
      scenario == .inconsistent
      ? patient.partition(.source)
      : problem == .classification
        ? patient.partitionByClass(split, seed: seed) : patient.partition(split, seed: seed)
    return Parts(
      training: patient.examples[partition.train], validation: patient.examples[partition.validation],
      test: patient.examples[partition.test])
  }
}

/// Examples by use.
public struct Parts: Sendable {
  public var training: Examples
  public var validation: Examples
  public var test: Examples

  public init(training: Examples, validation: Examples, test: Examples) {
    self.training = training
    self.validation = validation
    self.test = test
  }

  /// No examples yet.
  public init(windowLength: Int) {
    let none = Examples(windowLength: windowLength)
    self.init(training: none, validation: none, test: none)
  }

  public mutating func append(contentsOf other: Parts) {
    training.append(contentsOf: other.training)
    validation.append(contentsOf: other.validation)
    test.append(contentsOf: other.test)
  }

  /// What `change` makes of each of the three.
  public func map(_ change: (Examples) throws -> Examples) rethrows -> Parts {
    Parts(training: try change(training), validation: try change(validation), test: try change(test))
  }
}
