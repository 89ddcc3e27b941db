/// One signal line of a header: header(5) of the WFDB Applications Guide, "Signal specification lines".
public struct SignalSpecification: Sendable, Equatable {
  /// The signal file, beside the header or in a folder below it; "~" for none.
  public var fileName: String
  /// How its samples are stored.
  public var format: SignalFormat
  /// Samples of this signal in each frame; the signal's rate is the record's times this.
  public var samplesPerFrame: Int
  /// Frames of this signal that precede sample 0.
  public var skew: Int
  /// Bytes before the first sample of the file.
  public var byteOffset: Int
  /// ADC units a physical unit. A header's 0 or nothing is 200.
  public var gain: Double
  /// The digital value of 0 physical units. Where a header has none, `adcZero`.
  public var baseline: Int
  /// The physical unit. Where a header has none, "mV".
  public var units: String
  /// Bits; 0 where a header has none.
  public var adcResolution: Int
  /// The digital value in the middle of the converter's range.
  public var adcZero: Int
  /// The value before the first difference of format 8. Where a header has none, `adcZero`.
  public var initialValue: Int
  /// The 16-bit sum of the stored samples; nil where a header has none.
  public var checksum: Int16?
  /// Bytes of the blocks in which a device must be read; 0 for a plain file.
  public var blockSize: Int
  /// The description, such as "MLII"; empty where a header has none.
  public var name: String

  /// A signal line; the defaults are those of header(5).
  public init(
    fileName: String, format: SignalFormat, samplesPerFrame: Int = 1, skew: Int = 0, byteOffset: Int = 0,
    gain: Double = 200, baseline: Int? = nil, units: String = "mV", adcResolution: Int = 0, adcZero: Int = 0,
    initialValue: Int? = nil, checksum: Int16? = nil, blockSize: Int = 0, name: String
  ) {
    self.fileName = fileName
    self.format = format
    self.samplesPerFrame = samplesPerFrame
    self.skew = skew
    self.byteOffset = byteOffset
    self.gain = gain
    self.baseline = baseline ?? adcZero
    self.units = units
    self.adcResolution = adcResolution
    self.adcZero = adcZero
    self.initialValue = initialValue ?? adcZero
    self.checksum = checksum
    self.blockSize = blockSize
    self.name = name
  }
}
