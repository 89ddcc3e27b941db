import Cohort
import SharedTrunk

/// What a network is given of a beat: the inputs of the exported graph, the arguments of the PyTorch module, and the columns of the CSV,
/// which have the same names.
package struct NetworkInputs {
  struct Input {
    let name: String
    /// Numbers a beat.
    let columns: Int
    let says: String
  }

  static let beats = "beats"
  static let rr = "rr"
  static let medianBeat = "median_beat"
  static let patientRR = "patient_rr"
  static let anchor = "anchor"

  let all: [Input]

  /// Throws `Failure` of a model that gives its networks other features than `train` does.
  package init(_ description: ModelDescription, _ answer: PredictionProtocol) throws {
    let (shape, input) = (description.shape, description.input)
    let isAnchored = description.system == .mtl(.anchored)
    let readsPatient = shape.readsOwnStatistics && description.standpointWeight(answer) > 0
    let known =
      shape.readsOwnStatistics ? [RRFeatures.count + OwnStatistics.featureCount] : [0, RRFeatures.count]
    guard known.contains(shape.extraFeatures) else {
      throw Failure(
        .data, "model.json has \(shape.extraFeatures) extraFeatures: no set of them that can be exported")
    }
    var all = [
      Input(
        name: Self.beats, columns: input.length,
        says:
          "windows of \(input.length) samples at \(input.rate) Hz from \(input.before) s before the beat, of a lead that is "
          + "band-passed (\(input.low) to \(input.high) Hz) and standardised as a whole record")
    ]
    if shape.extraFeatures > 0 {
      all.append(
        Input(
          name: Self.rr, columns: RRFeatures.count,
          says:
            "RR intervals in seconds: pre / median - 1, post / median - 1, pre - 0.8, ln(post / pre), each clipped to -3 ... 3; "
            + "the median is that of 21 intervals around the beat"))
    }
    if readsPatient {
      all.append(
        Input(
          name: Self.medianBeat, columns: input.length,
          says: "the patient's median beat: of each sample the median over the patient's windows"))
      all.append(
        Input(
          name: Self.patientRR, columns: 2,
          says:
            "the patient's median RR interval and its spread (interquartile range / 1.349, at least 0.02), in seconds"
        ))
    }
    if isAnchored && readsPatient && description.options.anchoring.anchored {
      all.append(
        Input(
          name: Self.anchor, columns: description.options.anchoring.towers * shape.trunk[0],
          says: "the patient's mean of the first trunk matrix's product, tower after tower"))
    }
    self.all = all
  }

  /// Names of all numbers of a beat, as columns of a table.
  var columnNames: [String] { all.flatMap { input in (0..<input.columns).map { "\(input.name)[\($0)]" } } }

  /// The numbers of one beat, in the order of `columnNames`. `standpoint`: what the patient is known by, where that is an input.
  func numbers(
    of beat: Int, _ examples: Examples, _ standpoint: (statistics: OwnStatistics, anchors: [[Float]])?
  ) -> [Float] {
    all.flatMap { input -> [Float] in
      switch input.name {
      case Self.beats: Array(examples.window(beat))
      case Self.rr: Array(examples.rr[beat * RRFeatures.count..<(beat + 1) * RRFeatures.count])
      case Self.medianBeat: standpoint!.statistics.medianBeat
      case Self.patientRR: [standpoint!.statistics.rrMedian, standpoint!.statistics.rrSpread]
      default: standpoint!.anchors.flatMap { $0 }
      }
    }
  }
}

extension ModelDescription {
  /// The share of an answer that is given beside the patient's own statistics; the rest is the anchored form's first guess.
  func standpointWeight(_ answer: PredictionProtocol) -> Float {
    answer == .typical ? 1 - options.typicality.guess : 1
  }
}
