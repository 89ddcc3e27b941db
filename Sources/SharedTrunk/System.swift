import Cohort

/// A network as a study names it: the multi-task one, or single-task learning in one of its forms.
public enum System: Sendable, Hashable {
  /// Multi-task learning.
  case mtl(Fusion)
  /// Single-task learning.
  case stl(Baseline)

  /// "MTL", "MTL hard", "STL pooled" and so on.
  public var name: String {
    switch self {
    case .mtl(.concat): "MTL"
    case .mtl(.hard): "MTL hard"
    case .mtl(.anchored): "MTL anchored"
    case .stl(let baseline): "STL \(baseline.rawValue)"
    }
  }

  /// The form of its network over these tasks.
  public func form(_ tasks: TaskSet) -> Network.Form {
    switch self {
    case .mtl(.concat): .concat
    case .mtl(.hard): .hard
    case .mtl(.anchored): .anchored
    case .stl(.pooled), .stl(.wide): .pooled(.pooled)
    case .stl(.balanced), .stl(.borrowed): .pooled(.balanced)
    case .stl(.average): .pooled(tasks.pool == nil ? .balanced : .pooled)
    case .stl(.alone): .alone
    case .stl(.finetuned): .finetuned
    }
  }

  /// The sizes, `base` being those of the multi-task network. A single network answers for all classes of a pool.
  public func shape(_ base: NetworkShape, _ tasks: TaskSet) -> NetworkShape {
    var shape = base
    guard case .stl(let baseline) = self else { return base }
    if let pool = tasks.pool { shape.classes = pool.classes.count }
    if baseline == .wide {
      while shape.singleParameterCount < base.parameterCount(tasks: tasks.names.count) {
        for layer in shape.trunk.indices { shape.trunk[layer] += 8 }
      }
    }
    return shape
  }

  /// The data: with what the tasks borrow, or for the plainest single networks without.
  public func data(_ tasks: TaskSet) -> TaskSet {
    switch self {
    case .mtl, .stl(.borrowed), .stl(.alone), .stl(.finetuned), .stl(.average): tasks.withBorrowed
    case .stl(.pooled), .stl(.balanced), .stl(.wide): tasks
    }
  }

  /// Seeds of the networks to train, whose probabilities are averaged.
  public func seeds(_ seed: UInt64, _ tasks: TaskSet) -> [UInt64] {
    self == .stl(.average)
      ? tasks.names.indices.map { streamKey(seed, .member, $0) } : [seed]
  }

  /// Whether it can be trained on these tasks: beats of a pool have no patient.
  public static func applies(_ baseline: Baseline, to experiment: Experiment) -> Bool {
    !experiment.isPooled || [.pooled, .wide, .average].contains(baseline)
  }
}
