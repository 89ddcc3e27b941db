import Foundation

/// One extremum of the simulated ECG: a Gaussian event on the limit cycle.
struct Wave: Sendable {
  /// Its centre, in seconds after the R peak.
  var time: Double
  /// Its standard deviation, in seconds.
  var width: Double
  /// Its height, in mV.
  var height: Double
}

/// The waves of a beat in one lead.
struct Morphology: Sendable {
  var p: Wave
  var q: Wave
  var r: Wave
  var s: Wave
  var t: Wave
}

/// What makes a simulated patient: constant over the record, drawn once from (seed, patient).
struct PatientTraits: Sendable {
  // Sinus rhythm.
  var meanRR: Double
  /// Standard deviation of RR by respiration and blood pressure, in seconds, and the ratio of their powers (LF / HF).
  var spreadRR: Double
  var lowToHigh: Double
  var respirationRate: Double

  // Arrhythmia.
  var ventricularRate: Double
  var atrialRate: Double
  var fusionRate: Double
  /// RR from the beat before a premature beat, as a share of the sinus RR: one a ventricular focus; atrial.
  var ventricularCoupling: [Double]
  var atrialCoupling: Double
  var hasTachycardia: Bool
  var tachycardiaRR: Double
  var hasFibrillation: Bool
  var fibrillationRR: Double

  // Shape, one a lead.
  var sinus: [Morphology]
  var atrial: [Morphology]
  /// [focus][lead]
  var ventricular: [[Morphology]]
  var fibrillatoryHeight: [Double]
  var fibrillatoryRate: Double

  // What covers the signal, in mV.
  var respirationWander: Double
  var slowWander: Double
  var whiteNoise: Double
  var muscleNoise: Double
  var mains: Double

  /// McSharry et al. 2003, table I: the angle of each event on the cycle and its width, in radians, and its force; P Q R S T.
  static let publishedAngles: [Double] = [-60, -15, 0, 15, 90].map { $0 * .pi / 180 }
  static let publishedWidths = [0.25, 0.1, 0.1, 0.1, 0.4]
  static let publishedForces = [1.2, -5, 30, -7.5, 0.75]

  /// The published waves at the published 60 beats a minute, where a radian is 1 / 2 pi seconds. An event of force a
  /// and width b raises z by a b^2 / (2 pi); the factor 25 turns the model's units into mV with an R of 1.2 mV.
  private static let published = (0..<5).map { i in
    let width = publishedWidths[i]
    return Wave(
      time: publishedAngles[i] / (2 * .pi), width: width / (2 * .pi),
      height: 25 * publishedForces[i] * width * width / (2 * .pi))
  }

  init(patient: Int, seed: UInt64) {
    var stream = RandomStream(seed: seed, SimulatedCohort.Purpose.traits.rawValue, UInt64(patient))
    meanRR = stream.uniform(in: 0.62...1.05)
    spreadRR = stream.uniform(in: 0.025...0.06)
    lowToHigh = stream.uniform(in: 0.4...2.5)
    respirationRate = stream.uniform(in: 0.2...0.32)

    ventricularRate = stream.uniform(in: 0.02...0.08)
    atrialRate = stream.uniform(in: 0.015...0.05)
    fusionRate = stream.uniform(in: 0.001...0.004)
    let foci = 1 + stream.index(below: 2)
    ventricularCoupling = (0..<foci).map { _ in stream.uniform(in: 0.52...0.72) }
    atrialCoupling = stream.uniform(in: 0.65...0.83)
    hasTachycardia = patient % 2 == 0
    tachycardiaRR = stream.uniform(in: 0.32...0.42)
    hasFibrillation = patient % 3 == 0
    fibrillationRR = stream.uniform(in: 0.55...0.8)

    let sinus = Self.sinusMorphology(using: &stream)
    self.sinus = sinus
    atrial = Self.atrialMorphology(sinus, using: &stream)
    ventricular = (0..<foci).map { _ in Self.ventricularMorphology(sinus, using: &stream) }
    fibrillatoryHeight = (0..<2).map { _ in stream.uniform(in: 0.03...0.09) }
    fibrillatoryRate = stream.uniform(in: 5...8)

    respirationWander = stream.uniform(in: 0.05...0.15)
    slowWander = stream.uniform(in: 0.05...0.25)
    whiteNoise = stream.uniform(in: 0.008...0.03)
    muscleNoise = stream.uniform(in: 0.04...0.16)
    mains = stream.uniform(in: 0...0.01)
  }

