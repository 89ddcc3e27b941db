import Foundation

/// What lies over a simulated lead: slow drift of the baseline, electrode jerks, muscle, mains, the recorder's own noise,
/// and in atrial fibrillation the fibrillatory waves.
struct Noise {
  let traits: PatientTraits
  let lead: Int

  private let rate = SimulatedCohort.samplingFrequency

  /// Adds all of it, in mV.
  func add(to samples: inout [Double], beats: [SimulatedBeat], using stream: inout RandomStream) {
    addDrift(to: &samples, using: &stream)
    addFibrillation(to: &samples, beats: beats, using: &stream)
    let minutes = Double(samples.count) / rate / 60
    for _ in 0..<Int((1.5 * minutes).rounded(.up)) { addMuscle(to: &samples, using: &stream) }
    for _ in 0..<Int((0.5 * minutes).rounded(.up)) { addJerk(to: &samples, using: &stream) }

    let phase = stream.uniform(in: 0...(2 * .pi))
    // 60 Hz at 360 Hz: six samples a period.
    let mains = (0..<6).map { traits.mains * sin(2 * .pi * Double($0) / 6 + phase) }
    for n in samples.indices { samples[n] += traits.whiteNoise * stream.normal() + mains[n % 6] }
  }

  /// Sines of 0.02 to 0.3 Hz, the slower the higher.
  private func addDrift(to samples: inout [Double], using stream: inout RandomStream) {
    for _ in 0..<6 {
      let frequency = 0.02 * exp(stream.uniform(in: 0...2.7))
      let phase = stream.uniform(in: 0...(2 * .pi))
      let height = traits.slowWander * stream.uniform(in: 0.2...0.6) * (0.02 / frequency).squareRoot()
      for n in samples.indices { samples[n] += height * sin(2 * .pi * frequency / rate * Double(n) + phase) }
    }
  }

  /// Waves of the fibrillating atria, from the first fibrillating beat to the last, at a rate that wanders.
  private func addFibrillation(
    to samples: inout [Double], beats: [SimulatedBeat], using stream: inout RandomStream
  ) {
    var phase = 0.0
    var frequency = traits.fibrillatoryRate
    for (beat, next) in zip(beats, beats.dropFirst()) where beat.rhythm == "(AFIB" {
      frequency += 0.3 * (traits.fibrillatoryRate - frequency) + 0.4 * stream.normal()
      let first = max(0, Int(beat.time * rate))
      let last = min(samples.count, Int(next.time * rate))
      guard first < last else { continue }
      for n in first..<last {
        phase += 2 * .pi * frequency / rate
        // The second harmonic gives the waves their saw tooth.
        samples[n] += traits.fibrillatoryHeight[lead] * (sin(phase) + 0.4 * sin(2 * phase))
      }
    }
  }

  /// A burst of 1 to 8 s: white noise under a smooth envelope.
  private func addMuscle(to samples: inout [Double], using stream: inout RandomStream) {
    let length = Int(stream.uniform(in: 1...8) * rate)
    let height = traits.muscleNoise * stream.uniform(in: 0.3...1.3)
    let start = stream.index(below: samples.count)
    for n in start..<min(samples.count, start + length) {
      let envelope = sin(.pi * Double(n - start) / Double(length))
      samples[n] += height * envelope * stream.normal()
    }
  }

  /// An electrode moves: the baseline jumps and comes back.
  private func addJerk(to samples: inout [Double], using stream: inout RandomStream) {
    let height = stream.uniform(in: 0.2...0.7) * (stream.uniform() < 0.5 ? -1 : 1)
    let fall = stream.uniform(in: 0.1...0.4)
    let start = stream.index(below: samples.count)
    for n in start..<min(samples.count, start + Int(6 * fall * rate)) {
      samples[n] += height * exp(-Double(n - start) / rate / fall)
    }
  }
}
