import WFDB

/// The five classes of heartbeat of ANSI/AAMI EC57.
public enum AAMIClass: String, CaseIterable, Sendable {
  /// Any beat not of the other classes: sinus beats, bundle branch block, escape beats.
  case normal = "N"
  /// Supraventricular ectopic.
  case supraventricular = "S"
  /// Ventricular ectopic.
  case ventricular = "V"
  /// Fusion of a ventricular and a normal beat.
  case fusion = "F"
  /// Paced, fusion of paced and normal, or unclassifiable.
  case unknown = "Q"

  /// The class of a beat's annotation symbol, nil for a symbol that is no beat.
  ///
  /// The table is that of de Chazal, O'Dwyer and Reilly (IEEE Trans Biomed Eng 2004) for MIT-BIH's symbols. Symbols that
  /// MIT-BIH does not use follow the nearest kin: `B` (bundle branch block, side unknown) as `L` and `R`, `n`
  /// (supraventricular escape) as `e` and `j`, `r` (R-on-T) as `V`, `?` as `Q`.
  public init?(symbol: String) {
    switch symbol {
    case "N", "L", "R", "e", "j", "B", "n": self = .normal
    case "A", "a", "J", "S": self = .supraventricular
    case "V", "E", "r": self = .ventricular
    case "F": self = .fusion
    case "/", "f", "Q", "?": self = .unknown
    default: return nil
    }
  }
}

/// The rhythms that are told apart, by the text of MIT-BIH's rhythm annotations.
public enum Rhythm: String, CaseIterable, Sendable {
  case ventricularTachycardia = "(VT"
  case supraventricularTachycardia = "(SVTA"
  case atrialFibrillation = "(AFIB"
  case atrialFlutter = "(AFL"

  /// VT, SVTA, AFIB, AFL.
  public var name: String { String(rawValue.dropFirst()) }

  public init?(name: String) { self.init(rawValue: "(" + name) }
}

/// One annotated heartbeat.
public struct Beat: Sendable, Equatable {
  /// Where its annotation stands, in samples of the record.
  public var sample: Int
  /// Its symbol as PhysioNet writes it, such as "N" or "V".
  public var symbol: String
  /// Its class by ANSI/AAMI EC57.
  public var aamiClass: AAMIClass
  /// The rhythm in force, as annotated: "(N", "(AFIB", "(VT" and so on; empty before the first rhythm annotation.
  public var rhythm: String

  /// - Returns: nil if the symbol marks no beat.
  public init?(sample: Int, symbol: String, rhythm: String) {
    guard let aamiClass = AAMIClass(symbol: symbol) else { return nil }
    self.sample = sample
    self.symbol = symbol
    self.aamiClass = aamiClass
    self.rhythm = rhythm
  }

  /// The beats among a record's annotations, in order of time.
  ///
  /// A rhythm holds from its "+" annotation whose text begins with "(" to the next such one. Symbols that mark no beat
  /// (rhythm and noise changes, flutter waves "!", comments) are passed over.
  public static func beats(in annotations: [Annotation]) -> [Beat] {
    let inOrder = annotations.enumerated()
      .sorted { ($0.element.sample, $0.offset) < ($1.element.sample, $1.offset) }
    var rhythm = ""
    var beats: [Beat] = []
    for (_, annotation) in inOrder {
      let symbol = annotation.code.symbol
      if symbol == "+", annotation.auxiliary.hasPrefix("(") {
        rhythm = String(annotation.auxiliary.prefix { $0 != "\0" && !$0.isWhitespace })
      } else if let beat = Beat(sample: annotation.sample, symbol: symbol, rhythm: rhythm) {
        beats.append(beat)
      }
    }
    return beats
  }
}
