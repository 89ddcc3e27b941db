import ArgumentParser
import Cohort
import Foundation

struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write simulated patients as WFDB records with annotations.",
    discussion: """
      The dynamical model of McSharry et al. (2003), with ectopic beats, atrial fibrillation and noise of each patient's own.

      Example:
        heartwood simulate --patients 6 --output simulated && heartwood inspect simulated/sim001
      """)

  @Option(parsing: .unconditional, help: "How many patients.")
  var patients: Int

  @Option(parsing: .unconditional, help: "Minutes of each recording.")
  var minutes: Double = 30

  @Option(parsing: .unconditional, help: "Seed; patient k of a seed is the same however many there are.")
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Folder to write.", valueName: "dir"), completion: .directory)
  var output: String

  func validate() throws {
    guard patients >= 1 && patients <= 100_000 else {
      throw ValidationError("--patients \(patients): from 1 to 100000")
    }
    guard minutes >= 0.5 && minutes <= 1440 else {
      throw ValidationError("--minutes \(minutes): from 0.5 to 1440")
    }
  }

  func run() throws {
    guard Launcher.isFirstRank else { return }
    do {
      let cohort = try SimulatedCohort(patients: patients, minutes: minutes, seed: seed)
      try OutputFolder.make(output)
      for patient in 1...patients {
        _ = try cohort.write(patient: patient, to: output)
        if Launcher.isTerminal {
          renew("\(patient)/\(patients)")
          if patient == patients { say("") }
        }
      }
    } catch {
      throw Failure(error)
    }
    print("\(patients) simulated patients of \(decimals(minutes, 1)) minutes in \(output)")
  }
}
