import Layers
import MPI

/// Where the time of this rank's training steps goes, for `bench`: a lap is the time since the lap before.
public final class StepClock {
  /// What a rank computes in a step.
  public enum Phase: Int, CaseIterable, Sendable {
    /// Drawing and copying the examples.
    case minibatch
    /// The branches.
    case branchForward
    /// Products with `W_i`, and adding them up for the sum over the ranks.
    case projectionForward
    /// All that follows the sum, forward and backward.
    case trunkAndHeads
    /// Products for `W_i`'s gradient and the branch's.
    case projectionBackward
    /// The branches' and the heads' gradients.
    case branchBackward
    /// Clipping and the optimizer.
    case adam
  }

  /// Steps recorded since `clear`.
  public private(set) var steps = 0
  private let capacity: Int
  private let seconds: AlignedBuffer<Double>  // a row a step: its phases, then its collectives
  private let ownSeconds: AlignedBuffer<Double>  // likewise
  private var last = 0.0
  private var lastOwn = 0.0
  private var collective = 0

  private static let mostCollectives = 3
  private static let columns = Phase.allCases.count + mostCollectives

  /// Whose time is recorded too, if any.
  package var ownClock: OwnClock?

  /// Records the first `capacity` steps and no more.
  package init(capacity: Int) {
    self.capacity = capacity
    seconds = AlignedBuffer(count: capacity * Self.columns)
    ownSeconds = AlignedBuffer(count: capacity * Self.columns)
  }

  /// Seconds of recorded step `step` in `phase`.
  public func seconds(_ step: Int, _ phase: Phase) -> Double {
    seconds.data[step * Self.columns + phase.rawValue]
  }

  /// The same by `ownClock`; 0 without one.
  package func ownSeconds(_ step: Int, _ phase: Phase) -> Double {
    ownSeconds.data[step * Self.columns + phase.rawValue]
  }

  /// Seconds of recorded step `step` in each collective, waiting included; 0 for a collective that the exchange does not have.
  public func collectives(_ step: Int) -> [Double] {
    (0..<Self.mostCollectives).map { seconds.data[step * Self.columns + Phase.allCases.count + $0] }
  }

  /// Forgets all steps.
  public func clear() {
    steps = 0
    seconds.data.update(repeating: 0, count: seconds.count)
    ownSeconds.data.update(repeating: 0, count: ownSeconds.count)
  }

  package func begin() {
    collective = 0
    last = Environment.wallTime()
    lastOwn = ownClock?.seconds ?? 0
  }

  package func lap(_ phase: Phase) { add(phase.rawValue) }

  /// To be called after each collective, once.
  func lapCollective() {
    add(Phase.allCases.count + collective)
    collective += 1
  }

  package func end() { steps = min(steps + 1, capacity) }

  private func add(_ column: Int) {
    let (now, own) = (Environment.wallTime(), ownClock?.seconds ?? 0)
    if steps < capacity {
      seconds.data[steps * Self.columns + column] += now - last
      ownSeconds.data[steps * Self.columns + column] += own - lastOwn
    }
    (last, lastOwn) = (now, own)
  }

}

/// Of each step, the seconds spent in each collective.
public typealias Stays = [[Double]]

extension StepClock {
  /// This rank's, of all recorded steps.
  public var stays: Stays { (0..<steps).map { collectives($0) } }

  /// Of the stays of all ranks in the same collectives the shortest. Every rank calls it, with as many.
  public static func shortest(_ stays: Stays, _ communicator: Communicator) throws -> Stays {
    var flat = stays.flatMap { $0 }
    try flat.withUnsafeMutableBufferPointer { try communicator.allreduce($0, .min, kind: Message.metrics) }
    let width = flat.count / max(stays.count, 1)
    return stays.indices.map { Array(flat[$0 * width..<($0 + 1) * width]) }
  }

  /// What a rank's stays are made of, in seconds a step: the exchange itself, and waiting for ranks that came later.
  ///
  /// No barrier parts the two, and clocks of several machines cannot be compared. But every rank's result depends on every rank's
  /// numbers, so none can leave before the last has come: all stays hold the transfer after that, and the shortest, in general
  /// that of the rank that came last, little else. So of each collective of each step the shortest stay is the exchange, and what
  /// a rank stayed longer is its waiting. (Where ranks share a core, the last to come may have to wait until the others are let
  /// run: that counts as exchange.) Medians over the steps, so that those in which the machine did something else do not count.
  public static func split(_ stays: Stays, shortest: Stays) -> (exchange: Double, wait: Double) {
    func sumOfMedians(_ stays: Stays) -> Double {
      (stays.first ?? []).indices.reduce(0) { sum, collective in
        sum + Statistics.median(stays.map { $0[collective] })
      }
    }
    let waits = zip(stays, shortest).map { own, shortest in zip(own, shortest).map { $0 - $1 } }
    return (sumOfMedians(shortest), sumOfMedians(waits))
  }
}
