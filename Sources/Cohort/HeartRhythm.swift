import Foundation
import WFDB

/// One simulated heartbeat.
struct SimulatedBeat: Sendable {
  enum Kind: Sendable, Equatable {
    case sinus
    case fibrillating
    case atrial
    case ventricular(focus: Int)
    case fusion(focus: Int)

    /// How it is annotated.
    var code: AnnotationCode {
      switch self {
      case .sinus, .fibrillating: .normal
      case .atrial: .atrialPremature
      case .ventricular: .prematureVentricularContraction
      case .fusion: .fusion
      }
    }
  }

  /// Its R peak, in seconds.
  var time: Double
  var kind: Kind
  /// The text of the rhythm annotation in force.
  var rhythm: String
}

/// When the heart beats, and from where.
struct HeartRhythm {
  let traits: PatientTraits
  let duration: Double

  /// The beats from just before the record to just after it.
  func beats(using stream: inout RandomStream) -> [SimulatedBeat] {
    let tachogram = Tachogram(traits: traits, using: &stream)
    let fibrillation = traits.hasFibrillation ? episodes(every: 600, share: 0.12...0.35, using: &stream) : []
    var runs =
      traits.hasTachycardia ? episodes(every: 300, share: 0...0, using: &stream).map(\.lowerBound) : []

    var beats: [SimulatedBeat] = []
    var time = -stream.uniform(in: 0.5...1.5)
    /// RR to the next beat where the last one has settled it: the pause after a premature beat.
    var pause: Double?
    func beat(after interval: Double, _ kind: SimulatedBeat.Kind, _ rhythm: String) {
      time += interval
      beats.append(SimulatedBeat(time: time, kind: kind, rhythm: rhythm))
    }

    while time < duration + 2 {
      if fibrillation.contains(where: { $0.contains(time) }) {
        let interval = max(0.32, traits.fibrillationRR * exp(0.22 * stream.normal()))
        if stream.uniform() < traits.ventricularRate {
          let (focus, coupling) = ventricularFocus(using: &stream)
          beat(after: max(0.34, coupling * traits.fibrillationRR), .ventricular(focus: focus), "(AFIB")
        } else {
          beat(after: interval, .fibrillating, "(AFIB")
        }
        pause = nil
        continue
      }

      let sinus = tachogram.interval(at: time)
      if let resting = pause {
        beat(after: resting, .sinus, "(N")
        pause = nil
        continue
      }
      if let start = runs.first, time >= start {
        runs.removeFirst()
        let (focus, coupling) = ventricularFocus(using: &stream)
        beat(after: coupling * sinus, .ventricular(focus: focus), "(VT")
        for _ in 0..<(3 + stream.index(below: 9)) {
          beat(after: traits.tachycardiaRR * (1 + 0.05 * stream.normal()), .ventricular(focus: focus), "(VT")
        }
        pause = sinus * 1.2
        continue
      }

      let chance = stream.uniform()
      if chance < traits.ventricularRate {
        // The sinus node is not reset: the next sinus beat comes where it would have come anyway.
        let (focus, coupling) = ventricularFocus(using: &stream)
        beat(after: coupling * sinus, .ventricular(focus: focus), "(N")
        pause = (2 - coupling) * sinus
      } else if chance < traits.ventricularRate + traits.atrialRate {
        // The sinus node is reset: a little more than one sinus interval, less than a full compensatory pause.
        let coupling = traits.atrialCoupling + 0.04 * stream.normal()
        beat(after: coupling * sinus, .atrial, "(N")
        pause = stream.uniform(in: 1.0...1.15) * sinus
      } else if chance < traits.ventricularRate + traits.atrialRate + traits.fusionRate {
        let (focus, _) = ventricularFocus(using: &stream)
        beat(after: stream.uniform(in: 0.9...0.97) * sinus, .fusion(focus: focus), "(N")
      } else {
        beat(after: sinus, .sinus, "(N")
      }
    }
    return beats
  }

  private func ventricularFocus(using stream: inout RandomStream) -> (focus: Int, coupling: Double) {
    let focus = stream.index(below: traits.ventricularCoupling.count)
    return (focus, traits.ventricularCoupling[focus] + 0.03 * stream.normal())
  }

  /// One episode in each stretch of `every` seconds (one in a shorter record), somewhere in it, its length a share of it.
  private func episodes(
    every: Double, share: ClosedRange<Double>, using stream: inout RandomStream
  ) -> [Range<Double>] {
    let count = max(1, Int((duration / every).rounded()))
    let stretch = duration / Double(count)
    return (0..<count).map { k in
      let length = stream.uniform(in: share) * stretch
      let start = Double(k) * stretch + stream.uniform(in: 0.05...0.95) * (stretch - length)
      return start..<(start + length)
    }
  }
}

/// Sinus RR intervals whose spectrum has two peaks: blood pressure at 0.1 Hz, respiration at its own rate, each a
/// Gaussian of 0.01 Hz standard deviation (McSharry et al. 2003, equation 5), here as a sum of sines of random phase;
/// and a slow drift beside them.
struct Tachogram {
  private struct Sine {
    var frequency: Double
    var phase: Double
    var height: Double
  }

  private var sines: [Sine] = []
  private let mean: Double

  init(traits: PatientTraits, using stream: inout RandomStream) {
    mean = traits.meanRR
    let power = traits.spreadRR * traits.spreadRR
    let low = power * traits.lowToHigh / (1 + traits.lowToHigh)
    add(power: low, centre: 0.1, spread: 0.01, using: &stream)
    add(power: power - low, centre: traits.respirationRate, spread: 0.01, using: &stream)
    add(power: power, centre: 0.006, spread: 0.003, using: &stream)
  }

  /// Sines of equal height at frequencies drawn from the Gaussian: their sum has that spectrum and `power`.
  private mutating func add(power: Double, centre: Double, spread: Double, using stream: inout RandomStream) {
    let count = 24
    for _ in 0..<count {
      sines.append(
        Sine(
          frequency: abs(centre + spread * stream.normal()), phase: stream.uniform(in: 0...(2 * .pi)),
          height: (2 * power / Double(count)).squareRoot()))
    }
  }

  /// The sinus interval that begins at `time`, both in seconds.
  func interval(at time: Double) -> Double {
    var interval = mean
    for sine in sines { interval += sine.height * sin(2 * .pi * sine.frequency * time + sine.phase) }
    return max(interval, 0.45)
  }
}
