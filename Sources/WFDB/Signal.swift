/// The samples of one signal of a record, all of them.
public struct Signal: Sendable, Equatable {
  /// The digital value of a sample that the file marks as invalid, that skew leaves without a stored sample,
  /// or that a segment lacks.
  public static let invalid = Int32.min

  /// The signal's line in the header.
  public let specification: SignalSpecification
  /// The stored integers (ADC units) in order of time, `samplesPerFrame` a frame.
  public let digital: [Int32]

  /// A signal in memory; `invalid` for samples that there are none of.
  public init(specification: SignalSpecification, digital: [Int32]) {
    self.specification = specification
    self.digital = digital
  }

  /// The description, such as "MLII".
  public var name: String { specification.name }

  /// The samples in physical units, (digital - baseline) / gain; invalid ones are NaN.
  public func physical() -> [Float] {
    let baseline = Double(specification.baseline)
    let gain = specification.gain
    return digital.map { $0 == Signal.invalid ? .nan : Float((Double($0) - baseline) / gain) }
  }
}
