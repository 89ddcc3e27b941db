/// What a model says of points that it was not fitted to.
public struct LeftOut: Codable, Sendable, Equatable {
  /// In the points' order, in seconds; nil for a point that was not left out.
  public let predicted: [Double?]
  /// Relative, of the points left out: |predicted / measured - 1|.
  public let medianError: Double
  public let worstError: Double
  /// The worst point's number.
  public let worst: Int

  /// Nil if none was left out.
  init?(_ predicted: [Double?], _ measured: [Double]) {
    let errors = zip(predicted, measured).map { predicted, measured in
      predicted.map { abs($0 / measured - 1) }
    }
    let sorted = errors.compactMap { $0 }.sorted()
    guard let last = sorted.last, let worst = errors.firstIndex(of: last) else { return nil }
    self.predicted = predicted
    medianError = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    worstError = last
    self.worst = worst
  }
}

extension StepModel {
  /// Each point in turn left out, all others fitted to. The sums are measured apart, and stay.
  public static func eachLeftOut(_ steps: [Measured], sums: SumModel, messages: [Int]) -> LeftOut? {
    guard steps.count > 3 else { return nil }
    let predicted: [Double?] = steps.indices.map { out in
      let rest = steps.indices.filter { $0 != out }.map { steps[$0] }
      return StepModel(fitting: rest, sums: sums, messages: messages)
        .seconds(steps[out].placement, tasks: steps[out].tasks)
    }
    return LeftOut(predicted, steps.map(\.seconds))
  }

  /// All points of the largest number of ranks left out together, the others fitted to: does the model reach beyond what it has seen? Sums
  /// of that many ranks are left out too. Nil if fewer than two other numbers of ranks were measured.
  public static func mostRanksLeftOut(_ steps: [Measured], sums: [SumModel.Measured], messages: [Int])
    -> LeftOut?
  {
    let counts = Set(steps.map(\.placement.ranks))
    guard counts.count > 2, let most = counts.max() else { return nil }
    let model = StepModel(
      fitting: steps.filter { $0.placement.ranks < most },
      sums: SumModel(fitting: sums.filter { $0.placement.ranks < most }), messages: messages)
    return LeftOut(
      steps.map { $0.placement.ranks < most ? nil : model.seconds($0.placement, tasks: $0.tasks) },
      steps.map(\.seconds))
  }
}

extension SumModel {
  /// Each sum in turn left out, all others fitted to; those that are not fitted are not left out either.
  public static func eachLeftOut(_ sums: [Measured]) -> LeftOut? {
    guard sums.count(where: { !$0.placement.isCrowded }) > 3 else { return nil }
    let predicted: [Double?] = sums.indices.map { out in
      guard !sums[out].placement.isCrowded else { return nil }
      return SumModel(fitting: sums.indices.filter { $0 != out }.map { sums[$0] })
        .seconds(sums[out].placement, bytes: sums[out].bytes)
    }
    return LeftOut(predicted, sums.map(\.seconds))
  }
}
