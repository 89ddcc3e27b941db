import Foundation

/// The ECG of a sequence of beats: the third equation of McSharry et al. 2003,
///
///     dz/dt = - sum_i a_i dtheta_i exp(-dtheta_i^2 / (2 b_i^2)) - (z - z0(t)),
///
/// integrated by the Runge-Kutta method of order 4 at 360 Hz.
///
/// On the limit cycle x^2 + y^2 = 1 the first two equations only say that theta runs through 2 pi from one R peak to the
/// next, with dtheta/dt = omega = 2 pi / RR. So the trajectory starts on the cycle and theta is written down rather
/// than integrated: dtheta_i = omega (t - t_i). The force is taken as a_i = height omega / b_i^2, the form of Sameni et
/// al. (EURASIP J Adv Signal Process 2007), and the width as b_i = omega width. Each term then is
/// -height (t - t_i) / width^2 exp(-(t - t_i)^2 / (2 width^2)): a premature beat keeps the height and duration of its
/// QRS, where the published form would shrink both with RR. Only P and T follow the rate (as its square root, after
/// Bazett, as the authors' program ECGSYN does).
struct DynamicalModel {
  let traits: PatientTraits
  let lead: Int

  /// The lead in mV, `count` samples at 360 Hz from time 0.
  func signal(of beats: [SimulatedBeat], count: Int, using stream: inout RandomStream) -> [Double] {
    // Runge-Kutta of order 4 looks at the ends and the middle of each step: everything on a grid of half steps.
    let step = 1 / SimulatedCohort.samplingFrequency
    var force = [Double](repeating: 0, count: 2 * count + 1)
    for (i, beat) in beats.enumerated() {
      let before = i > 0 ? beat.time - beats[i - 1].time : traits.meanRR
      let height = breathing(at: beat.time) * (1 + 0.03 * stream.normal())
      for wave in waves(of: beat.kind, intervalBefore: before) {
        add(wave, at: beat.time, scale: height, to: &force, step: step / 2)
      }
    }

    let resting = wander(count: force.count, step: step / 2)
    var z = resting[0]
    var samples = [Double](repeating: 0, count: count)
    for n in 0..<count {
      samples[n] = z
      let (start, middle, end) = (2 * n, 2 * n + 1, 2 * n + 2)
      let k1 = force[start] - (z - resting[start])
      let k2 = force[middle] - (z + step / 2 * k1 - resting[middle])
      let k3 = force[middle] - (z + step / 2 * k2 - resting[middle])
      let k4 = force[end] - (z + step * k3 - resting[end])
      z += step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    }
    return samples
  }

  /// Respiration turns the heart's axis: heights swing by 6 %.
  private func breathing(at time: Double) -> Double {
    1 + 0.06 * sin(2 * .pi * traits.respirationRate * time)
  }

  /// z0(t) = A sin(2 pi f t), f the respiratory rate (McSharry et al. 2003, equation 2; their A is 0.15 mV).
  private func wander(count: Int, step: Double) -> [Double] {
    (0..<count).map { k in
      traits.respirationWander * sin(2 * .pi * traits.respirationRate * step * Double(k))
    }
  }

  private func waves(of kind: SimulatedBeat.Kind, intervalBefore: Double) -> [Wave] {
    let sinus = traits.sinus[lead]
    var waves: [Wave]
    switch kind {
    case .sinus:
      waves = [sinus.p, sinus.q, sinus.r, sinus.s, sinus.t]
    case .fibrillating:
      waves = [sinus.q, sinus.r, sinus.s, sinus.t]
    case .atrial:
      let atrial = traits.atrial[lead]
      waves = [atrial.p, atrial.q, atrial.r, atrial.s, atrial.t]
    case .ventricular(let focus):
      let ventricular = traits.ventricular[focus][lead]
      waves = [ventricular.q, ventricular.r, ventricular.s, ventricular.t]
    case .fusion(let focus):
      // Both fronts of excitation, each with half of the heart.
      let ventricular = traits.ventricular[focus][lead]
      waves = [
        sinus.p, sinus.q, sinus.r, sinus.s, sinus.t, ventricular.q, ventricular.r, ventricular.s,
        ventricular.t,
      ]
      for i in 1..<waves.count { waves[i].height *= 0.5 }
    }
    // The published times hold at RR = 1 s. What lies beyond the QRS comes nearer at higher rates.
    let rate = min(max(intervalBefore, 0.4), 1.2).squareRoot()
    for i in waves.indices where abs(waves[i].time) > 0.12 {
      waves[i].time *= rate
      waves[i].width *= rate
    }
    return waves
  }

  /// Adds one event's force, where it is more than 1e-5 of its peak.
  private func add(_ wave: Wave, at time: Double, scale: Double, to force: inout [Double], step: Double) {
    let centre = time + wave.time
    let reach = 5.5 * wave.width
    let first = max(0, Int(((centre - reach) / step).rounded(.up)))
    let last = min(force.count - 1, Int(((centre + reach) / step).rounded(.down)))
    guard first <= last, wave.height != 0 else { return }
    let variance = wave.width * wave.width
    let factor = -scale * wave.height / variance
    for k in first...last {
      let distance = Double(k) * step - centre
      force[k] += factor * distance * exp(-distance * distance / (2 * variance))
    }
  }
}
