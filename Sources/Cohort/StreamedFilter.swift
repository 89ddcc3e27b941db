/// `BandPassFilter.filtered` for a signal that comes in pieces and is too long to be held.
///
/// Forward the filter's state is carried on, so nothing changes. Backward each stretch is begun so much later that the filter has forgotten
/// how (`BandPassFilter.memory`); only rounding tells the result from that of the whole signal.
package struct StreamedFilter {
  private let filter: BandPassFilter
  private let margin: Int
  private var forward: FilterState?
  /// Filtered forward, not yet backward; before there are samples enough to mirror, as they came.
  private var waiting: [Double] = []
  /// The last samples that came in.
  private var end: [Double] = []

  /// Samples that are filtered backward at once; the margin's work comes on top.
  private static let stretch = 1 << 15

  package init(_ filter: BandPassFilter) {
    self.filter = filter
    margin = filter.memory
  }

  /// Takes in the next samples; returns those, filtered, that are certain now. They follow one another without a gap.
  package mutating func add(_ samples: [Double]) -> [Double] {
    waiting += samples
    end = Array((end + samples.suffix(BandPassFilter.padding + 1)).suffix(BandPassFilter.padding + 1))
    let fresh: Int
    if forward == nil {
      guard waiting.count > BandPassFilter.padding else { return [] }
      var before = BandPassFilter.before(waiting)
      forward = FilterState(filter, restingAt: before[0])
      forward!.run(over: &before, from: 0, to: before.count, by: 1)
      fresh = 0
    } else {
      fresh = waiting.count - samples.count
    }
    forward!.run(over: &waiting, from: fresh, to: waiting.count, by: 1)
    guard waiting.count >= Self.stretch + margin else { return [] }
    let certain = waiting.count - margin
    let result = backward(waiting).prefix(certain)
    waiting.removeFirst(certain)
    return Array(result)
  }

  /// The rest. Throws `SignalError.tooShort` as `BandPassFilter.filtered`.
  package mutating func finish() throws -> [Double] {
    guard forward != nil else {
      throw SignalError.tooShort(samples: waiting.count, needed: BandPassFilter.padding + 1)
    }
    var after = BandPassFilter.after(end)
    forward!.run(over: &after, from: 0, to: after.count, by: 1)
    let result = backward(waiting + after).prefix(waiting.count)
    waiting = []
    return Array(result)
  }

  private func backward(_ samples: [Double]) -> [Double] {
    var samples = samples
    var state = FilterState(filter, restingAt: samples[samples.count - 1])
    state.run(over: &samples, from: samples.count - 1, to: -1, by: -1)
    return samples
  }
}
