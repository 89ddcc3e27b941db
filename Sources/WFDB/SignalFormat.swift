/// How samples are stored in a signal file: signal(5) of the WFDB Applications Guide.
public enum SignalFormat: Int, Sendable, CaseIterable {
  /// No file: every sample is invalid. Layout segments use it.
  case null = 0
  /// 8-bit first differences.
  case format8 = 8
  /// 16-bit two's complement, least significant byte first.
  case format16 = 16
  /// 24-bit two's complement, least significant byte first.
  case format24 = 24
  /// 32-bit two's complement, least significant byte first.
  case format32 = 32
  /// 16-bit two's complement, most significant byte first.
  case format61 = 61
  /// 8-bit offset binary.
  case format80 = 80
  /// 16-bit offset binary, least significant byte first.
  case format160 = 160
  /// 12-bit two's complement, two samples in three bytes.
  case format212 = 212
  /// 10-bit two's complement, three samples in two 16-bit words.
  case format310 = 310
  /// 10-bit two's complement, three samples in one 32-bit word.
  case format311 = 311

  static var list: String { allCases.dropFirst().map { "\($0.rawValue)" }.joined(separator: ", ") }

  /// The stored value that marks a sample as invalid, the least one of the format; differences have none.
  public var invalidMarker: Int32? {
    switch self {
    case .null, .format8: nil
    case .format80: -0x80
    case .format310, .format311: -0x200
    case .format212: -0x800
    case .format16, .format61, .format160: -0x8000
    case .format24: -0x80_0000
    case .format32: Int32.min
    }
  }

  /// The samples that `bytes` bytes hold.
  func samples(in bytes: Int) -> Int {
    switch self {
    case .null: 0
    case .format8, .format80: bytes
    case .format16, .format61, .format160: bytes / 2
    case .format24: bytes / 3
    case .format32: bytes / 4
    case .format212: bytes / 3 * 2 + bytes % 3 / 2
    case .format310: bytes / 4 * 3 + bytes % 4 / 2
    case .format311: bytes / 4 * 3 + max(0, bytes % 4 - 1)
    }
  }

  /// The samples that are packed together: reading can start at a multiple of them.
  var samplesInGroup: Int {
    switch self {
    case .format212: 2
    case .format310, .format311: 3
    default: 1
    }
  }

  /// The bytes that reading `samples` samples takes; the last group of 212, 310 and 311 may be cut.
  func bytes(for samples: Int) -> Int {
    switch self {
    case .null: 0
    case .format8, .format80: samples
    case .format16, .format61, .format160: samples * 2
    case .format24: samples * 3
    case .format32: samples * 4
    case .format212: samples / 2 * 3 + samples % 2 * 2
    case .format310: samples / 3 * 4 + samples % 3 * 2
    case .format311: samples / 3 * 4 + (samples % 3 == 0 ? 0 : samples % 3 + 1)
    }
  }
}
