import Foundation

/// A range of values, laid out from 0 to 1, with round numbers to mark.
struct Axis {
  let low: Double
  let high: Double
  let ticks: [Double]
  private let logarithmic: Bool

  /// Around finite values; positive ones if `logarithmic`. Without values from 0 to 1 (from 0.1 to 1).
  init(_ values: [Double], logarithmic: Bool = false) {
    self.logarithmic = logarithmic
    let forward: (Double) -> Double = logarithmic ? { log10($0) } : { $0 }
    var (low, high) = (forward(values.min() ?? (logarithmic ? 0.1 : 0)), forward(values.max() ?? 1))
    if !(high - low > 1e-9 * max(abs(low), abs(high), 1e-9)) {
      let margin = max(abs(low) * 0.1, 1e-3)
      (low, high) = (low - margin, high + margin)
    }
    (self.low, self.high) = (low, high)
    ticks = logarithmic ? Self.powers(low, high) : Self.round(low, high)
  }

  /// From 0 at the low end to 1 at the high end. Halves, because the whole range may be past the largest number.
  func position(_ value: Double) -> Double {
    ((logarithmic ? log10(value) : value) / 2 - low / 2) / (high / 2 - low / 2)
  }

  /// Three to seven multiples of 1, 2 or 5 times a power of ten.
  private static func round(_ low: Double, _ high: Double) -> [Double] {
    let rough = high / 5 - low / 5
    let power = pow(10, floor(log10(rough)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? 10 * power
    let first = Int((low / step - 1e-9).rounded(.up))
    let last = Int((high / step + 1e-9).rounded(.down))
    guard first <= last else { return [low, high] }
    return (first...last).map { Double($0) * step }
  }

  /// 1, 2 and 5 times powers of ten; over many decades the powers alone, thinned.
  private static func powers(_ low: Double, _ high: Double) -> [Double] {
    let decades = high - low
    let digits: [Double] = decades > 2 ? [1] : [1, 2, 5]
    let every = max(1, Int(decades / 6))
    let powers = stride(from: Int(low.rounded(.down)), through: Int(high.rounded(.up)), by: every)
    let ticks = powers.flatMap { power in digits.map { $0 * pow(10, Double(power)) } }
      .filter { log10($0) >= low - 1e-9 && log10($0) <= high + 1e-9 }
    return ticks.count > 1 ? ticks : [pow(10, low), pow(10, high)]
  }

  /// A tick's number, short.
  static func label(_ value: Double) -> String {
    // "%g" would write 20000 as 2e+04.
    switch abs(value) {
    case 1e4..<1e6: return String(format: "%.4gk", value / 1e3)
    case 1e6..<1e9: return String(format: "%.4gM", value / 1e6)
    default: return String(format: "%.4g", abs(value) < 1e-12 ? 0 : value)
    }
  }
}
