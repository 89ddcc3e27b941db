/// What an annotation says, 1 to 49: annot(5) of the WFDB Applications Guide, "Annotation codes".
/// Codes 15, 17 and 42 to 49 are for a database's own use.
public struct AnnotationCode: RawRepresentable, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  public let rawValue: UInt8

  /// - Returns: nil outside 1...49; 0 (NOTQRS) is no code of an annotation.
  public init?(rawValue: UInt8) {
    guard 1...49 ~= rawValue else { return nil }
    self.rawValue = rawValue
  }

  /// The code of a symbol such as "V", or "[42]" for a code without one of its own.
  public init?(symbol: String) {
    guard let code = AnnotationCode.allCases.first(where: { $0.symbol == symbol }) else { return nil }
    self = code
  }

  private init(_ rawValue: UInt8) { self.rawValue = rawValue }

  public static let allCases = (1...49).map { AnnotationCode($0) }

  public static let normal = AnnotationCode(1)
  public static let leftBundleBranchBlock = AnnotationCode(2)
  public static let rightBundleBranchBlock = AnnotationCode(3)
  public static let aberratedAtrialPremature = AnnotationCode(4)
  public static let prematureVentricularContraction = AnnotationCode(5)
  public static let fusion = AnnotationCode(6)
  public static let nodalPremature = AnnotationCode(7)
  public static let atrialPremature = AnnotationCode(8)
  public static let supraventricularPremature = AnnotationCode(9)
  public static let ventricularEscape = AnnotationCode(10)
  public static let nodalEscape = AnnotationCode(11)
  public static let paced = AnnotationCode(12)
  public static let unclassifiable = AnnotationCode(13)
  public static let signalQuality = AnnotationCode(14)
  public static let artifact = AnnotationCode(16)
  public static let stChange = AnnotationCode(18)
  public static let tWaveChange = AnnotationCode(19)
  public static let systole = AnnotationCode(20)
  public static let diastole = AnnotationCode(21)
  public static let note = AnnotationCode(22)
  public static let measurement = AnnotationCode(23)
  public static let pWavePeak = AnnotationCode(24)
  public static let bundleBranchBlock = AnnotationCode(25)
  public static let pacemakerSpike = AnnotationCode(26)
  public static let tWavePeak = AnnotationCode(27)
  public static let rhythmChange = AnnotationCode(28)
  public static let uWavePeak = AnnotationCode(29)
  public static let learning = AnnotationCode(30)
  public static let ventricularFlutterWave = AnnotationCode(31)
  public static let ventricularFlutterStart = AnnotationCode(32)
  public static let ventricularFlutterEnd = AnnotationCode(33)
  public static let atrialEscape = AnnotationCode(34)
  public static let supraventricularEscape = AnnotationCode(35)
  public static let link = AnnotationCode(36)
  public static let nonConductedPWave = AnnotationCode(37)
  public static let pacedFusion = AnnotationCode(38)
  public static let waveformOnset = AnnotationCode(39)
  public static let waveformEnd = AnnotationCode(40)
  public static let rOnTPrematureVentricularContraction = AnnotationCode(41)

  /// The symbol that programs print, such as "V" for a premature ventricular contraction.
  public var symbol: String { table[Int(rawValue)].symbol }
  /// The name in <wfdb/ecgcodes.h>, such as "PVC"; empty where there is none.
  public var mnemonic: String { table[Int(rawValue)].mnemonic }
  public var description: String { symbol }

  /// Whether the annotation marks a heartbeat (a QRS complex): `isqrs` of <wfdb/ecgmap.h>.
  public var isBeat: Bool {
    switch rawValue {
    case 1...13, 25, 30, 31, 34, 35, 38, 41: true
    default: false
    }
  }
}

private let table: [(symbol: String, mnemonic: String)] = [
  (" ", "NOTQRS"), ("N", "NORMAL"), ("L", "LBBB"), ("R", "RBBB"), ("a", "ABERR"),
  ("V", "PVC"), ("F", "FUSION"), ("J", "NPC"), ("A", "APC"), ("S", "SVPB"),
  ("E", "VESC"), ("j", "NESC"), ("/", "PACE"), ("Q", "UNKNOWN"), ("~", "NOISE"),
  ("[15]", ""), ("|", "ARFCT"), ("[17]", ""), ("s", "STCH"), ("T", "TCH"),
  ("*", "SYSTOLE"), ("D", "DIASTOLE"), ("\"", "NOTE"), ("=", "MEASURE"), ("p", "PWAVE"),
  ("B", "BBB"), ("^", "PACESP"), ("t", "TWAVE"), ("+", "RHYTHM"), ("u", "UWAVE"),
  ("?", "LEARN"), ("!", "FLWAV"), ("[", "VFON"), ("]", "VFOFF"), ("e", "AESC"),
  ("n", "SVESC"), ("@", "LINK"), ("x", "NAPC"), ("f", "PFUS"), ("(", "WFON"),
  (")", "WFOFF"), ("r", "RONT"), ("[42]", ""), ("[43]", ""), ("[44]", ""),
  ("[45]", ""), ("[46]", ""), ("[47]", ""), ("[48]", ""), ("[49]", ""),
]
