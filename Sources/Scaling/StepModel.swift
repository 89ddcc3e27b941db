import Foundation

/// How long a training step takes: the slowest rank's computing, and the sums that all wait for.
///
///     step = (work + hindrance (all - work)) (task + memory * miss) * straggling + sums
///     miss = 1 / (1 + (cache / N)^sharpness),  N = most^(1 - sharing) all^sharing
///     straggling = 1 + (d1 / sqrt(most) + d0) z(ranks)
///
/// Where a machine has more ranks than cores, the kernel lets them take turns, by no law that could be told beforehand: the computing gets a
/// factor, and what a rank loses because it waits for its turn when a sum would be ready grows with the computing up to a limit, about the
/// kernel's time slice. These are fitted for each such number of ranks.
///
/// most: tasks of the rank that has most; all: of its machine's ranks together; work: of the core that has most, ranks being dealt out to
/// the cores; z: the expected maximum of as many numbers from a normal distribution, about sqrt(2 ln ranks).
public struct StepModel: Codable, Sendable, Equatable {
  /// Seconds: of a task whose numbers lie in the cache, the trunk's share of a step in it; more of one whose numbers do not.
  public var task = 0.0
  public var memory = 0.0
  /// Of as many tasks together the cache holds half; 0: a task takes as long, however many there are.
  public var cache = 0.0
  public var sharpness = 1.0
  /// 0: each rank has a cache of its own; 1: all of a machine share one.
  public var sharing = 0.0
  /// 0: cores work side by side without loss; 1: as if there were one core.
  public var hindrance = 0.0
  /// Relative standard deviation of a rank's computing from step to step.
  public var deviationOfOne = 0.0
  public var deviationOfAll = 0.0
  /// Of more ranks than cores.
  public var turns: [Turns] = []
  public var sums = SumModel()
  /// Bytes of each of a step's sums.
  public var messages: [Int] = []

  public init() {}

  /// What waiting for cores makes of the computing of so many ranks: `factor` times as much, and `share` of it more, at most `limit`
  /// seconds.
  public struct Turns: Codable, Sendable, Equatable {
    public let ranks: Int
    public let factor: Double
    public let share: Double
    public let limit: Double
    public init(ranks: Int, factor: Double, share: Double, limit: Double) {
      (self.ranks, self.factor) = (ranks, factor)
      (self.share, self.limit) = (share, limit)
    }

    func seconds(_ computing: Double) -> Double { factor * computing + min(share * computing, limit) }
  }

  /// A training step that was measured.
  public struct Measured: Sendable {
    public let placement: Placement
    /// Over all ranks, spread evenly.
    public let tasks: Int
    public let seconds: Double
    /// Of computing, relative, from step to step, on the rank that computes longest.
    public let deviation: Double

    public init(_ placement: Placement, tasks: Int, seconds: Double, deviation: Double) {
      (self.placement, self.tasks, self.seconds) = (placement, tasks, seconds)
      self.deviation = deviation
      let (own, cores) = (placement.tasks(tasks), placement.coreOfEachRank(tasks: tasks))
      machines = Set(placement.machines).sorted().map { machine in
        var loads = [Double](repeating: 0, count: placement.cores[machine])
        for rank in own.indices where placement.machines[rank] == machine {
          loads[cores[rank]] += Double(own[rank])
        }
        return (loads.max()!, loads.reduce(0, +))
      }
    }

    var tasksARank: Int { (tasks - 1) / placement.ranks + 1 }

    /// Of each machine with ranks, the tasks of its busiest core and of all. A step is too short for ranks to change cores.
    let machines: [(work: Double, all: Double)]
  }

  /// Fitted to `steps`, the sums being known.
  public init(fitting steps: [Measured], sums: SumModel, messages: [Int]) {
    self.sums = sums
    self.messages = messages
    let clear = steps.filter { !$0.placement.isCrowded }
    fitDeviation(clear)
    var loss = fitLinear(clear)
    search(&loss, clear)
    if memory == 0 { (cache, sharpness, sharing) = (0, 1, 0) }
    for ranks in Set(steps.filter { $0.placement.isCrowded }.map(\.placement.ranks)).sorted() {
      turns.append(fitTurns(ranks, steps.filter { $0.placement.ranks == ranks }))
    }
  }

  /// Seconds of a step of so many tasks, spread evenly.
  public func seconds(_ placement: Placement, tasks: Int) -> Double {
    let step = Measured(placement, tasks: tasks, seconds: 0, deviation: 0)
    let turns = placement.isCrowded ? turns(ofRanks: placement.ranks) : nil
    return (turns?.seconds(computing(step)) ?? computing(step)) + exchange(placement)
  }

  /// Seconds of a step's sums.
  public func exchange(_ placement: Placement) -> Double {
    placement.ranks > 1 ? messages.reduce(0) { $0 + sums.seconds(placement, bytes: $1) } : 0
  }

  /// How much longer than one rank's the computing of the slowest of `ranks` takes, each on a core of its own.
  public func straggling(ranks: Int, tasksARank: Int) -> Double {
    1 + (deviationOfOne / Double(tasksARank).squareRoot() + deviationOfAll) * expectedMaximum(ranks)
  }

  /// Those measured, or of the next smaller number of ranks that was; of none if there is none.
  private func turns(ofRanks ranks: Int) -> Turns? { turns.last { $0.ranks <= ranks } ?? turns.first }

  // MARK: Parts

