/// One annotation: annot(5) of the WFDB Applications Guide.
public struct Annotation: Sendable, Equatable {
  /// The sample that is annotated, from the record's start, in units of the file's time resolution
  /// (the record's frames where it states none).
  public var sample: Int
  /// What was annotated.
  public var code: AnnotationCode
  /// `subtyp` of annot(5); its meaning depends on the code.
  public var subtype: Int8
  /// The signal it was made on.
  public var channel: UInt8
  /// `num` of annot(5), for a database's own use.
  public var number: Int8
  // A string takes 16 bytes and an array 8; a file may hold an annotation in two bytes.
  private var utf8: [UInt8]

  /// An annotation at `sample`, in the file's time resolution.
  public init(
    sample: Int, code: AnnotationCode, subtype: Int8 = 0, channel: UInt8 = 0, number: Int8 = 0,
    auxiliary: String = ""
  ) {
    self.sample = sample
    self.code = code
    self.subtype = subtype
    self.channel = channel
    self.number = number
    utf8 = Array(auxiliary.utf8)
  }

  /// Free text, such as "(AFIB" of a rhythm change.
  public var auxiliary: String {
    get { String(decoding: utf8, as: UTF8.self) }
    set { utf8 = Array(newValue.utf8) }
  }
}
