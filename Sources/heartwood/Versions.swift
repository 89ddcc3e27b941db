import Foundation
import Layers
import MPI

/// What `--version` says: this program's version, alone on the first line, then what it runs on, a line each.
package enum Versions {
  static var text: String {
    let standard = Environment.standardVersion
    return """
      heartwood \(Heartwood.version)
      \(mpi(Environment.libraryVersion)) (MPI \(standard.version).\(standard.subversion))
      Swift \("\(_SwiftStdlibVersion.current)".split(separator: ".").prefix(2).joined(separator: "."))
      CPU level \(level(CPULevel.supported))\(cpu.map { " of \($0)" } ?? "")
      """
  }

  /// Name and version out of what a library says of itself: `Open MPI v4.1.4, package: ...`, or of MPICH's many lines the first,
  /// `MPICH Version: 4.0.2`.
  package static func mpi(_ text: String) -> String {
    let first = text.split(whereSeparator: { $0.isNewline || $0 == "," || $0 == "\0" }).first ?? "unknown MPI"
    return first.split(whereSeparator: \.isWhitespace).filter { $0 != "Version:" }.joined(separator: " ")
  }

  /// As HEARTWOOD_CPU_LEVEL calls it, and the x86-64 ABI.
  private static func level(_ level: CPULevel) -> String {
    switch level {
    case .plain: "plain"
    case .avx2: "avx2 (x86-64-v3)"
    case .avx512: "avx512 (x86-64-v4)"
    }
  }

  /// The processor's name, where the system tells it.
  private static var cpu: String? {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    return lines.first { $0.hasPrefix("model name") }?.split(separator: ":", maxSplits: 1).last
      .map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