  /// Both leads: MLII around the published waves; V1 with the same timing, a small r and a deep S, as at that electrode.
  private static func sinusMorphology(using stream: inout RandomStream) -> [Morphology] {
    func around(_ value: Double, _ spread: Double) -> Double { value * exp(spread * stream.normal()) }
    let qrsWidth = stream.uniform(in: 0.55...1.25)
    let widths = (0..<5).map { i in
      around(published[i].width, 0.15) * ((1...3).contains(i) ? qrsWidth : 0.85)
    }
    var times = published.map(\.time)
    times[0] = around(times[0], 0.1)
    times[1] *= qrsWidth
    times[3] *= qrsWidth
    times[4] = around(times[4] * 1.05, 0.08)

    var heights = published.map(\.height)
    heights[0] = around(0.5 * heights[0], 0.35)
    heights[1] = around(heights[1], 0.5)
    heights[2] = around(heights[2], 0.25)
    heights[3] = around(heights[3], 0.6)
    // Flat in some patients, inverted in a few.
    heights[4] = 0.6 * heights[4] * (1 + 0.6 * stream.normal())
    let chest = [
      around(0.08, 0.4), 0, around(0.25, 0.5), -around(0.9, 0.3), 0.15 * stream.normal(),
    ]
    return [heights, chest].map { heights in
      let waves = (0..<5).map { Wave(time: times[$0], width: widths[$0], height: heights[$0]) }
      return Morphology(p: waves[0], q: waves[1], r: waves[2], s: waves[3], t: waves[4])
    }
  }

  /// From another place in the atria: another P, a shorter or longer way to the ventricles, the same QRS.
  private static func atrialMorphology(
    _ sinus: [Morphology], using stream: inout RandomStream
  ) -> [Morphology] {
    let shift = stream.uniform(in: -0.03...0.04)
    return sinus.map { morphology in
      var morphology = morphology
      morphology.p.time += shift
      morphology.p.height *= stream.uniform(in: -1.2...0.6)
      morphology.p.width *= stream.uniform(in: 0.6...1.1)
      return morphology
    }
  }

  /// From a focus in the ventricles: no P, a wide QRS of either sign, a T against it.
  private static func ventricularMorphology(
    _ sinus: [Morphology], using stream: inout RandomStream
  ) -> [Morphology] {
    let width = stream.uniform(in: 0.018...0.038)
    let notch = stream.uniform(in: 1.6...2.4)
    return sinus.map { morphology in
      let deflection = max(abs(morphology.r.height), abs(morphology.s.height))
      let sign = stream.uniform() < 0.65 ? 1.0 : -1.0
      let height = sign * deflection * stream.uniform(in: 0.7...1.6)
      return Morphology(
        p: Wave(time: morphology.p.time, width: morphology.p.width, height: 0),
        q: Wave(time: -notch * width, width: width, height: -height * stream.uniform(in: 0...0.25)),
        r: Wave(time: 0, width: width, height: height),
        s: Wave(time: notch * width, width: 1.2 * width, height: -height * stream.uniform(in: 0...0.5)),
        t: Wave(
          time: morphology.t.time + stream.uniform(in: 0.03...0.08), width: morphology.t.width * 1.2,
          height: -height * stream.uniform(in: 0.1...0.4)))
    }
  }
}
