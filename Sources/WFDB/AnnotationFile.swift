/// An annotation file in MIT format: annot(5) of the WFDB Applications Guide.
public struct AnnotationFile: Sendable, Equatable {
  /// What a file says of a code for its own use.
  public struct Definition: Sendable, Equatable {
    /// The code that is defined.
    public var code: AnnotationCode
    /// What programs print for it.
    public var symbol: String
    /// A description; may be empty.
    public var meaning: String

    /// A definition for a file to be written.
    public init(code: AnnotationCode, symbol: String, meaning: String) {
      self.code = code
      self.symbol = symbol
      self.meaning = meaning
    }
  }

  /// In the file's order, which need not be that of time.
  public var annotations: [Annotation]
  /// Units of `sample` a second, in Hz; nil where the file does not say, which means the record's frequency.
  public var timeResolution: Double?
  /// Codes that the file defines, in its order.
  public var definitions: [Definition]

  /// A file in memory, to be written in this order.
  public init(_ annotations: [Annotation], timeResolution: Double? = nil, definitions: [Definition] = []) {
    self.annotations = annotations
    self.timeResolution = timeResolution
    self.definitions = definitions
  }

  /// The symbol of a code in this file, its own definitions first.
  public func symbol(of code: AnnotationCode) -> String {
    definitions.last { $0.code == code }?.symbol ?? code.symbol
  }

  /// Reads an annotation file.
  /// - Parameter path: the file itself, such as `DIR/106.atr`.
  /// - Throws: `WFDBError` when it cannot be read, is cut, or holds what annot(5) does not allow.
  public static func read(at path: String) throws -> AnnotationFile {
    let (folder, name) = DiskFolder.split(path)
    return try read(name, in: folder)
  }

  package static func read(_ name: String, in folder: some FileSource) throws -> AnnotationFile {
    try parse(folder.bytes(of: name, limit: byteLimit), path: folder.path(of: name))
  }

  /// Writes the file, replacing one that is there.
  /// - Parameter path: the file itself, such as `DIR/106.atr`.
  /// - Throws: `WFDBError` when an annotation does not fit the format or the file cannot be written.
  public func write(to path: String) throws {
    try writeAtomically(encoded(path: path), to: path)
  }

  /// Longest file that is read: two weeks at 200 beats a minute with a text at each. Annotations in memory take up to twelve times their
  /// bytes.
  package static let byteLimit = 1 << 26
}

/// Words of an annotation file that are not annotations: annot(5).
enum PseudoCode {
  static let skip: UInt16 = 59
  static let number: UInt16 = 60
  static let subtype: UInt16 = 61
  static let channel: UInt16 = 62
  static let auxiliary: UInt16 = 63
}

/// Notes at sample 0, before all else, that speak of the file.
enum FileNote {
  static let prefix = "## "
  static let timeResolution = "## time resolution: "
  static let definitions = "## annotation type definitions"
  static let end = "## end of definitions"
}
