import Cohort
import Foundation

/// What several seeds tell of a figure.
public enum Statistics {
  /// 0 of none.
  public static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  /// Half-way between the middle two; 0 of none.
  public static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// The standard deviation of a sample (over n - 1); nil for fewer than two.
  public static func deviation(_ values: [Double]) -> Double? {
    guard values.count > 1 else { return nil }
    let mean = mean(values)
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
  }

  /// Half the width of the mean's 95 % interval by Student's t; nil for fewer than two values.
  public static func halfInterval(_ values: [Double]) -> Double? {
    deviation(values).map {
      studentQuantile(degrees: values.count - 1) * $0 / Double(values.count).squareRoot()
    }
  }

  /// The mean's 95 % interval by the percentile bootstrap (Efron 1979), 10,000 draws from a fixed seed; nil for fewer than two values.
  public static func bootstrapInterval(_ values: [Double]) -> (low: Double, high: Double)? {
    guard values.count > 1 else { return nil }
    let draws = 10_000
    var stream = RandomStream(seed: 1)
    let means = (0..<draws).map { _ in
      values.indices.reduce(0) { sum, _ in sum + values[stream.index(below: values.count)] }
        / Double(values.count)
    }.sorted()
    return (means[draws / 40], means[draws - 1 - draws / 40])
  }

  /// The 97.5 % quantile of Student's t: a table, from 30 degrees of freedom on the first terms of its expansion (Abramowitz and
  /// Stegun 26.7.5); right to 1e-3.
  public static func studentQuantile(degrees: Int) -> Double {
    let table = [
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
      2.131,
      2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045,
    ]
    guard degrees > 0 else { return .infinity }
    guard degrees > table.count else { return table[degrees - 1] }
    let (z, n) = (1.959964, Double(degrees))
    return z + (pow(z, 3) + z) / (4 * n) + (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * n * n)
  }
}
