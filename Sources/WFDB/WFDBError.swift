/// Why a WFDB file could not be read or written: the file, the line where there is one, and the reason.
public struct WFDBError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: Sendable, Equatable {
    /// Opening or reading failed; the value is `errno`.
    case cannotRead(Int32)
    /// Creating, writing or renaming failed; the value is `errno`.
    case cannotWrite(Int32)
    /// It is a folder, a device or a pipe.
    case notARegularFile
    /// A header or an annotation file is longer than any that is read.
    case tooLong(bytes: Int, limit: Int)
    /// A line or a field is not there.
    case missing(String)
    /// A field is not what header(5) or annot(5) allows.
    case badField(String, value: String, expected: String)
    /// A header names a file that is not inside the header's own folder.
    case outsideFolder(String)
    /// What a header names is a link, or lies behind one, to a file outside the header's own folder; the value is where it leads.
    case linkOutside(String)
    /// A signal's format is none of ``SignalFormat``.
    case unsupportedFormat(Int, signal: Int)
    /// A signal file is shorter than its header states.
    case tooFewSamples(signalFile: String, stated: Int, held: Int)
    /// The samples do not have the header's checksum.
    case checksum(signal: String, stated: Int16, computed: Int16)
    /// A signal was asked for that the record does not have.
    case noSuchSignal(String, existing: [String])
    /// What the header states would need far more memory than its files justify.
    case claimsTooMuch(bytes: Int, limit: Int)
    /// In writing: a value does not fit the signal's format.
    case outOfRange(signal: String, sample: Int, value: Int, format: SignalFormat)
    /// Two things that must agree do not; the value says which.
    case inconsistent(String)
  }

  /// The path of the file, or the name of the record.
  public let file: String
  /// The line of a text file, counted from 1.
  public let line: Int?
  /// What is wrong.
  public let reason: Reason

  /// An error of `file`, or of a record by its name.
  public init(file: String, line: Int? = nil, _ reason: Reason) {
    self.file = file
    self.line = line
    self.reason = reason
  }

  /// One line that names the file, the line and what is wrong.
  public var description: String {
    let place = line.map { ", line \($0)" } ?? ""
    return "\(printable(file))\(place): \(reason)"
  }
}

extension WFDBError.Reason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .cannotRead(let code): "cannot be read: \(systemMessage(code))"
    case .cannotWrite(let code): "cannot be written: \(systemMessage(code))"
    case .notARegularFile: "is not a regular file"
    case .tooLong(let bytes, let limit): "has \(bytes) bytes; at most \(limit) are read"
    case .missing(let what): "lacks \(printable(what))"
    case .badField(let field, let value, let expected):
      "\(field) is '\(printable(value))'; expected \(expected)"
    case .outsideFolder(let name): "names '\(printable(name))', which is not a file inside its own folder"
    case .linkOutside(let target):
      "is a link to \(printable(target)), outside the folder of the file that names it; put a copy in its place"
    case .unsupportedFormat(let format, let signal):
      [508, 516, 524].contains(format)
        ? "signal \(signal) is in format \(format) (FLAC), which is not supported; convert it with xform -O 16"
        : "signal \(signal) is in unknown format \(format); known are \(SignalFormat.list)"
    case .tooFewSamples(let file, let stated, let held):
      "states \(stated) samples in \(printable(file)), which holds \(held)"
    case .checksum(let signal, let stated, let computed):
      "signal \(printable(signal)) has checksum \(computed), but the header states \(stated): the file is damaged"
    case .noSuchSignal(let name, let existing):
      "has no signal '\(printable(name))'; it has \(printable(existing.joined(separator: ", ")))"
    case .claimsTooMuch(let bytes, let limit):
      "states contents of \(bytes) bytes in memory; its files justify \(limit)"
    case .outOfRange(let signal, let sample, let value, let format):
      "signal \(printable(signal)), sample \(sample): \(value) does not fit format \(format.rawValue)"
    case .inconsistent(let what): printable(what)
    }
  }
}
