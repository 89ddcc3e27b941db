import Cohort
import MPI

/// Patients of one data folder, each read once for every way to cut it.
final class PatientLibrary {
  let folder: String
  let lead: String?
  private var patients: [String: Result<Patient, any Error>] = [:]

  init(_ folder: String, lead: String?) {
    self.folder = folder
    self.lead = lead
  }

  /// Throws what reading and cutting throw; `noUsableBeats` for a patient without a beat that the experiment labels.
  func patient(_ name: String, _ experiment: Experiment) throws -> Patient {
    let key = "\(name) \(experiment.labelling.rawValue) \(experiment.window)"
    let result =
      patients[key]
      ?? Result {
        Watchdog.feed("reading record \(name)")
        return try Patient.load(
          record: "\(folder)/\(name)", window: experiment.window, lead: lead, labelling: experiment.labelling)
      }
    patients[key] = result
    return try result.get()
  }

  /// A source's examples by use; none of a patient who has none of the rhythms to tell apart. As a task of its own it must have
  /// something to train on.
  func parts(_ name: String, _ experiment: Experiment, seed: UInt64) throws -> Parts {
    do {
      let parts = experiment.parts(of: try patient(name, experiment), seed: seed)
      guard experiment.isPooled || parts.training.count > 0 else {
        throw Failure(
          .data, "record \(name) has no usable beat in its training part; leave it out of --records")
      }
      return parts
    } catch CohortError.noUsableBeats where experiment.labelling == .rhythms {
      return Parts(windowLength: experiment.window.length)
    }
  }

  /// A number over all that was read of these records.
  func fingerprint(_ names: [String], _ experiment: Experiment) throws -> UInt64 {
    try names.reduce(0) { sum, name in
      do {
        return sum &+ (try patient(name, experiment).fingerprint)
      } catch CohortError.noUsableBeats where experiment.labelling == .rhythms {
        return sum
      }
    }
  }
}
