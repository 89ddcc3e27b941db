import Report
import WFDB

extension RecordSummary {
  /// As a person reads it.
  var text: String {
    var table = Table(["signal", "units", "format", "gain", "samples", "min", "max", "checksum"])
    for signal in signals {
      table.add([
        signal.name, signal.units, "\(signal.format)", "\(signal.gain)", "\(signal.samples)",
        signal.digitalMin.map { "\($0)" } ?? "-", signal.digitalMax.map { "\($0)" } ?? "-",
        signal.checksum.map { "\($0)" } ?? "-",
      ])
    }
    var text = "record \(printable(record)): \(samples) samples at \(frequency) Hz\n\(table.text)"
    if let annotations {
      text += "\n\(annotations.count) annotations: \(Self.counts(annotations.symbols))"
      if !annotations.rhythms.isEmpty { text += "\nrhythms: \(Self.counts(annotations.rhythms))" }
    }
    return comments.reduce(text) { $0 + "\n# \(printable($1, limit: .max))" }
  }

  private static func counts(_ counts: [String: Int]) -> String {
    counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\(printable($0.key)) \($0.value)" }
      .joined(
        separator: ", ")
  }
}