  private func computing(_ step: Measured) -> Double {
    zip(terms(step), [task, memory]).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// What `task` and `memory` are multiplied by, on the machine that has most to do.
  private func terms(_ step: Measured) -> [Double] {
    let most = Double(step.tasksARank)
    let straggling = straggling(ranks: step.placement.ranks, tasksARank: step.tasksARank)
    // Ranks that take turns on a core share all its caches.
    let sharing = step.placement.isCrowded ? 1 : sharing
    return step.machines.map { work, all in
      let miss =
        cache > 0 ? 1 / (1 + pow(cache / (pow(most, 1 - sharing) * pow(all, sharing)), sharpness)) : 0
      let tasks = (work + hindrance * (all - work)) * straggling
      return [tasks, tasks * miss]
    }.max { $0[0] < $1[0] }!
  }

  /// Sets `task` and `memory` to what fits best; returns how well it does.
  private mutating func fitLinear(_ steps: [Measured]) -> Double {
    let rows = steps.map(terms)
    let fit = LeastSquares.fit(
      (0..<2).map { column in rows.map { $0[column] } }, steps.map(\.seconds),
      offset: steps.map { exchange($0.placement) })
    (task, memory) = (fit.coefficients[0], fit.coefficients[1])
    return fit.loss
  }

  /// Tries values for what the step's time does not grow in proportion with: first of all together a few, then of one or two at a time all.
  /// Of a few points no more than a task's time can be told.
  private mutating func search(_ loss: inout Double, _ steps: [Measured]) {
    guard steps.count > 3 else { return }
    let isShared = steps.contains { $0.placement.ranksOnMachine > 1 }
    let octaves = log2(Double(steps.map(\.tasks).max() ?? 1))
    let caches = [0] + stride(from: 0, through: octaves, by: 1.0 / 6).map { exp2($0) }
    let hindrances = isShared ? [0, 0.02, 0.04, 0.06, 0.08] + (2...20).map { Double($0) / 20 } : [0]
    let sharings = isShared ? [0, 0.5, 1] : [0]
    func cached(_ caches: [Double], _ adopt: (_ cache: Double, _ sharpness: Double) -> Void) {
      for cache in caches {
        for sharpness in cache > 0 ? [1, 1.5, 2, 2.5, 3, 4] : [1] { adopt(cache, sharpness) }
      }
    }
    var (best, bestLoss) = (self, loss)
    for sharing in sharings {
      for hindrance in isShared ? [0, 0.1, 0.3, 0.6, 1] : [0] {
        cached(stride(from: 0, to: caches.count, by: 2).map { caches[$0] }) { cache, sharpness in
          best.adopt(&bestLoss, steps) {
            ($0.cache, $0.sharpness, $0.sharing, $0.hindrance) = (cache, sharpness, sharing, hindrance)
          }
        }
      }
    }
    for _ in 0..<4 {
      let before = bestLoss
      cached(caches) { cache, sharpness in
        best.adopt(&bestLoss, steps) { ($0.cache, $0.sharpness) = (cache, sharpness) }
      }
      for hindrance in hindrances { best.adopt(&bestLoss, steps) { $0.hindrance = hindrance } }
      for sharing in sharings { best.adopt(&bestLoss, steps) { $0.sharing = sharing } }
      if bestLoss >= 0.999 * before { break }
    }
    (self, loss) = (best, bestLoss)
  }

  /// Keeps a change if the model fits better with it.
  private mutating func adopt(_ loss: inout Double, _ steps: [Measured], _ change: (inout StepModel) -> Void)
  {
    var changed = self
    change(&changed)
    let new = changed.fitLinear(steps)
    if new < loss * 0.999 { (self, loss) = (changed, new) }
  }

  /// By trying values.
  private func fitTurns(_ ranks: Int, _ steps: [Measured]) -> Turns {
    let points = steps.map { (computing($0), exchange($0.placement), $0.seconds) }
    let limits = [0] + (0..<26).map { 1e-5 * exp2(Double($0) / 2) }
    var best = (loss: Double.infinity, turns: Turns(ranks: ranks, factor: 1, share: 0, limit: 0))
    for limit in limits {
      for share in limit > 0 ? (1...30).map({ Double($0) / 20 }) : [0] {
        for factor in (16...50).map({ Double($0) / 20 }) {
          let turns = Turns(ranks: ranks, factor: factor, share: share, limit: limit)
          let loss = points.reduce(0) { sum, point in
            sum + LeastSquares.cost(abs((turns.seconds(point.0) + point.1) / point.2 - 1))
          }
          if loss < best.loss * 0.999 { best = (loss, turns) }
        }
      }
    }
    return best.turns
  }

  private mutating func fitDeviation(_ steps: [Measured]) {
    let known = steps.filter { $0.deviation > 0 }
    guard !known.isEmpty else { return }
    let roots = known.map { 1 / Double($0.tasksARank).squareRoot() }
    let fit = LeastSquares.fit([roots, known.map { _ in 1 }], known.map(\.deviation))
    (deviationOfOne, deviationOfAll) = (fit.coefficients[0], fit.coefficients[1])
  }
}

/// Of `count` numbers from a normal distribution, in standard deviations above its mean: Blom's approximation (1958), within 0.03.
public func expectedMaximum(_ count: Int) -> Double {
  guard count > 1 else { return 0 }
  return normalQuantile((Double(count) - 0.375) / (Double(count) + 0.25))
}

/// Of an upper quantile, `p` from 0.5 on; Abramowitz and Stegun 26.2.23, within 5e-4.
func normalQuantile(_ p: Double) -> Double {
  let t = (-2 * log(1 - p)).squareRoot()
  return t - (2.515517 + t * (0.802853 + t * 0.010328))
    / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
}
