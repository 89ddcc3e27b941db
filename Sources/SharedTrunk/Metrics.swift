import Cohort

/// How well verdicts agree with the annotations. Rates are fractions from 0 to 1.
public struct Metrics: Codable, Sendable, Equatable {
  /// On a class-balanced subset (as many of each class as the rarest has, drawn by seed): the paper's metric. Nil if a class has none.
  public var accuracy: Double?
  /// Mean over classes of the fraction recognised, on all examples. Nil with one class, which says nothing of telling classes apart.
  public var balancedAccuracy: Double?
  /// Mean over classes of 2 TP / (2 TP + FP + FN), on all examples.
  public var macroF1: Double
  /// Area under the ROC curve, ties counted half; for more than two classes the mean of one against the rest. Nil with one class.
  public var auc: Double?
  /// Fraction of the last class (abnormal) that is recognised; two classes only.
  public var sensitivity: Double?
  /// Fraction of the first class (normal) that is recognised; two classes only.
  public var specificity: Double?
  /// Counts, a row a true class, a column a verdict.
  public var confusion: [[Int]]
  /// Examples judged.
  public var examples: Int
  /// Examples of the balanced subset that `accuracy` is on.
  public var balancedExamples: Int

  /// `probabilities`: count x classes, row by row. The verdict is the likeliest class. Classes without examples are left out of means.
  public init(labels: [Int32], probabilities: [Float], classes: Int, seed: UInt64) {
    let verdicts = Self.verdicts(probabilities, classes: classes)
    confusion = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
    for (label, verdict) in zip(labels, verdicts) { confusion[Int(label)][verdict] += 1 }
    examples = labels.count

    let chosen = Self.balancedSubset(labels, classes: classes, seed: seed)
    balancedExamples = chosen.count
    accuracy =
      chosen.isEmpty ? nil : Self.ratio(chosen.count { Int(labels[$0]) == verdicts[$0] }, chosen.count)
    macroF1 = Self.macroF1(confusion)
    let present = (0..<classes).filter { confusion[$0].contains { $0 > 0 } }
    balancedAccuracy = present.count > 1 ? Self.balancedAccuracy(confusion) : nil
    let areas = (classes == 2 ? present.filter { $0 == 1 } : present).compactMap { positive in
      Self.area(
        positives: labels.map { Int($0) == positive },
        scores: labels.indices.map { probabilities[$0 * classes + positive] })
    }
    auc = areas.isEmpty ? nil : areas.reduce(0, +) / Double(areas.count)
    sensitivity = classes == 2 && present.contains(1) ? Self.recall(confusion, 1) : nil
    specificity = classes == 2 && present.contains(0) ? Self.recall(confusion, 0) : nil
  }

  /// Whether the examples are of one class or none.
  public var isOfOneClass: Bool { confusion.count { $0.contains { $0 > 0 } } < 2 }

  /// The ROC curve's true-positive rate at each of the false-positive rates (ascending), linear between its corners. Nil if one side is
  /// empty.
  public static func rocCurve(positives: [Bool], scores: [Float], at rates: [Double]) -> [Double]? {
    let positiveCount = positives.count { $0 }
    let negativeCount = positives.count - positiveCount
    guard positiveCount > 0 && negativeCount > 0 else { return nil }
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var corners = [(false: 0.0, true: 0.0)]
    var (start, hits) = (0, 0)
    while start < order.count {
      var end = start
      while end < order.count && scores[order[end]] == scores[order[start]] {
        if positives[order[end]] { hits += 1 }
        end += 1
      }
      corners.append((Double(end - hits) / Double(negativeCount), Double(hits) / Double(positiveCount)))
      start = end
    }
    var next = 1
    return rates.map { rate in
      while next < corners.count - 1 && corners[next].false <= rate { next += 1 }
      let (a, b) = (corners[next - 1], corners[next])
      let share = b.false > a.false ? min(max((rate - a.false) / (b.false - a.false), 0), 1) : 1
      return a.true + share * (b.true - a.true)
    }
  }

  /// The likeliest class of each row.
  public static func verdicts(_ probabilities: [Float], classes: Int) -> [Int] {
    stride(from: 0, to: probabilities.count, by: classes).map { start in
      (0..<classes).max { probabilities[start + $0] < probabilities[start + $1] } ?? 0
    }
  }

  /// Mean recall of the classes that occur; 0 without examples.
  package static func balancedAccuracy(_ confusion: [[Int]]) -> Double {
    let recalls = confusion.indices.filter { confusion[$0].contains { $0 > 0 } }.map { recall(confusion, $0) }
    return recalls.isEmpty ? 0 : recalls.reduce(0, +) / Double(recalls.count)
  }

  private static func recall(_ confusion: [[Int]], _ label: Int) -> Double {
    ratio(confusion[label][label], confusion[label].reduce(0, +))
  }

  /// Mean over the classes that occur or are claimed; 0 without examples.
  package static func macroF1(_ confusion: [[Int]]) -> Double {
    let scores = confusion.indices.compactMap { label -> Double? in
      let (actual, claimed) = (confusion[label].reduce(0, +), confusion.reduce(0) { $0 + $1[label] })
      return actual + claimed == 0 ? nil : ratio(2 * confusion[label][label], actual + claimed)
    }
    return scores.isEmpty ? 0 : scores.reduce(0, +) / Double(scores.count)
  }

  /// Indices of equally many examples of each class, drawn without replacement.
  private static func balancedSubset(_ labels: [Int32], classes: Int, seed: UInt64) -> [Int] {
    var byClass = [[Int]](repeating: [], count: classes)
    for (index, label) in labels.enumerated() { byClass[Int(label)].append(index) }
    let count = byClass.map(\.count).min() ?? 0
    var stream = RandomStream(seed: streamKey(seed, .balancedTest))
    return byClass.flatMap { members in
      var members = members
      stream.shuffle(&members)
      return members.prefix(count)
    }
  }

  /// The rank-sum form of the area under the ROC curve; nil if one side is empty.
  private static func area(positives: [Bool], scores: [Float]) -> Double? {
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    let positiveCount = positives.count { $0 }
    let negativeCount = positives.count - positiveCount
    guard positiveCount > 0 && negativeCount > 0 else { return nil }
    var (below, sum, start) = (0.0, 0.0, 0)
    while start < order.count {
      var end = start + 1
      while end < order.count && scores[order[end]] == scores[order[start]] { end += 1 }
      let tied = order[start..<end].count { positives[$0] }
      let negatives = Double(end - start - tied)
      sum += Double(tied) * (below + negatives / 2)
      below += negatives
      start = end
    }
    return sum / (Double(positiveCount) * Double(negativeCount))
  }

  private static func ratio(_ part: Int, _ whole: Int) -> Double {
    whole == 0 ? 0 : Double(part) / Double(whole)
  }
}
