import Foundation
import WFDB

/// One lead of a record of any length, read in passes of flat memory: a survey, which finds beats and what the z-score needs, then the
/// beats' windows. The windows are those that `Patient` cuts.
public struct Recording: Sendable {
  /// The record's name, such as "106".
  public let name: String
  /// The lead read, such as "MLII".
  public let lead: String
  /// The lead's physical unit, such as "mV".
  public let units: String
  /// Frames a second of the record, in Hz. All positions count frames.
  public let samplingFrequency: Double
  /// Length of the record in frames.
  public let sampleCount: Int

  private let files: RecordFiles
  private let signal: String
  private let preprocessing: Preprocessing
  private let window: WindowShape

  /// - Parameters:
  ///   - record: the record's path without extension, such as "mitdb/106".
  ///   - lead: the signal's name; nil takes MLII, or where there is none the first ECG lead.
  ///   - window: the piece of the lead to cut for a beat.
  /// - Throws: what `WFDB` throws for files that cannot be read, and `CohortError`, naming the record.
  public init(record: String, lead: String? = nil, window: WindowShape) throws {
    files = RecordFiles(record)
    let header = try Header.read(at: files.path)
    // A multi-segment record's signals are known only once its segments are read.
    let signals = header.segments == nil ? header.signals : try RecordReader(at: files.path).header.signals
    let chosen = signals[try Lead.choose(lead, from: signals, record: files.name)]
    let reader = try RecordReader(at: files.path, signals: [chosen.name])
    name = files.name
    signal = chosen.name
    self.lead = chosen.name
    units = chosen.units
    samplingFrequency = header.samplingFrequency
    sampleCount = reader.sampleCount
    self.window = window
    preprocessing = Preprocessing(rate: window.rate)
  }

  /// What one pass over the lead tells.
  public struct Survey: Sendable, Equatable {
    /// The beats found, in frames, ascending; none if they were not looked for.
    public var beats: [Int] = []
    /// Of the filtered lead, in physical units.
    public var mean = 0.0
    public var standardDeviation = 0.0
    /// Gaps of more than `Preprocessing.longestGap` seconds, in samples of the lead.
    public var longGaps: [Range<Int>] = []
  }

  /// Reads the lead once.
  ///
  /// - Parameters:
  ///   - detecting: whether `BeatDetector` looks for beats on the way.
  ///   - report: hears how many frames have been read.
  /// - Throws: `WFDBError` for files that cannot be read or are damaged, `CohortError` for a lead that cannot be used.
  public func survey(detecting: Bool, _ report: (_ frames: Int) -> Void = { _ in }) throws -> Survey {
    try naming {
      let blocks = try blocks()
      var survey = Survey()
      var detector = detecting ? try BeatDetector(samplingFrequency: blocks.samplingFrequency) : nil
      let perFrame = blocks.samplesPerFrame
      var lead = try StreamedLead(blocks, preprocessing)
      var moments = Moments()
      var level: (lowest: Int32, highest: Int32)?
      var read = 0
      while let filtered = try lead.next({ block in
        if let found = detector?.add(block) { survey.beats += found.map { $0 / perFrame } }
        for sample in block where sample != Signal.invalid {
          level = (min(level?.lowest ?? sample, sample), max(level?.highest ?? sample, sample))
        }
        read += block.count
        report(read / perFrame)
      }) {
        moments.add(filtered)
      }
      survey.beats += (detector?.finish() ?? []).map { $0 / perFrame }
      // A constant lead leaves rounding behind, which is no signal.
      guard let level, blocks.physical(level.lowest) != blocks.physical(level.highest),
        moments.variance.isFinite, moments.variance > 0
      else {
        throw SignalError.constant
      }
      survey.mean = moments.mean
      survey.standardDeviation = moments.variance.squareRoot()
      survey.longGaps = lead.longGaps
      return survey
    }
  }

  /// The beats of an annotation file, in frames, ascending, whatever their labels; those outside the record are left out.
  ///
  /// - Parameter annotator: the file's extension.
  /// - Throws: `WFDBError`, and `CohortError` if there is no such file or no beat in it.
  public func annotatedBeats(_ annotator: String) throws -> [Int] {
    let annotations = try files.annotations(annotator, samplingFrequency: samplingFrequency)
    let beats = Beat.beats(in: annotations).map(\.sample).filter { (0..<sampleCount).contains($0) }
    guard !beats.isEmpty else { throw CohortError.noBeats(record: name, annotations: annotations.count) }
    return beats
  }

  /// The windows of beats, in a pass of their own.
  ///
  /// - Parameters:
  ///   - beats: all beats of the record, in frames, ascending: RR features tell of a beat among them.
  ///   - chosen: the numbers of those whose windows are wanted, ascending; nil for all.
  ///   - survey: of this recording.
  public func windows(of beats: [Int], only chosen: [Int]? = nil, _ survey: Survey) throws -> BeatWindows {
    try naming {
      let blocks = try blocks()
      let resampler = try Resampler(from: blocks.samplingFrequency, to: window.rate)
      let perFrame = blocks.samplesPerFrame
      let plan = WindowPlan(
        window, samplingFrequency: samplingFrequency, samplesPerFrame: perFrame,
        count: resampler.count(of: sampleCount * perFrame), longGaps: survey.longGaps)
      return BeatWindows(
        of: self, beats: beats, chosen: chosen ?? Array(beats.indices),
        lead: try StreamedLead(blocks, preprocessing), survey, plan, resampler,
        rr: RRFeatures.features(beats: beats, samplingFrequency: samplingFrequency),
        windowLength: window.length)
    }
  }

  /// At most so many of the numbers 0 to `count` - 1, evenly spread: the beats that stand for a whole record.
  public static func evenlySpread(_ limit: Int, of count: Int) -> [Int] {
    guard count > limit else { return Array(0..<count) }
    return (0..<limit).map { (2 * $0 + 1) * count / (2 * limit) }
  }

  /// The lead as recorded, in physical units, NaN where invalid: the samples of the frames that exist among these. Throws `WFDBError`.
  public func trace(_ frames: Range<Int>) throws -> (rate: Double, samples: [Float]) {
    var reader = try RecordReader(at: files.path, signals: [signal])
    let blocks = LeadBlocks(reader)
    let samples = try reader.read(frames.clamped(to: 0..<sampleCount))[0]
    return (blocks.samplingFrequency, samples.map(blocks.physical))
  }

  private func blocks() throws -> LeadBlocks {
    LeadBlocks(try RecordReader(at: files.path, signals: [signal]))
  }

  /// Says of which record and lead an error of the signal is.
  func naming<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as SignalError {
      throw CohortError.signal(record: name, lead: lead, error)
    }
  }
}
