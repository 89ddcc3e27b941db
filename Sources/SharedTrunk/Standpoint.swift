import Cohort
import Foundation

/// Where a patient's beats are looked at from: the patient's own statistics and anchor, made of beats taken to be typical of the patient.
struct Standpoint {
  let statistics: OwnStatistics
  /// Of each tower the patient's mean of the first trunk matrix's product: H numbers.
  let anchors: [[Float]]
}

/// How the anchored form answers for a patient: a weighted mean of the logits from standpoints, and of the first guess, which has none.
struct Outlook {
  var standpoints: [(standpoint: Standpoint, weight: Float)]
  var firstGuess: Float = 0
  /// The share of timing in the first guess.
  var timing: Float = 0
}

/// Which of a patient's unlabelled beats are typical of the patient. A patient's most frequent beat may be abnormal, and then statistics of
/// all beats turn the answer round. `logits` says of each beat how much likelier it is abnormal.
enum Typical {
  /// The beats that the logits call normal; the least abnormal 5 %, and 4 beats, at least.
  static func normal(_ logits: [Float]) -> [Int] {
    lowest(
      max(logits.count { $0 <= 0 }, Int((0.05 * Double(logits.count)).rounded()), min(4, logits.count)),
      logits)
  }

  /// The rule of an earlier study, for comparison: the lowest logits, as many as
  ///
  ///     f = share of logits > 0;   k = 1 if f <= 0.15, else max(0.2, (1 - f) / 0.85);   k n beats, at least 10
  static func trimmed(_ logits: [Float]) -> [Int] {
    let abnormal = Double(logits.count { $0 > 0 }) / Double(logits.count)
    let share = abnormal <= 0.15 ? 1 : max(0.2, (1 - abnormal) / 0.85)
    return lowest(max(Int((share * Double(logits.count)).rounded()), min(10, logits.count)), logits)
  }

  private static func lowest(_ count: Int, _ logits: [Float]) -> [Int] {
    logits.indices.sorted { (logits[$0], $0) < (logits[$1], $1) }.prefix(count).sorted()
  }

  /// How far logits agree with a guess about the same beats, from 0 to 1: with q = s(guess) and s the logistic function
  ///
  ///     half of [ sum q s(o) / (sum q + 1)  +  sum (1 - q) s(-o) / (sum (1 - q) + 1) ]
  static func agreement(_ logits: [Float], with guess: [Float]) -> Double {
    var (abnormal, abnormalAgreed, normal, normalAgreed) = (0.0, 0.0, 0.0, 0.0)
    for (o, r) in zip(logits, guess) {
      let (q, s) = (logistic(Double(r)), logistic(Double(o)))
      abnormal += q
      abnormalAgreed += q * s
      normal += 1 - q
      normalAgreed += (1 - q) * (1 - s)
    }
    return 0.5 * (abnormalAgreed / (abnormal + 1) + normalAgreed / (normal + 1))
  }
}

func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
