/// Which beats belong to which class of a problem. Of two classes, class 0 is the ordinary one, class 1 the one looked for.
public enum Labelling: Sendable, Equatable {
  /// Normal is the symbol N alone, abnormal every other beat; Q and ? (unclassifiable) are left out. The six-record
  /// experiments use this.
  case strict
  /// Normal is AAMI's class N (N L R e j and kin), abnormal its classes S, V and F; its class Q (paced and
  /// unclassifiable) is left out. The many-patient experiments use this.
  case aami
  /// Beats in one rhythm against all other beats that are not Q or ?.
  case rhythm(Rhythm)
  /// Beats in one of the four rhythms, told apart from one another; all other beats are left out.
  case rhythms

  /// The names of the classes in order, for tables and messages.
  public var classNames: [String] {
    switch self {
    case .strict, .aami: ["normal", "abnormal"]
    case .rhythm(let rhythm): ["other", rhythm.name]
    case .rhythms: Rhythm.allCases.map(\.name)
    }
  }

  /// The class of a beat, nil if it is left out.
  public func label(of beat: Beat) -> Int32? {
    switch self {
    case .strict: isUnclassifiable(beat) ? nil : (beat.symbol == "N" ? 0 : 1)
    case .aami: beat.aamiClass == .unknown ? nil : (beat.aamiClass == .normal ? 0 : 1)
    case .rhythm(let rhythm): isUnclassifiable(beat) ? nil : (beat.rhythm == rhythm.rawValue ? 1 : 0)
    case .rhythms:
      isUnclassifiable(beat)
        ? nil : Rhythm.allCases.firstIndex { $0.rawValue == beat.rhythm }.map { Int32($0) }
    }
  }

  private func isUnclassifiable(_ beat: Beat) -> Bool {
    beat.symbol == "Q" || beat.symbol == "?"
  }
}

extension Labelling: RawRepresentable {
  /// As model files and options name it: strict, aami, rhythms, or a rhythm's own name such as VT.
  public var rawValue: String {
    switch self {
    case .strict: "strict"
    case .aami: "aami"
    case .rhythm(let rhythm): rhythm.name
    case .rhythms: "rhythms"
    }
  }

  public init?(rawValue: String) {
    switch rawValue {
    case "strict": self = .strict
    case "aami": self = .aami
    case "rhythms": self = .rhythms
    default:
      guard let rhythm = Rhythm(name: rawValue) else { return nil }
      self = .rhythm(rhythm)
    }
  }
}
