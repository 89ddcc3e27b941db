import CMPIShim

/// What MPI refused, or what this module refused in MPI's name before calling it (MPI 3.1, section 8.4, Error Codes and Classes).
///
/// Communicators carry `MPI_ERRORS_RETURN`, so a failed call comes back as this instead of ending the job. MPI does not
/// promise that the other ranks fail too: a rank that cannot go on calls ``Communicator/abort(_:)``, and ranks that meet
/// at a known place first settle on one outcome with ``Communicator/agree(on:kind:)``.
public struct MPIError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The MPI function, e.g. `MPI_Allreduce`.
  public let call: String
  /// The error class's name, e.g. `MPI_ERR_COUNT`.
  public let errorClass: String
  /// What went wrong: MPI's text, or this module's.
  public let text: String

  /// An error of a call, in MPI's terms.
  public init(call: String, errorClass: String, text: String) {
    self.call = call
    self.errorClass = errorClass
    self.text = text
  }

  public var description: String {
    // MPI's own text often starts with the class: "MPI_ERR_ROOT: invalid root".
    text.hasPrefix(errorClass) ? "\(call): \(text)" : "\(call): \(errorClass): \(text)"
  }
}

/// Makes an MPI call, which counts as progress once it returns, and throws what its error code says; success passes.
func check(_ work: @autoclosure () -> Int32, _ call: StaticString) throws {
  let code = Watchdog.during(call, work)
  guard code != 0 else { return }
  throw MPIError(
    call: "\(call)", errorClass: String(cString: cmpi_error_class(code)),
    text: text(capacity: 1024) { cmpi_error_text(code, $0, $1) })
}

/// A count as MPI takes it, a C int; refused where it does not fit.
func checkedCount(_ count: Int, _ call: StaticString) throws -> Int32 {
  guard let narrow = Int32(exactly: count), narrow >= 0 else {
    throw MPIError(
      call: "\(call)", errorClass: "MPI_ERR_COUNT",
      text: "\(count) elements; MPI counts from 0 to \(Int32.max)")
  }
  return narrow
}

/// Throws unless a buffer has the length that its call needs.
func requireCount(_ count: Int, is needed: Int, _ what: StaticString, _ call: StaticString) throws {
  guard count == needed else {
    throw MPIError(
      call: "\(call)", errorClass: "MPI_ERR_COUNT", text: "\(what) has \(count) elements, \(needed) needed")
  }
}

/// The string that a C function writes into a buffer of `capacity` bytes.
func text(capacity: Int, _ write: (UnsafeMutablePointer<CChar>, Int32) -> Void) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
    buffer.initialize(repeating: 0)
    write(buffer.baseAddress!, Int32(capacity))
    return String(cString: buffer.baseAddress!)
  }
}
