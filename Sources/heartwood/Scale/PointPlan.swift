import Foundation

/// Which numbers of ranks and patients are measured.
struct PointPlan {
  struct Point: Codable, Hashable {
    let ranks: Int
    let patients: Int
    /// Of the rank that has most.
    var tasksARank: Int { (patients - 1) / ranks + 1 }
  }

  /// Cheap ones first.
  let points: [Point]
  /// Beyond the memory of the machines.
  let omitted: [Point]

  /// On some of `ranks` ranks; a point needs `bytes(point)` of the `memory` of the machine that is fullest.
  init(
    ranks: Int, hosts: Int, counts: [Int]?, patients: [Int]?, memory: Double, bytes: (Point) -> Double
  ) {
    let counts = counts ?? Self.counts(upTo: ranks, hosts: hosts)
    let wanted =
      if let patients {
        counts.flatMap { ranks in patients.filter { $0 >= ranks }.map { Point(ranks: ranks, patients: $0) } }
      } else {
        counts.flatMap { Self.usual($0, of: counts) }
      }
    let all = Set(wanted).sorted { ($0.patients, $0.ranks) < ($1.patients, $1.ranks) }
    points = all.filter { bytes($0) < 0.9 * memory }
    omitted = all.filter { bytes($0) >= 0.9 * memory }
  }

  /// 1, 2, 3, 4, 6, 8, 12, ... of which every host has as many, or one or none; and `ranks`.
  private static func counts(upTo ranks: Int, hosts: Int) -> [Int] {
    let powers = (0..<20).map { 1 << $0 }
    let even = (powers + powers.map { 3 * $0 }).filter { $0 < ranks && ($0 <= hosts || $0 % hosts == 0) }
    return Set(even + [ranks]).sorted()
  }

  /// Some patients a rank (weak scaling), some in all (strong scaling); many on the fewest and on the most ranks alone.
  private static func usual(_ ranks: Int, of counts: [Int]) -> [Point] {
    var patients = [1, 2, 3, 4, 6, 20].map { $0 * ranks } + [12, 60]
    if ranks == counts.first || ranks == counts.last { patients += [200, 1000] }
    return patients.filter { $0 >= ranks }.map { Point(ranks: ranks, patients: $0) }
  }

  /// Bytes that the kernel would give to new programs on this machine.
  static var availableMemory: Double {
    let text = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    let kilobytes = line?.split(separator: " ").lazy.compactMap { Double($0) }.first
    return kilobytes.map { $0 * 1024 }
      ?? Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
  }
}
