/// Mean and variance (over n) of numbers that come in pieces: each piece by two passes, pieces joined after T. F. Chan, G. H. Golub and R. J.
/// LeVeque, *Updating formulae and a pairwise algorithm for computing sample variances*, 1979. No digits are lost over a long signal.
package struct Moments {
  private var count = 0.0
  package private(set) var mean = 0.0
  private var squares = 0.0

  package init() {}

  package var variance: Double { squares / count }

  package mutating func add(_ values: [Double]) {
    guard !values.isEmpty else { return }
    let added = Double(values.count)
    let average = values.reduce(0, +) / added
    let spread = values.reduce(0) { $0 + ($1 - average) * ($1 - average) }
    let distance = average - mean
    let total = count + added
    mean += distance * added / total
    squares += spread + distance * distance * count * added / total
    count = total
  }
}
