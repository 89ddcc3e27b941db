import Foundation
import WFDB

/// One patient: the labelled heartbeats of one lead of one record, and what was met on the way to them.
public struct Patient: Sendable {
  /// The record's name, such as "106".
  public let name: String
  /// The lead read, such as "MLII".
  public let lead: String
  /// Frames a second of the record, in Hz; `Examples.positions` counts frames.
  public let samplingFrequency: Double
  /// Length of the record in frames.
  public let sampleCount: Int
  public let window: WindowShape
  public let labelling: Labelling
  public let statistics: Statistics
  /// A hash of the record's name, the lead's stored samples, the annotations, and all settings that shape `examples`.
  public let fingerprint: UInt64
  public let examples: Examples

  /// Counts of what the record holds and what was left out.
  public struct Statistics: Sendable, Equatable {
    /// Samples of the lead marked invalid (and filled by lines).
    public var invalidSamples = 0
    /// Annotated beats, before anything is left out.
    public var beats = 0
    /// Annotated beats by symbol, by AAMI class and by rhythm in force.
    public var symbols: [String: Int] = [:]
    public var classes: [AAMIClass: Int] = [:]
    public var rhythms: [String: Int] = [:]
    /// Beats left out because the labelling gives them no class.
    public var unlabelled = 0
    /// Beats left out because their window would leave the record (or the annotation stands outside it).
    public var outsideRecord = 0
    /// Beats left out because their window touches a gap of more than `Preprocessing.longestGap` seconds.
    public var touchingGaps = 0
  }

  /// Reads a record, preprocesses one lead and cuts its labelled beats.
  ///
  /// RR features are taken from all annotated beats, those left out included.
  ///
  /// - Parameters:
  ///   - record: the record's path without extension, such as "mitdb/106".
  ///   - window: the piece of the lead to cut for a beat.
  ///   - lead: the signal's name; nil takes MLII, or where there is none the first ECG lead.
  ///   - labelling: which beats are of which class.
  ///   - annotator: the extension of the annotation file.
  ///   - end: only annotations before this second are looked at, as if no others were there; the lead is read whole.
  /// - Throws: what `WFDB` throws for files that cannot be read, and `CohortError`, naming the record.
  public static func load(
    record: String, window: WindowShape = .beat, lead: String? = nil, labelling: Labelling,
    annotator: String = "atr", annotatedTo end: Double = .infinity
  ) throws -> Patient {
    let files = RecordFiles(record)
    let (record, name) = (files.path, files.name)
    let (header, signal) = try read(lead: lead, of: record, name: name)
    let annotations = try files.annotations(annotator, samplingFrequency: header.samplingFrequency)
      .filter { Double($0.sample) < end * header.samplingFrequency }
    let beats = Beat.beats(in: annotations)
    guard !beats.isEmpty else { throw CohortError.noBeats(record: name, annotations: annotations.count) }

    let preprocessing = Preprocessing(rate: window.rate)
    let processed = try preprocessing.process(signal, of: header, record: name)
    // Annotations count frames; a signal may have several samples a frame.
    let samplesPerFrame = signal.specification.samplesPerFrame
    let sampleCount = signal.digital.count / samplesPerFrame
    var statistics = Statistics(beats: beats)
    statistics.invalidSamples = signal.digital.count { $0 == Signal.invalid }
    let examples = cut(
      beats, from: processed.samples,
      WindowPlan(
        window, samplingFrequency: header.samplingFrequency, samplesPerFrame: samplesPerFrame,
        count: processed.samples.count, longGaps: processed.longGaps),
      sampleCount: sampleCount, samplingFrequency: header.samplingFrequency, window: window,
      labelling: labelling, statistics: &statistics)
    guard examples.count > 0 else { throw CohortError.noUsableBeats(record: name, beats: beats.count) }

    return Patient(
      name: name, lead: signal.name, samplingFrequency: header.samplingFrequency, sampleCount: sampleCount,
      window: window, labelling: labelling, statistics: statistics,
      fingerprint: fingerprint(
        of: name, header: header, signal: signal, annotations: annotations, preprocessing: preprocessing,
        window: window, labelling: labelling),
      examples: examples)
  }

