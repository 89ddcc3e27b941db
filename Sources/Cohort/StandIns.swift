import Foundation

/// Beats that stand in for a class which a short recording lacks: of simulated patients, so that telling it apart can be learned without
/// anybody's recording, or those of other patients that are `suitable`.
///
/// Of abnormal beats only ventricular ones are taken. A simulated atrial premature beat differs from a normal one by its P wave and its
/// time alone, and teaches that a patient's ordinary beat is abnormal: with both kinds the balanced accuracy of a CNN adapted on one
/// minute was 0.937, with ventricular beats 0.954 (records 116 208 209 215 220 223, each adapted to from the other five, four seeds).
public enum StandIns {
  private static let patients = 20
  private static let minutes = 5.0
  private static let seed: UInt64 = 1
  /// Beats of a class that each patient gives at most.
  private static let share = 10

  /// Simulated ones of each class of the labelling, cut as a recording's are: the first beats of each patient.
  ///
  /// The patients are written to a temporary folder and read back, since a recording comes by that way too.
  /// - Throws: as writing and reading a record.
  public static func beats(window: WindowShape, labelling: Labelling) throws -> Examples {
    let folder = NSTemporaryDirectory() + "heartwood-standins-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cohort = try SimulatedCohort(patients: patients, minutes: minutes, seed: seed)
    var all = Examples(windowLength: window.length)
    for number in 1...patients {
      let name = try cohort.write(patient: number, to: folder)
      let own = try Patient.load(record: "\(folder)/\(name)", window: window, labelling: labelling).examples
      let suitable = suitable(own)
      for label in labelling.classNames.indices {
        let members = suitable.labels.indices.filter { suitable.labels[$0] == Int32(label) }
        all.append(contentsOf: suitable[Array(members.prefix(share))])
      }
    }
    return all
  }

  /// The normal (class 0) and the ventricular beats among `examples`.
  public static func suitable(_ examples: Examples) -> Examples {
    examples[
      examples.labels.indices.filter {
        examples.labels[$0] == 0 || AAMIClass(symbol: examples.symbols[$0]) == .ventricular
      }]
  }
}
