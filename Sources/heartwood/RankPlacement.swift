import Foundation
import MPI
import Scaling
import SharedTrunk

extension Placement {
  /// Where this job's ranks are, on every rank.
  static func gathered(_ world: Communicator) throws -> Placement {
    let mine = [hostName, machineID, allowedCores].joined(separator: "\t")
    let listed = try world.gather(mine, root: 0, kind: Message.status).joined(separator: "\n")
    let all = try world.broadcast(listed, root: 0, kind: Message.status)
      .split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
    let (hosts, _) = numbered(all.map { $0[0] })
    let (machines, count) = numbered(all.map { $0[1] })
    let cores = (0..<count).map { machine in
      Set(all.indices.filter { machines[$0] == machine }.flatMap { coreNumbers(all[$0][2]) }).count
    }
    return Placement(hosts: hosts, machines: machines, cores: cores.map { max($0, 1) })
  }

  private static func numbered(_ names: [String]) -> (numbers: [Int], count: Int) {
    var seen: [String] = []
    let numbers = names.map { name in
      if let known = seen.firstIndex(of: name) { return known }
      seen.append(name)
      return seen.count - 1
    }
    return (numbers, seen.count)
  }

  private static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Virtual hosts and containers on one machine have its kernel, and so its boot in common.
  private static var machineID: String {
    (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?
      .trimmingCharacters(in: .whitespacesAndNewlines) ?? hostName
  }

  /// As the kernel lists them: "0-3,8".
  private static var allowedCores: String {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
    return line.map { $0.dropFirst(18).trimmingCharacters(in: .whitespaces) } ?? ""
  }

  private static func coreNumbers(_ list: String) -> [Int] {
    list.split(separator: ",").flatMap { part -> [Int] in
      let ends = part.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, first <= last else { return [] }
      return Array(first...last)
    }
  }
}