  /// A lead as beats are cut from it, for drawing: its name and its samples at `rate` Hz, from the record's start. Throws as `load`.
  public static func trace(record: String, lead: String? = nil, rate: Double) throws -> (
    lead: String, samples: [Float]
  ) {
    let files = RecordFiles(record)
    let (record, name) = (files.path, files.name)
    let (header, signal) = try read(lead: lead, of: record, name: name)
    let samples = try Preprocessing(rate: rate).process(signal, of: header, record: name).samples
    return (signal.name, samples)
  }

  /// The header and the chosen lead's samples.
  private static func read(lead: String?, of record: String, name: String) throws -> (Header, Signal) {
    let header = try Header.read(at: record)
    guard header.segments == nil else {
      // A multi-segment record's signals are known only once its segments are read and joined.
      let file = try Record.read(at: record)
      return (file.header, file.signals[try Lead.choose(lead, from: file.header.signals, record: name)])
    }
    let index = try Lead.choose(lead, from: header.signals, record: name)
    return (header, try Record.read(at: record, signals: [header.signals[index].name]).signals[0])
  }

  private static func cut(
    _ beats: [Beat], from samples: [Float], _ plan: WindowPlan, sampleCount: Int, samplingFrequency: Double,
    window: WindowShape, labelling: Labelling, statistics: inout Statistics
  ) -> Examples {
    let inside = beats.filter { (0..<sampleCount).contains($0.sample) }
    statistics.outsideRecord = beats.count - inside.count
    let rr = RRFeatures.features(beats: inside.map(\.sample), samplingFrequency: samplingFrequency)

    var examples = Examples(windowLength: window.length)
    examples.windows.reserveCapacity(inside.count * window.length)
    for (i, beat) in inside.enumerated() {
      guard let label = labelling.label(of: beat) else {
        statistics.unlabelled += 1
        continue
      }
      let range: Range<Int>
      switch plan.place(of: beat.sample) {
      case .inside(let place): range = place
      case .outsideRecord:
        statistics.outsideRecord += 1
        continue
      case .touchingGap:
        statistics.touchingGaps += 1
        continue
      }
      examples.windows.append(contentsOf: samples[range])
      examples.rr.append(contentsOf: rr[(i * RRFeatures.count)..<((i + 1) * RRFeatures.count)])
      examples.labels.append(label)
      examples.positions.append(beat.sample)
      examples.symbols.append(beat.symbol)
      examples.rhythms.append(beat.rhythm)
    }
    return examples
  }

  private static func fingerprint(
    of name: String, header: Header, signal: Signal, annotations: [Annotation], preprocessing: Preprocessing,
    window: WindowShape, labelling: Labelling
  ) -> UInt64 {
    var hash = Fingerprint()
    hash.add(name)
    hash.add(header.samplingFrequency)
    hash.add(signal.specification.name)
    hash.add(signal.specification.gain)
    hash.add(signal.specification.baseline)
    hash.add(signal.digital)
    hash.add(annotations.count)
    for annotation in annotations {
      hash.add(annotation.sample)
      hash.add(annotation.code.symbol)
      hash.add(annotation.auxiliary)
    }
    for setting in [preprocessing.low, preprocessing.high, preprocessing.rate, window.before] {
      hash.add(setting)
    }
    hash.add(window.length)
    hash.add(String(describing: labelling))
    return hash.value
  }
}

extension Preprocessing {
  /// Throws `CohortError` naming the record.
  fileprivate func process(_ signal: Signal, of header: Header, record: String) throws -> (
    samples: [Float], longGaps: [Range<Int>]
  ) {
    do {
      return try process(
        signal.physical(),
        samplingFrequency: header.samplingFrequency * Double(signal.specification.samplesPerFrame))
    } catch let error as SignalError {
      throw CohortError.signal(record: record, lead: signal.name, error)
    }
  }
}

extension Patient.Statistics {
  /// The counts of all beats, nothing left out yet.
  init(beats: [Beat]) {
    self.beats = beats.count
    for beat in beats {
      symbols[beat.symbol, default: 0] += 1
      classes[beat.aamiClass, default: 0] += 1
      rhythms[beat.rhythm, default: 0] += 1
    }
  }
}
