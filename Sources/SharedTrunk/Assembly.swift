import Cohort
import MPI

/// Why patients' examples do not make tasks.
public enum AssemblyError: Error, Equatable, CustomStringConvertible {
  /// Every rank must own a task.
  case moreRanksThanTasks(ranks: Int, tasks: [String])
  /// A class, by its name, of which no source record has a beat to train on.
  case emptyClass(String)
  /// Fewer than two rhythms have enough beats; `counts` says how many each has.
  case tooFewClasses(kept: [String], counts: [String])

  public var description: String {
    switch self {
    case .moreRanksThanTasks(let ranks, let tasks):
      "\(ranks) ranks for \(tasks.count) tasks (\(tasks.joined(separator: ", "))): use -n \(tasks.count) or fewer"
    case .emptyClass(let name):
      "no source record has a beat that is \(name) in its training part; name others by --records"
    case .tooFewClasses(let kept, let counts):
      "only \(kept.isEmpty ? "none" : kept.joined(separator: ", ")) of the four rhythms has enough beats to be told from "
        + "another (training, test beats: \(counts.joined(separator: ", "))); name other records by --records"
    }
  }
}

// How patients become tasks. All ranks call these together, and all throw alike.
extension TaskSet {
  /// A task that has fewer examples of a class than this borrows.
  static let enough = 10
  /// How many it borrows at most.
  static let loan = 100

  /// The tasks of an experiment. `records`: the source records; `ownership`, `own`: which of them this rank has read, and their parts.
  public static func make(
    _ experiment: Experiment, _ records: [String], _ ownership: Ownership, own: [Parts], pairing: Pairing,
    answer: PredictionProtocol, borrows: Bool, seed: UInt64, _ communicator: Communicator
  ) throws -> TaskSet {
    if experiment.isPooled { return try pooled(experiment, own: own, pairing, answer, communicator) }
    // A source of the inconsistent scenario has no test part: its own slot is judged on what early stopping has seen.
    let judged = own.map { parts in
      experiment.scenario == .inconsistent
        ? Parts(training: parts.training, validation: parts.validation, test: parts.validation) : parts
    }
    return try onePerPatient(
      records, ownership, own: judged, classes: experiment.labelling.classNames, borrows: borrows, seed: seed,
      communicator)
  }

  /// One task a patient. `own`: the parts of this rank's patients.
  ///
  /// With `borrows`, a task with fewer than `enough` training examples of a class gets up to `loan` of the other tasks', drawn by
  /// (seed, task); they are kept apart as `TaskData.borrowed`. Throws `AssemblyError` if a class is empty everywhere, `MPIError`.
  private static func onePerPatient(
    _ names: [String], _ ownership: Ownership, own: [Parts], classes: [String], borrows: Bool, seed: UInt64,
    _ communicator: Communicator
  ) throws -> TaskSet {
    var tasks = zip(ownership.own, own).map {
      TaskData(name: names[$0], training: $1.training, validation: $1.validation, test: $1.test)
    }
    let mine = tasks.flatMap { $0.training.classCounts(classes.count).map { Int64($0) } }
    let flat = try communicator.allgatherv(mine, kind: Message.status).flatMap { $0 }
    for (label, name) in classes.enumerated() {
      let counts = names.indices.map { Int(flat[$0 * classes.count + label]) }
      guard counts.contains(where: { $0 > 0 }) else { throw AssemblyError.emptyClass(name) }
      guard borrows, counts.contains(where: { $0 < enough }) else { continue }
      let offers = try offers(of: Int32(label), tasks, seed, communicator)
      for (position, task) in ownership.own.enumerated() where counts[task] < enough {
        let loan = Self.loan(to: task, from: offers, seed)
        if tasks[position].borrowed == nil {
          tasks[position].borrowed = loan
        } else {
          tasks[position].borrowed!.append(contentsOf: loan)
        }
      }
    }
    return TaskSet(names: names, ownership: ownership, own: tasks)
  }

  /// Every task's training examples of a class, at most `loan` of each, on every rank.
  private static func offers(
    of label: Int32, _ tasks: [TaskData], _ seed: UInt64, _ communicator: Communicator
  ) throws -> [Examples] {
    let mine = tasks.map { task in
      var members = task.training.labels.indices.filter { task.training.labels[$0] == label }
      var name = Fingerprint()
      name.add(task.name)
      var stream = RandomStream(seed: seed, name.value, UInt64(label))
      stream.shuffle(&members)
      return task.training[Array(members.prefix(loan))]
    }
    return try Examples.gathered(mine, communicator, kind: Message.borrowedBeats)
  }

  private static func loan(to task: Int, from offers: [Examples], _ seed: UInt64) -> Examples {
    var others = Examples(windowLength: offers[task].windowLength)
    for (lender, offer) in offers.enumerated() where lender != task { others.append(contentsOf: offer) }
    var order = Array(0..<others.count)
    var stream = RandomStream(seed: streamKey(seed, .loan, task))
    stream.shuffle(&order)
    return others[order.prefix(loan).sorted()]
  }

