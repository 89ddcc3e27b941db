import WFDB

/// Finds heartbeats in one lead while its samples come in. How they are cut into blocks does not change what is found.
///
/// The detector of P. S. Hamilton, *Open source ECG analysis*, Computers in Cardiology 29:101-104, 2002: peaks of `QRSEnergy`, at most
/// one within 200 ms, are candidates (`PeakFinder`), and a few rules tell which of them are beats (`BeatJudge`). What differs:
/// - windows are told in seconds, for any sampling rate;
/// - levels of beats and noise are medians of the last eight, not means, as P. S. Hamilton and W. J. Tompkins found better
///   (*Quantitative investigation of QRS detection rules using the MIT/BIH arrhythmia database*, IEEE Trans. Biomed. Eng. 33(12):1157-1165,
///   1986): one artefact does not hide the beats after it;
/// - candidates of the first eight seconds, which teach the threshold, are judged too, afterwards; of their heights the higher half counts,
///   for slow rhythms;
/// - candidates after a beat that was found late remain candidates;
/// - gaps are closed: behind invalid samples the lead goes on at the level where it stopped, and stretches in which it does not move
///   teach nothing;
/// - there is no least amplitude, as units are not known, and a lower peak within 200 ms after a higher one is none either;
/// - slopes are looked at within 100 ms of the peak, in whatever order they come;
/// - a beat is placed on the main peak of its QRS complex, as annotators place it (`RecentLead`).
///
/// The threshold's factor and the times are those of Hamilton's program; only `RecentLead` has numbers chosen on records, which it names.
/// The rule about lower peaks and the medians were kept after a look at the same 22 records, the only ones that the detector was tried on.
public struct BeatDetector: Sendable {
  private let timing: Timing
  private var energy: QRSEnergy?
  private var peaks: PeakFinder
  private var judge: BeatJudge
  private var recent: RecentLead
  /// Samples seen.
  private var count = 0
  /// The last sample, gaps closed.
  private var last = 0
  /// What closes all gaps so far.
  private var shift = 0
  private var isInGap = false

  /// - Parameter samplingFrequency: of the samples to come, in Hz.
  /// - Throws: `SignalError.unusableSamplingFrequency` below 50 Hz, where QRS complexes are not seen, or above 100 kHz.
  public init(samplingFrequency: Double) throws {
    guard samplingFrequency >= 50, samplingFrequency <= 100_000 else {
      throw SignalError.unusableSamplingFrequency(samplingFrequency)
    }
    timing = Timing(samplingFrequency: samplingFrequency)
    peaks = PeakFinder(timing)
    judge = BeatJudge(timing)
    recent = RecentLead(timing)
  }

  /// Takes in the next samples, as stored (in any unit, `Signal.invalid` where there is none).
  ///
  /// - Returns: the beats that have become certain, in order of time, each as the number of a sample from the first of all.
  public mutating func add(_ samples: some Sequence<Int32>) -> [Int] {
    for sample in samples { take(sample) }
    return judge.takeBeats()
  }

  /// The beats that waited for what does not come any more, in order of time.
  public mutating func finish() -> [Int] {
    if let peak = peaks.finish() { consider(peak) }
    judge.finish(at: count)
    return judge.takeBeats()
  }

  private mutating func take(_ sample: Int32) {
    defer { count += 1 }
    if sample == Signal.invalid {
      isInGap = true
    } else {
      if energy == nil {
        energy = QRSEnergy(timing, level: Int(sample))
      } else if isInGap {
        shift = last &- Int(sample)
      }
      isInGap = false
      last = Int(sample) &+ shift
    }
    guard energy != nil else { return }
    recent.append(last, at: count)
    if let peak = peaks.next(energy!.next(last), at: count) { consider(peak) }
    judge.advance(to: count)
  }

  private mutating func consider(_ peak: PeakFinder.Peak) {
    guard let energy else { return }
    judge.judge(recent.candidate(peak, centre: peak.place - energy.delay))
  }
}

/// Times in samples.
struct Timing: Sendable {
  let samplingFrequency: Double

  /// At least one.
  func samples(_ seconds: Double) -> Int { max(1, Int((seconds * samplingFrequency).rounded())) }
}
