import Cohort

/// What became of the beats of one AAMI class under a network that tells abnormal beats from normal ones.
public struct AAMIFigures: Codable, Sendable, Equatable {
  /// N, S, V, F or Q.
  public let name: String
  /// Beats of this class.
  public let beats: Int
  /// Of these, called normal.
  public let judgedNormal: Int
  /// Of these, called abnormal.
  public let judgedAbnormal: Int
  /// Fraction judged as AAMI has it: of N normal (its specificity), of the other classes abnormal (their sensitivity).
  public let recognised: Double

  /// Of each class that occurs, in AAMI's order.
  ///
  /// - Parameters:
  ///   - classes: of the beats judged; nil where unknown, such a beat is passed over.
  ///   - verdicts: one a beat, 0 for normal, 1 for abnormal.
  public static func all(_ classes: [AAMIClass?], verdicts: [Int]) -> [AAMIFigures] {
    precondition(classes.count == verdicts.count, "\(classes.count) classes for \(verdicts.count) verdicts")
    return AAMIClass.allCases.compactMap { aamiClass in
      let own = zip(classes, verdicts).filter { $0.0 == aamiClass }.map(\.1)
      guard !own.isEmpty else { return nil }
      let normal = own.count { $0 == 0 }
      return AAMIFigures(
        name: aamiClass.rawValue, beats: own.count, judgedNormal: normal, judgedAbnormal: own.count - normal,
        recognised: Double(aamiClass == .normal ? normal : own.count - normal) / Double(own.count))
    }
  }
}
