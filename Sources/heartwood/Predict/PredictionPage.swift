import Cohort
import Report

/// `RECORD.html` of a prediction: where in the record which beats lie, and the most certain of them up close. Every number on it is in the
/// CSV file.
struct PredictionPage {
  private let prediction: Prediction
  private let origin: String
  private let answer: String

  init(_ prediction: Prediction, origin: String, protocol answer: String) {
    self.prediction = prediction
    self.origin = origin
    self.answer = answer
  }

  private var recording: Recording { prediction.recording }

  /// Reads the stretches of the record that it shows. Throws `WFDBError`.
  var html: String {
    get throws {
      var page = HTMLPage(
        title: "Heartwood: the beats of record \(recording.name)",
        lead:
          "\(prediction.judged) of \(prediction.beats.count) beats in lead \(recording.lead), found by \(origin), each judged by a model (\(answer)). No one has checked these verdicts."
      )
      page.add("Figures", [.table(prediction.table(origin: origin))])
      page.add("The whole record", [.charts([tachogram, shares]), .caption(overviewCaption)])
      let strips = try strips
      if !strips.isEmpty {
        page.add(
          "The most certain beats",
          [.charts(strips), .caption("As recorded, not filtered. Marks are above the beats.")])
      }
      return page.html
    }
  }

  // MARK: The whole record

  private var inHours: Bool { Double(prediction.frames) / recording.samplingFrequency > 3 * 3600 }
  private var timeUnit: String { inHours ? "h" : "min" }
  private func time(_ seconds: Double) -> Double { seconds / (inHours ? 3600 : 60) }

  private static let longestInterval = 3.0

  private var overviewCaption: String {
    "Intervals of more than \(decimals(Self.longestInterval, 0)) s, as in gaps, are left out. Of many beats those of the shortest and of the longest intervals are drawn."
  }

  private var tachogram: PointChart {
    let series = kinds.indices.map { kind in
      PointChart.Series(
        kinds[kind],
        prediction.beats.indices.compactMap { beat in
          guard self.kind(beat) == kind, let interval = prediction.interval(beat),
            interval <= Self.longestInterval
          else { return nil }
          return LineChart.Point(time(prediction.seconds(beat)), interval)
        })
    }
    return PointChart("Interval before each beat", x: timeUnit, y: "RR interval, s", series)
  }

  /// Of each class that asks for attention, the fraction of the beats, stretch by stretch.
  private var shares: LineChart {
    let duration = Double(prediction.frames) / recording.samplingFrequency
    // A point for every minute, of long records for every hundredth.
    let stretch = max(60, duration / 100)
    var counts = [[Int]](
      repeating: [Int](repeating: 0, count: prediction.classes.count), count: Int(duration / stretch) + 1)
    for beat in prediction.beats.indices {
      if let verdict = prediction.verdict(beat) {
        counts[Int(prediction.seconds(beat) / stretch)][verdict] += 1
      }
    }
    let shown = remarkable
    let series = shown.map { verdict in
      LineChart.Series(
        prediction.classes[verdict],
        counts.enumerated().compactMap { number, counts in
          let all = counts.reduce(0, +)
          guard all > 0 else { return nil }
          return LineChart.Point(
            time(min((Double(number) + 0.5) * stretch, duration)), Double(counts[verdict]) / Double(all))
        })
    }
    return LineChart(
      "Share of beats in \(decimals(stretch / 60, stretch < 600 ? 1 : 0)) min", x: timeUnit,
      y: "fraction of the beats", series)
  }

  /// The classes that ask for attention.
  private var remarkable: [Int] { prediction.classes.indices.filter { $0 != prediction.ordinary } }

  // MARK: Strips

  private static let stripLimit = 6
  private static let stripSeconds = 10.0

  private var kinds: [String] {
    prediction.classes + (prediction.judged < prediction.beats.count ? ["not judged"] : [])
  }
  private func kind(_ beat: Int) -> Int { prediction.verdict(beat) ?? prediction.classes.count }

  private var strips: [SignalStrip] {
    get throws {
      let classes = remarkable
      let chosen = classes.flatMap { mostCertain($0, Self.stripLimit / classes.count) }
      return try chosen.sorted().map(strip)
    }
  }

  /// Beats judged to be of a class, the most certain first, none within a strip of another.
  private func mostCertain(_ verdict: Int, _ count: Int) -> [Int] {
    let found = prediction.beats.indices.filter { prediction.verdict($0) == verdict }.sorted {
      (-prediction.probability(verdict, of: $0), $0) < (-prediction.probability(verdict, of: $1), $1)
    }
    var chosen: [Int] = []
    for beat in found where chosen.count < count {
      let second = prediction.seconds(beat)
      if chosen.allSatisfy({ abs(prediction.seconds($0) - second) >= Self.stripSeconds }) {
        chosen.append(beat)
      }
    }
    return chosen
  }

  private func strip(about beat: Int) throws -> SignalStrip {
    let rate = recording.samplingFrequency
    let length = Int(Self.stripSeconds * rate)
    // The beat in the middle of the first of the strip's two rows, not where one ends.
    let start = max(0, min(prediction.beats[beat] - length / 4, prediction.frames - length))
    let frames = start..<min(start + length, prediction.frames)
    let (sampleRate, samples) = try recording.trace(frames)
    let shown = prediction.beats.indices.filter { frames.contains(prediction.beats[$0]) }
    let verdict = kind(beat)
    let certainty = decimals(Double(prediction.probability(verdict, of: beat)), 3)
    return SignalStrip(
      "\(clock(prediction.seconds(beat))): \(kinds[verdict]), p = \(certainty)", unit: recording.units,
      rate: sampleRate, start: Double(start) / rate, samples: samples, kinds: kinds,
      beats: shown.map { (prediction.seconds($0), kind($0)) })
  }

  private func clock(_ seconds: Double) -> String {
    let whole = Int(seconds)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
  }
}
