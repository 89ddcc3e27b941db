import Foundation
import Layers
import MPI

/// How parts of several tasks are added up over the ranks.
public enum SumKind: String, Codable, Sendable, CaseIterable {
  /// 64-bit fixed point: exact in any order, so that a run has the same bits on every number of ranks.
  case exact
  /// 32-bit floating point: half the bytes; the last bits depend on the number of ranks.
  case float
}

extension RankSum {
  /// A sum of so many numbers as training steps have it: in shared memory, unless `HEARTWOOD_SHARED_MEMORY=0` on any rank. All ranks call it.
  public convenience init(ofSteps count: Int, _ communicator: Communicator) throws {
    let isRefused = ProcessInfo.processInfo.environment["HEARTWOOD_SHARED_MEMORY"] == "0"
    try self.init(count: count, communicator, sharesMemory: !isRefused, kind: Message.status)
  }
}

/// A sum over all tasks of all ranks, by one allreduce of one flat buffer; a status word and the loss travel with it, and in a step's last
/// sum what `StepStatus` says.
///
/// Exact sums store `llrint(x 2^s)`. With n tasks, a part of 2^62 / n or more could overflow the sum: it counts in the status.
final class TaskSum {
  private let kind: SumKind
  private let count: Int
  private let scale: Double
  private let limit: Double
  private let communicator: Communicator
  private var fixed: RankSum
  private let float: AlignedBuffer<Float>
  private let status: StepStatus?

  /// The first task of this rank whose part was not finite or too large, since `clear`.
  private(set) var offender: Int?

  private static let lossScale = 4_294_967_296.0  // 2^32: losses to 2e-10, sums to 2e9

  /// A sum of `count` numbers of up to `parts` tasks each, in steps of `2^-fractionBits`.
  init(
    _ kind: SumKind, count: Int, fractionBits: Int, parts: Int, status: StepStatus? = nil,
    _ communicator: Communicator
  ) {
    self.kind = kind
    self.communicator = communicator
    self.count = count
    self.status = status
    scale = Double(sign: .plus, exponent: fractionBits, significand: 1)
    limit = Double(sign: .plus, exponent: 62, significand: 1) / Double(max(parts, 1))
    fixed = RankSum(
      count: kind == .exact ? count + 2 + (status == nil ? 0 : StepStatus.words) : 0, communicator)
    float = AlignedBuffer(count: kind == .float ? count + 2 + (status == nil ? 0 : StepStatus.floats) : 0)
  }

  /// 2^40 for activations: parts below 4e6 / n, in steps of 1e-12.
  static let activationBits = 40
  /// 2^52 for the trunk's output's gradients, which the heads bound: parts below 1e3 / n, in steps of 2e-16.
  static let gradientBits = 52
  /// 2^40 for weights' gradients, which an RNN can make large before they are clipped (a hundred and more was seen): parts below
  /// 4e6 / n, in steps of 1e-12, finer than a float's own for all above 1e-5.
  static let weightBits = 40

  /// Moves exact sums to memory that ranks of one host share. All ranks call it, before the first part is added.
  func shareMemory() throws {
    if kind == .exact { fixed = try RankSum(ofSteps: fixed.part.count, communicator) }
  }

  var ranksSharingMemory: Int { fixed.ranksSharingMemory }

  func clear() {
    offender = nil
    switch kind {
    case .exact: fixed.part.update(repeating: 0)
    case .float: float.data.update(repeating: 0, count: count + 2)
    }
  }

  /// Adds one task's part to the numbers from `offset` on.
  func add(_ part: Matrix, at offset: Int = 0, task: Int) {
    let bad: Int
    switch kind {
    case .exact:
      bad = FixedPoint.add(
        part.data, to: fixed.part.baseAddress! + offset, count: part.count, scale: scale, limit: limit)
      fixed.part[count] += Int64(bad)
    case .float:
      let sum = Matrix(float.data + offset, rows: part.rows, columns: part.columns)
      sum.add(part)
      bad = part.buffer.count { !$0.isFinite }
      float.data[count] += Float(bad)
    }
    if bad > 0 && offender == nil { offender = task }
  }

  /// Adds one task's loss, to be read as `loss` after the sum.
  func add(loss: Double, task: Int) {
    guard loss.isFinite && abs(loss) * Self.lossScale < limit else {
      switch kind {
      case .exact: fixed.part[count] += 1
      case .float: float.data[count] += 1
      }
      if offender == nil { offender = task }
      return
    }
    switch kind {
    case .exact: fixed.part[count + 1] += Int64((loss * Self.lossScale).rounded())
    case .float: float.data[count + 1] += Float(loss)
    }
  }

  /// Sums over the ranks; true if every part of every rank could be added.
  func allreduce(_ label: Kind) throws -> Bool {
    switch kind {
    case .exact:
      status?.put(fixed.part.baseAddress! + count + 2)
      try fixed.reduce(kind: label)
      status?.take(fixed.total.baseAddress! + count + 2)
      return fixed.total[count] == 0
    case .float:
      status?.put(float.data + count + 2)
      try communicator.allreduce(float.buffer, .sum, kind: label)
      status?.take(float.data + count + 2)
      return float.data[count] == 0
    }
  }

  /// Reads the numbers from `offset` on.
  func read(into sum: Matrix, at offset: Int = 0) {
    switch kind {
    case .exact:
      FixedPoint.toFloat(fixed.total.baseAddress! + offset, into: sum.data, count: sum.count, scale: scale)
    case .float: sum.data.update(from: float.data + offset, count: sum.count)
    }
  }

  var loss: Double {
    switch kind {
    case .exact: Double(fixed.total[count + 1]) / Self.lossScale
    case .float: Double(float.data[count + 1])
    }
  }
}

/// A number that stopped a run: of which task, on which rank, and at which step (nil outside training). Thrown on every rank alike.
public struct NumericError: AgreedError {
  /// What was not a number.
  public enum Kind: Sendable {
    /// A loss, activation or gradient that is not finite, or too large for the exact sum.
    case overflow
    /// A gradient whose norm is not finite.
    case explodingGradient
    /// Weights that are not finite at the end.
    case weights
  }

  /// What was not a number.
  public let kind: Kind
  /// The task, or the parameter group, that it was met in.
  public let task: String
  /// The rank that it was met on; nil where that is not known.
  public let rank: Int?
  /// The step, counted from 0; nil outside training.
  public let step: Int?
  /// The step of the checkpoint that stays, if there is one.
  public var kept: Int?

  /// An error to be thrown on every rank alike.
  public init(_ kind: Kind, task: String, rank: Int?, step: Int?) {
    self.kind = kind
    self.task = task
    self.rank = rank
    self.step = step
  }

  public var description: String {
    let what =
      switch kind {
      case .overflow: "a number that is not finite, or too large for the exact sum"
      case .explodingGradient: "a gradient that is not finite"
      case .weights: "weights that are not finite"
      }
    let place = (step.map { " at step \($0 + 1)" } ?? "") + (rank.map { " on rank \($0)" } ?? "")
    return
      "task \(task): \(what)\(place); try a smaller --learning-rate, or look at the record with `heartwood inspect`"
      + (kept.map { "; the checkpoint of step \($0) stays" } ?? "")
  }
}
