import Foundation

/// When a run's checkpoints are written, where, and what they belong to.
public struct CheckpointPlan: Sendable {
  /// How often to save.
  public enum Interval: Sendable, Equatable {
    /// Every so many steps.
    case steps(Int)
    /// At the first step after so many seconds.
    case seconds(Double)
  }

  /// The folder of all networks' checkpoints; every rank must see the same.
  public let folder: String
  /// Steps or seconds between checkpoints.
  public let interval: Interval
  /// How many are kept of each network.
  public let keeps: Int
  /// Whether training goes on from the newest whole one.
  public let resumes: Bool
  /// All that decides what the weights will be, in words: the network, the tasks, the data's fingerprints. A checkpoint with another one
  /// is refused.
  public let identity: [String: String]
  /// Which program this is: a checkpoint of another one is taken up, and that is said.
  public let program: String

  /// A plan; nothing is read or written yet.
  public init(
    folder: String, interval: Interval, keeps: Int, resumes: Bool, identity: [String: String],
    program: String
  ) {
    self.program = program
    self.folder = folder
    self.interval = interval
    self.keeps = keeps
    self.resumes = resumes
    self.identity = identity
  }

  /// What another run's identity has otherwise than this run's; nil if nothing. `thing`: what has it, for the message.
  public static func mismatch(
    of thing: String, identity theirs: [String: String], with ours: [String: String]
  ) -> CheckpointMismatch? {
    // What others follow from goes before them.
    func order(_ key: String) -> Int {
      ["options.", "data."].firstIndex { key.hasPrefix($0) }.map { $0 + 1 } ?? 0
    }
    let keys = Set(theirs.keys).union(ours.keys).filter { theirs[$0] != ours[$0] }
    return keys.min { (order($0), $0) < (order($1), $1) }.map { key in
      CheckpointMismatch(
        isOfData: key.hasPrefix("data."),
        description:
          "--resume: \(thing) is of another run: \(key) is \(theirs[key] ?? "not there"), here \(ours[key] ?? "not there")"
      )
    }
  }

  /// A network's name as that of a folder: "STL average 1/5" is "stl-average-1-5".
  public static func folder(of network: String) -> String {
    String(network.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
  }

  /// Everything that an encodable value holds, by its path in JSON: "shape.branch.kind" is "cnn".
  public static func words(_ value: some Encodable, _ name: String) throws -> [String: String] {
    var words: [String: String] = [:]
    func walk(_ value: Any, _ path: String) {
      switch value {
      case let object as [String: Any]: for (key, value) in object { walk(value, "\(path).\(key)") }
      case let list as [Any]: words[path] = list.map { "\($0)" }.joined(separator: ", ")
      default: words[path] = "\(value)"
      }
    }
    walk(try JSONSerialization.jsonObject(with: try JSONEncoder().encode(value)), name)
    return words
  }
}

/// How one network's training is saved.
public struct CheckpointsOfNetwork {
  let plan: CheckpointPlan
  let name: String
  let isAboutToSave: () throws -> Void
  let say: (String) -> Void

  /// - Parameters:
  ///   - plan: the run's.
  ///   - name: the network's, unique in its run.
  ///   - isAboutToSave: called on every rank before a state is taken.
  ///   - say: what a person should know, told on the first rank.
  public init(
    _ plan: CheckpointPlan, name: String, isAboutToSave: @escaping () throws -> Void,
    say: @escaping (String) -> Void
  ) {
    self.plan = plan
    self.name = name
    self.isAboutToSave = isAboutToSave
    self.say = say
  }
}

/// What checkpoints cost a run on this rank.
public struct CheckpointFigures: Codable, Sendable {
  /// Taken by this process.
  public internal(set) var count = 0
  /// Of this rank's part of one.
  public internal(set) var bytes = 0
  /// How long training stood still for each. What the next Adam takes longer, which writes elsewhere, is not in it.
  public internal(set) var stallMilliseconds: [Double] = []
}
