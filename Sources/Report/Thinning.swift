/// At most `limit` (4 or more) of the points, which lie in order of x: the first, the last, and of each stretch between
/// them the lowest and the highest, so that no spike is lost.
func thinned(_ points: [LineChart.Point], to limit: Int) -> [LineChart.Point] {
  guard points.count > limit else { return points }
  let inner = points.indices.dropFirst().dropLast()
  let stretches = (limit - 2) / 2
  var kept = [points[0]]
  for stretch in 0..<stretches {
    let start = inner.startIndex + inner.count * stretch / stretches
    let end = inner.startIndex + inner.count * (stretch + 1) / stretches
    let lowest = (start..<end).min { points[$0].y < points[$1].y }!
    let highest = (start..<end).max { points[$0].y < points[$1].y }!
    kept += Set([lowest, highest]).sorted().map { points[$0] }
  }
  return kept + [points[points.count - 1]]
}
