import CMPIShim

/// A call that MPI refused: MPI 3.1, section 8.4 (error codes and classes).
public struct MPIError: Error, Equatable, CustomStringConvertible {
  /// The MPI function.
  public let call: String
  /// Such as `MPI_ERR_COUNT`.
  public let errorClass: String
  /// MPI's own words.
  public let text: String

  public var description: String { "\(call): \(errorClass): \(text)" }
}

/// Throws what a shim's function returned, unless it is success.
func check(_ code: Int32, _ call: StaticString) throws {
  guard code != 0 else { return }
  var (name, text) = ([CChar](repeating: 0, count: 64), [CChar](repeating: 0, count: 512))
  cmpi_error_text(code, &name, name.count, &text, text.count)
  throw MPIError(call: "\(call)", errorClass: string(name), text: string(text))
}

func string(_ characters: [CChar]) -> String {
  String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
