/// Figures in which every patient counts once, however many beats it has: what pooling all beats hides.
public struct PatientMeans: Codable, Sendable, Equatable {
  /// Mean over the patients with beats of at least two classes; nil if there is none.
  public let balancedAccuracy: Double?
  /// Mean of the macro-F1 over the same patients.
  public let macroF1: Double?
  /// Mean of the area under the ROC curve over the same patients.
  public let auc: Double?
  /// How many patients the means are over.
  public let patients: Int
  /// Patients with beats of one class alone, of whom none of these figures is defined.
  public let leftOut: [String]

  /// The means of these patients' figures.
  public init(_ results: [(name: String, metrics: Metrics)]) {
    let judged = results.map(\.metrics).filter { !$0.isOfOneClass }
    func mean(_ figure: (Metrics) -> Double?) -> Double? {
      let values = judged.compactMap(figure)
      return values.isEmpty ? nil : Statistics.mean(values)
    }
    balancedAccuracy = mean { $0.balancedAccuracy }
    macroF1 = mean { $0.macroF1 }
    auc = mean { $0.auc }
    patients = judged.count
    leftOut = results.filter { $0.metrics.isOfOneClass }.map(\.name)
  }
}