  /// The paper's tasks over the beats of all patients (consistent scenario): detection becomes a mostly normal and a mostly abnormal
  /// task (9 to 1, and 1 to 9), classification one task a rhythm, against the rest of the rhythms.
  ///
  /// - Parameters:
  ///   - own: the parts of this rank's patients, each rank's behind those of the rank before.
  ///   - answer: how the heads together judge a beat.
  private static func pooled(
    _ experiment: Experiment, own: [Parts], _ pairing: Pairing, _ answer: PredictionProtocol,
    _ communicator: Communicator
  ) throws -> TaskSet {
    var pool = Parts(windowLength: experiment.window.length)
    pool.training = try shared(own.map(\.training), experiment, communicator)
    pool.validation = try shared(own.map(\.validation), experiment, communicator)
    pool.test = try shared(own.map(\.test), experiment, communicator)
    switch experiment.problem {
    case .detection: return try detection(pool, experiment, pairing, answer, communicator)
    case .classification: return try classification(pool, pairing, answer, communicator)
    }
  }

  private static func shared(
    _ own: [Examples], _ experiment: Experiment, _ communicator: Communicator
  ) throws -> Examples {
    var all = Examples(windowLength: experiment.window.length)
    for examples in try Examples.gathered(own, communicator, kind: Message.pooledBeats) {
      all.append(contentsOf: examples)
    }
    return all
  }

  private static func detection(
    _ pool: Parts, _ experiment: Experiment, _ pairing: Pairing, _ answer: PredictionProtocol,
    _ communicator: Communicator
  ) throws -> TaskSet {
    let classes = experiment.labelling.classNames
    for (name, count) in zip(classes, pool.training.classCounts()) where count == 0 {
      throw AssemblyError.emptyClass(name)
    }
    return try over(
      pool, classes, answer, .vote, communicator,
      tasks: zip(["mostly-\(classes[0])", "mostly-\(classes[1])"], [[9, 1], [1, 9]]).map { name, weights in
        // The same beat in every slot cannot be drawn by two rules at once.
        let draws = TaskData.Draws(
          strata: pool.training.labels, weights: pairing == .same ? [1, 1] : weights)
        return TaskData(
          name: name, training: pool.training, validation: pool.validation, test: pool.test, draw: draws)
      })
  }

  private static func classification(
    _ pool: Parts, _ pairing: Pairing, _ answer: PredictionProtocol, _ communicator: Communicator
  ) throws -> TaskSet {
    let (names, pool) = try keptRhythms(pool)
    return try over(
      pool, names, answer, .oneVersusRest, communicator,
      tasks: names.enumerated().map { label, name in
        let against = pool.map { $0.relabelled($0.labels.map { $0 == Int32(label) ? 1 : 0 }) }
        // Drawn apart, half of a task's beats are of its own rhythm; drawn together, every rhythm comes equally often.
        let weights = names.indices.map {
          pairing == .independent && $0 == label ? Double(names.count - 1) : 1
        }
        return TaskData(
          name: name, training: against.training, validation: against.validation, test: against.test,
          draw: .init(strata: pool.training.labels, weights: weights))
      })
  }

  /// The rhythms with at least `enough` training beats and at least one test beat, and their beats, numbered anew. Throws
  /// `AssemblyError.tooFewClasses` for fewer than two.
  public static func keptRhythms(_ pool: Parts) throws -> (names: [String], pool: Parts) {
    let names = Rhythm.allCases.map(\.name)
    let (training, test) = (pool.training.classCounts(names.count), pool.test.classCounts(names.count))
    let kept = names.indices.filter { training[$0] >= enough && test[$0] > 0 }
    guard kept.count > 1 else {
      throw AssemblyError.tooFewClasses(
        kept: kept.map { names[$0] },
        counts: names.indices.map { "\(names[$0]) \(training[$0]), \(test[$0])" })
    }
    let numbers = Dictionary(uniqueKeysWithValues: kept.enumerated().map { (Int32($1), Int32($0)) })
    return (kept.map { names[$0] }, pool.map { $0.renumbered(numbers) })
  }

  private static func over(
    _ pool: Parts, _ classes: [String], _ answer: PredictionProtocol, _ heads: Heads,
    _ communicator: Communicator, tasks: [TaskData]
  ) throws -> TaskSet {
    let names = tasks.map(\.name)
    guard communicator.size <= names.count else {
      throw AssemblyError.moreRanksThanTasks(ranks: communicator.size, tasks: names)
    }
    let ownership = Ownership(tasks: names.count, ranks: communicator.size, rank: communicator.rank)
    return TaskSet(
      names: names, ownership: ownership, own: ownership.own.map { tasks[$0] },
      pool: Pool(parts: pool, classes: classes, answer: answer), heads: heads)
  }
}

extension Examples {
  /// Every rank's lists one after the other, on every rank: windows, RR features and labels.
  static func gathered(_ mine: [Examples], _ communicator: Communicator, kind: Kind) throws -> [Examples] {
    guard communicator.size > 1 else { return mine }
    let counts = try communicator.allgatherv(mine.map { Int64($0.count) }, kind: Message.status)
      .flatMap { $0 }
    let length = try communicator.allreduce(
      Int64(mine.first?.windowLength ?? 0), .max, kind: Message.status)
    let windows = try communicator.allgatherv(mine.flatMap(\.windows), kind: kind).flatMap { $0 }
    let rr = try communicator.allgatherv(mine.flatMap(\.rr), kind: kind).flatMap { $0 }
    let labels = try communicator.allgatherv(mine.flatMap(\.labels), kind: kind).flatMap { $0 }
    var start = 0
    return counts.map { count in
      let range = start..<start + Int(count)
      start = range.upperBound
      return Examples(
        windowLength: Int(length),
        windows: Array(windows[range.lowerBound * Int(length)..<range.upperBound * Int(length)]),
        rr: Array(rr[range.lowerBound * RRFeatures.count..<range.upperBound * RRFeatures.count]),
        labels: Array(labels[range]))
    }
  }
}
