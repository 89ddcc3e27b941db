import Foundation
import WFDB

/// Simulated patients, written as WFDB records with beat and rhythm annotations: the data where there is no database.
///
/// The ECG is that of the dynamical model of McSharry, Clifford, Tarassenko and Smith, *A dynamical model for generating
/// synthetic electrocardiogram signals*, IEEE Trans Biomed Eng 50 (2003), with what a trainer needs beside it: patients
/// who differ, ectopic beats, episodes of arrhythmia, and noise. Every patient has ventricular and atrial premature
/// beats (4 to 13 in a hundred); patients with an even number have runs of ventricular tachycardia, those whose number
/// is a multiple of three have episodes of atrial fibrillation, so any six in a row hold both.
///
/// Patient k of a seed is the same record, byte for byte, however many patients there are, and on whatever rank it is
/// written (the last digits rest on the C library's `exp`, `log` and `sin`).
public struct SimulatedCohort: Sendable {
  /// Hz, of signals and annotations.
  public static let samplingFrequency = 360.0
  /// The two leads, in the record's order.
  public static let leads = ["MLII", "V1"]

  public let patients: Int
  public let minutes: Double
  public let seed: UInt64

  /// - Throws: `CohortError.cannotSimulate` unless `patients` is at least 1 and `minutes` from 0.2 to 1440.
  public init(patients: Int, minutes: Double = 30, seed: UInt64) throws {
    guard patients >= 1 else {
      throw CohortError.cannotSimulate("\(patients) patients; at least 1 is needed")
    }
    guard minutes >= 0.2, minutes <= 1440 else {
      throw CohortError.cannotSimulate("\(minutes) minutes a patient; it must be from 0.2 to 1440")
    }
    self.patients = patients
    self.minutes = minutes
    self.seed = seed
  }

  /// The records' names, in order of the patients' numbers.
  public var names: [String] { (1...patients).map(Self.name) }

  /// The name of a patient's record: "sim001" for number 1.
  public static func name(of patient: Int) -> String {
    let digits = String(patient)
    return "sim" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits
  }

  /// Writes all patients; the folder is made if it does not exist.
  ///
  /// - Returns: the records' names.
  /// - Throws: as `write(patient:to:)`.
  public func write(to folder: String) throws -> [String] {
    try (1...patients).map { try write(patient: $0, to: folder) }
  }

  /// Writes one patient, numbered from 1: NAME.hea, NAME.dat (format 212) and NAME.atr.
  ///
  /// - Returns: the record's name.
  /// - Throws: `CohortError.cannotWrite` if the folder cannot be made, `WFDBError` if a file cannot be written,
  ///   `CohortError.cannotSimulate` for a number that the cohort does not have.
  @discardableResult
  public func write(patient: Int, to folder: String) throws -> String {
    guard (1...patients).contains(patient) else {
      throw CohortError.cannotSimulate("patient \(patient) of a cohort of \(patients)")
    }
    try Self.makeFolder(at: folder)
    let name = Self.name(of: patient)
    let (signals, annotations) = simulate(patient: patient)
    let specifications = Self.leads.map { lead in
      SignalSpecification(
        fileName: name + ".dat", format: .format212, gain: Quantiser.gain, baseline: Quantiser.baseline,
        adcResolution: Quantiser.bits, adcZero: Quantiser.baseline, name: lead)
    }
    let header = Header(
      name: name, samplingFrequency: Self.samplingFrequency, sampleCount: signals[0].count,
      signals: specifications,
      comments: [
        "simulated: no person's recording",
        "dynamical model of McSharry, Clifford, Tarassenko and Smith 2003, with ectopic beats, arrhythmia and noise",
        "patient \(patient) of seed \(seed), \(minutes) minutes",
      ])
    let record = Record(
      header: header, signals: zip(specifications, signals).map { Signal(specification: $0, digital: $1) })
    try record.write(to: folder)
    try AnnotationFile(annotations).write(to: folder + "/" + name + ".atr")
    return name
  }

  /// Makes a folder and those above it, where they do not exist.
  private static func makeFolder(at path: String) throws {
    if mkdir(path, 0o777) == 0 { return }
    let code = errno
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { return }
    let parent = (path as NSString).deletingLastPathComponent
    guard code == ENOENT, !parent.isEmpty, parent != path else {
      throw CohortError.cannotWrite(path: path, reason: String(cString: strerror(code)))
    }
    try makeFolder(at: parent)
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw CohortError.cannotWrite(path: path, reason: String(cString: strerror(errno)))
    }
  }

  /// The stored samples of both leads, and the annotations.
  private func simulate(patient: Int) -> (signals: [[Int32]], annotations: [Annotation]) {
    let traits = PatientTraits(patient: patient, seed: seed)
    let duration = minutes * 60
    let count = Int((duration * Self.samplingFrequency).rounded())
    var stream = RandomStream(seed: seed, Purpose.rhythm.rawValue, UInt64(patient))
    let beats = HeartRhythm(traits: traits, duration: duration).beats(using: &stream)
    let signals = Self.leads.indices.map { lead in
      var stream = RandomStream(seed: seed, Purpose.signal.rawValue, UInt64(patient), UInt64(lead))
      var samples = DynamicalModel(traits: traits, lead: lead).signal(of: beats, count: count, using: &stream)
      Noise(traits: traits, lead: lead).add(to: &samples, beats: beats, using: &stream)
      return samples.map(Quantiser.stored)
    }
    return (signals, Self.annotations(of: beats, count: count))
  }

  /// Which draws a stream of random numbers is for; the words are ASCII.
  enum Purpose: UInt64 {
    case traits = 0x7472_6169
    case rhythm = 0x7268_7974
    case signal = 0x7369_676e
  }

  /// The converter of the MIT-BIH recordings: 11 bits, 200 steps a mV, 0 mV at 1024.
  private enum Quantiser {
    static let bits = 11
    static let gain = 200.0
    static let baseline = 1024

    static func stored(_ millivolts: Double) -> Int32 {
      Int32(min(max((millivolts * gain).rounded() + Double(baseline), 0), 2047))
    }
  }

  /// A beat annotation on every R peak inside the record, and before the first beat of each rhythm its "+".
  private static func annotations(of beats: [SimulatedBeat], count: Int) -> [Annotation] {
    var annotations: [Annotation] = []
    var rhythm = ""
    var last = 0
    for beat in beats {
      let sample = Int((beat.time * samplingFrequency).rounded())
      guard (0..<count).contains(sample) else { continue }
      if beat.rhythm != rhythm {
        rhythm = beat.rhythm
        // At most 0.1 s ahead of its first beat, and after the beat before.
        let place = max(sample - 36, (last + sample) / 2)
        annotations.append(
          Annotation(sample: place, code: .rhythmChange, auxiliary: rhythm))
      }
      annotations.append(Annotation(sample: sample, code: beat.kind.code))
      last = sample
    }
    return annotations
  }
}
