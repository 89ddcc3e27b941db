/// Which beats belong to which class of a problem. Class 0 is the ordinary one, class 1 the one looked for.
public enum Labelling: Sendable, Equatable {
  /// Normal is the symbol N alone, abnormal every other beat; Q and ? (unclassifiable) are left out. The six-record
  /// experiments use this.
  case strict
  /// Normal is AAMI's class N (N L R e j and kin), abnormal its classes S, V and F; its class Q (paced and
  /// unclassifiable) is left out. The many-patient experiments use this.
  case aami
  /// Beats in one rhythm against all other beats that are not Q or ?.
  case rhythm(Rhythm)

  /// Every labelling has two classes.
  public static let classCount = 2

  /// The names of class 0 and class 1, for tables and messages.
  public var classNames: [String] {
    switch self {
    case .strict, .aami: ["normal", "abnormal"]
    case .rhythm(let rhythm): ["other", String(rhythm.rawValue.dropFirst())]
    }
  }

  /// The class of a beat, nil if it is left out.
  public func label(of beat: Beat) -> Int32? {
    switch self {
    case .strict: isUnclassifiable(beat) ? nil : (beat.symbol == "N" ? 0 : 1)
    case .aami: beat.aamiClass == .unknown ? nil : (beat.aamiClass == .normal ? 0 : 1)
    case .rhythm(let rhythm): isUnclassifiable(beat) ? nil : (beat.rhythm == rhythm.rawValue ? 1 : 0)
    }
  }

  private func isUnclassifiable(_ beat: Beat) -> Bool {
    beat.symbol == "Q" || beat.symbol == "?"
  }
}
