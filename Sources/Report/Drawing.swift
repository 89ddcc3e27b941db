import Foundation

/// What all charts are drawn with. Lengths are in units of the view box: small enough that text stays readable on a phone.
enum Drawing {
  static let width = 480.0
  static let right = 14.0
  static let top = 40.0

  /// An `svg` element; the title is told and drawn.
  static func svg(_ title: String, width: Double = width, height: Double, _ body: [String]) -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(height))" role="img" \
    font-family="system-ui, sans-serif" font-size="14" fill="currentColor">
    <title>\(escaped(title))</title>
    \(([text(0, 16, title, within: width, bold)] + body).joined(separator: "\n"))
    </svg>
    """
  }

  static let bold = "font-weight=\"600\""
  static let small = "font-size=\"12\" opacity=\"0.75\""
  static let centred = "text-anchor=\"middle\""
  static let rightSet = "text-anchor=\"end\""

  /// Cut to a width where one is told, by a guess: how wide letters are is known to the reader's system alone.
  static func text(
    _ x: Double, _ y: Double, _ text: String, within width: Double = .infinity, _ style: String...
  ) -> String {
    let shown = lengthGuess(text) <= width ? text : text.prefix(max(Int(width / letter) - 1, 0)) + "…"
    let attributes = (["x=\"\(number(x))\" y=\"\(number(y))\""] + style).joined(separator: " ")
    return "<text \(attributes)>\(escaped(shown))</text>"
  }

  static func lengthGuess(_ text: String) -> Double { Double(text.count) * letter }
  private static let letter = 8.0

  static func rule(_ path: String, opacity: Double) -> String {
    "<path d=\"\(path)\" stroke=\"currentColor\" stroke-opacity=\"\(opacity)\" fill=\"none\"/>"
  }

  static func emptyNote(_ x: Double, _ y: Double) -> String {
    text(x, y, "nothing to draw", centred, "opacity=\"0.6\"")
  }

  // MARK: Series

  /// Okabe and Ito's colours, told apart by colour-blind readers too.
  private static let palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]

  static func colour(_ index: Int) -> String {
    let place = index % palette.count
    return "var(--line-\(place + 1), \(palette[place]))"
  }

  /// Circle, square, diamond, triangle, ring and cross, so that colour is not all that tells them apart.
  private static let shapes = [
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0", "M-4-4h8v8h-8z", "M0-5.5l5.5 5.5l-5.5 5.5l-5.5-5.5z",
    "M0-5l5 9h-10z", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0", "M-4-4l8 8m0-8l-8 8",
  ]
  private static let firstOutline = 4

  static func symbol(_ index: Int, _ x: Double, _ y: Double) -> String {
    let place = index % shapes.count
    let style =
      place < firstOutline
      ? "fill:\(colour(index))" : "fill:none;stroke:\(colour(index));stroke-width:2"
    return
      "<path transform=\"translate(\(number(x)) \(number(y)))\" d=\"\(shapes[place])\" style=\"\(style)\"/>"
  }

  static let legendRow = 20.0

  /// Names one below the other, each behind its sign, which is drawn about a place.
  static func legend(
    _ names: [String], left: Double = 14, top: Double,
    sign: (_ index: Int, _ x: Double, _ y: Double) -> String
  ) -> [String] {
    names.enumerated().flatMap { index, name in
      let row = top + (Double(index) + 0.5) * legendRow
      let start = left + 20
      return [sign(index, left, row - 5), text(start, row, name, within: width - start)]
    }
  }

  // MARK: Numbers

  /// To a tenth.
  static func number(_ value: Double) -> String {
    let text = String(format: "%.1f", value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
