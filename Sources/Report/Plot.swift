/// The place that values are laid out in, above a horizontal axis.
struct Plot {
  let left: Double
  let height: Double
  let x: Axis

  static let axisHeight = 46.0
  static let top = Drawing.top

  var width: Double { Drawing.width - left - Drawing.right }
  var bottom: Double { Self.top + height }

  func horizontal(_ value: Double) -> Double { left + x.position(value) * width }

  func vertical(_ value: Double, _ y: Axis) -> Double { Self.top + (1 - y.position(value)) * height }

  /// Lines across at a vertical axis's ticks, their numbers, and the title above.
  func scale(_ y: Axis, _ title: String) -> [String] {
    let name = Drawing.text(left, Self.top - 8, title, within: width, Drawing.small)
    let ticks = y.ticks.flatMap { tick in
      let height = vertical(tick, y)
      return [
        Drawing.rule(
          "M\(Drawing.number(left)) \(Drawing.number(height))h\(Drawing.number(width))", opacity: 0.15),
        Drawing.text(left - 7, height + 5, Axis.label(tick), Drawing.rightSet),
      ]
    }
    return [name] + ticks
  }

  /// The line, the ticks' numbers and the title.
  func axis(_ title: String) -> [String] {
    let line = Drawing.rule(
      "M\(Drawing.number(left)) \(Drawing.number(bottom))h\(Drawing.number(width))", opacity: 0.5)
    let name = Drawing.text(
      Drawing.width - Drawing.right, bottom + 36, title, within: Drawing.width - Drawing.right, Drawing.small,
      Drawing.rightSet)
    let ticks = x.ticks.map { tick in
      let label = Axis.label(tick)
      // A long number at the right end would be cut off.
      let place = min(horizontal(tick), Drawing.width - Drawing.lengthGuess(label) / 2)
      return Drawing.text(place, bottom + 19, label, Drawing.centred)
    }
    return [line, name] + ticks
  }

  var emptyNote: String { Drawing.emptyNote(left + width / 2, Self.top + height / 2) }
}
