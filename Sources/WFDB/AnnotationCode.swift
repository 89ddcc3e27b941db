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

  /// All 49, in order.
  public static let allCases = (1...49).map { AnnotationCode($0) }

  /// `N`: normal beat.
  public static let normal = AnnotationCode(1)
  /// `L`: left bundle branch block beat.
  public static let leftBundleBranchBlock = AnnotationCode(2)
  /// `R`: right bundle branch block beat.
  public static let rightBundleBranchBlock = AnnotationCode(3)
  /// `a`: aberrated atrial premature beat.
  public static let aberratedAtrialPremature = AnnotationCode(4)
  /// `V`: premature ventricular contraction.
  public static let prematureVentricularContraction = AnnotationCode(5)
  /// `F`: fusion of ventricular and normal beat.
  public static let fusion = AnnotationCode(6)
  /// `J`: nodal (junctional) premature beat.
  public static let nodalPremature = AnnotationCode(7)
  /// `A`: atrial premature contraction.
  public static let atrialPremature = AnnotationCode(8)
  /// `S`: premature or ectopic supraventricular beat.
  public static let supraventricularPremature = AnnotationCode(9)
  /// `E`: ventricular escape beat.
  public static let ventricularEscape = AnnotationCode(10)
  /// `j`: nodal (junctional) escape beat.
  public static let nodalEscape = AnnotationCode(11)
  /// `/`: paced beat.
  public static let paced = AnnotationCode(12)
  /// `Q`: beat that cannot be classified.
  public static let unclassifiable = AnnotationCode(13)
  /// `~`: change of signal quality.
  public static let signalQuality = AnnotationCode(14)
  /// `|`: isolated artifact that looks like a QRS complex.
  public static let artifact = AnnotationCode(16)
  /// `s`: ST change.
  public static let stChange = AnnotationCode(18)
  /// `T`: T-wave change.
  public static let tWaveChange = AnnotationCode(19)
  /// `*`: systole.
  public static let systole = AnnotationCode(20)
  /// `D`: diastole.
  public static let diastole = AnnotationCode(21)
  /// `"`: comment.
  public static let note = AnnotationCode(22)
  /// `=`: measurement.
  public static let measurement = AnnotationCode(23)
  /// `p`: peak of a P wave.
  public static let pWavePeak = AnnotationCode(24)
  /// `B`: left or right bundle branch block.
  public static let bundleBranchBlock = AnnotationCode(25)
  /// `^`: pacemaker spike that was not conducted.
  public static let pacemakerSpike = AnnotationCode(26)
  /// `t`: peak of a T wave.
  public static let tWavePeak = AnnotationCode(27)
  /// `+`: change of rhythm; the text names it.
  public static let rhythmChange = AnnotationCode(28)
  /// `u`: peak of a U wave.
  public static let uWavePeak = AnnotationCode(29)
  /// `?`: beat of a detector that is still learning.
  public static let learning = AnnotationCode(30)
  /// `!`: ventricular flutter wave.
  public static let ventricularFlutterWave = AnnotationCode(31)
  /// `[`: start of ventricular flutter or fibrillation.
  public static let ventricularFlutterStart = AnnotationCode(32)
  /// `]`: end of ventricular flutter or fibrillation.
  public static let ventricularFlutterEnd = AnnotationCode(33)
  /// `e`: atrial escape beat.
  public static let atrialEscape = AnnotationCode(34)
  /// `n`: supraventricular escape beat.
  public static let supraventricularEscape = AnnotationCode(35)
  /// `@`: link to other data; the text holds its address.
  public static let link = AnnotationCode(36)
  /// `x`: P wave that was not conducted (blocked atrial premature beat).
  public static let nonConductedPWave = AnnotationCode(37)
  /// `f`: fusion of paced and normal beat.
  public static let pacedFusion = AnnotationCode(38)
  /// `(`: onset of a waveform.
  public static let waveformOnset = AnnotationCode(39)
  /// `)`: end of a waveform.
  public static let waveformEnd = AnnotationCode(40)
  /// `r`: R-on-T premature ventricular contraction.
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
