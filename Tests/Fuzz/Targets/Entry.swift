#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What libFuzzer calls with every input; HEARTWOOD_FUZZ names the target.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  chosen.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}

private let chosen: FuzzTarget = {
  guard let target = getenv("HEARTWOOD_FUZZ").flatMap({ FuzzTarget(rawValue: String(cString: $0)) }) else {
    fatalError("HEARTWOOD_FUZZ names no target: \(FuzzTarget.allCases.map(\.rawValue))")
  }
  return target
}()
