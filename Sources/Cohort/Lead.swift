import WFDB

/// The choice of the signal to read.
enum Lead {
  /// The index of the signal to use: the one named `asked`, or else MLII, or else the first that looks like an ECG.
  ///
  /// - Throws: `CohortError.noSuchLead` if `asked` does not exist, `CohortError.noElectrocardiogram` if nothing was asked
  ///   for and nothing fits, `CohortError.sameNames` if what fits has the name of a signal before it.
  static func choose(_ asked: String?, from signals: [SignalSpecification], record: String) throws -> Int {
    let names = signals.map(\.name)
    if let asked {
      guard let index = names.firstIndex(of: asked) else {
        throw CohortError.noSuchLead(record: record, lead: asked, available: names)
      }
      return index
    }
    let choice = names.firstIndex(of: "MLII") ?? signals.firstIndex(where: looksLikeElectrocardiogram)
    guard let choice else { throw CohortError.noElectrocardiogram(record: record, available: names) }
    // Signals are read by name, the first of a name.
    guard names.firstIndex(of: names[choice]) == choice else {
      throw CohortError.sameNames(record: record, lead: names[choice])
    }
    return choice
  }

  /// Whether a signal is measured in volts and not called something else than an ECG.
  static func looksLikeElectrocardiogram(_ signal: SignalSpecification) -> Bool {
    let voltages = ["v", "mv", "uv", "µv", "μv", "nv"]
    // A header without units means mV, so the names have to tell as well.
    let others = [
      "resp", "abp", "art", "bp", "nbp", "pap", "cvp", "icp", "pleth", "ppg", "spo2", "sao2", "co2", "eeg",
      "eog", "emg",
      "gsr", "acc", "marker",
    ]
    let name = signal.name.lowercased()
    return voltages.contains(signal.units.lowercased()) && !others.contains(where: name.hasPrefix)
  }
}
