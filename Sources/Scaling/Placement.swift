/// Where a job's ranks run: on hosts, which a network joins, and on machines, whose cores they share. Virtual hosts are several on one
/// machine.
public struct Placement: Codable, Sendable, Equatable {
  /// Of each rank, numbered in order of appearance.
  public let hosts: [Int]
  public let machines: [Int]
  /// Of each machine, as many as its ranks may use.
  public let cores: [Int]

  public init(hosts: [Int], machines: [Int], cores: [Int]) {
    precondition(hosts.count == machines.count && machines.allSatisfy(cores.indices.contains))
    self.hosts = hosts
    self.machines = machines
    self.cores = cores
  }

  /// `perHost` neighbouring ranks on each host, each host a machine of that many cores.
  public init(regular ranks: Int, perHost: Int) {
    let hosts = (0..<ranks).map { $0 / perHost }
    self.init(hosts: hosts, machines: hosts, cores: (0...(ranks - 1) / perHost).map { _ in perHost })
  }

  public var ranks: Int { hosts.count }
  public var hostCount: Int { Set(hosts).count }

  /// The same of some ranks alone, in that order.
  public subscript(members: [Int]) -> Placement {
    Placement(hosts: members.map { hosts[$0] }, machines: members.map { machines[$0] }, cores: cores)
  }

  /// `count` ranks on as many hosts as can be, as evenly as can be, neighbours on one host; the first rank is among them.
  public func spread(_ count: Int) -> [Int] {
    var left = byHost
    var chosen: [Int] = []
    while chosen.count < count {
      for host in left.indices where !left[host].isEmpty && chosen.count < count {
        chosen.append(left[host].removeFirst())
      }
    }
    return chosen.sorted { (hosts[$0], $0) < (hosts[$1], $1) }
  }

  /// `count` ranks on as few hosts as they fill in order; the first rank is among them.
  public func packed(_ count: Int) -> [Int] { Array(byHost.joined().prefix(count)) }

  private var byHost: [[Int]] {
    (0..<hostCount).map { host in hosts.indices.filter { hosts[$0] == host } }
  }

  /// Tasks of each rank, spread evenly: the first ranks have one more.
  public func tasks(_ all: Int) -> [Int] {
    (0..<ranks).map { all / ranks + ($0 < all % ranks ? 1 : 0) }
  }

  /// The core, by its number on the rank's machine, that each rank computes on: dealt out in order, each to the core with the fewest tasks
  /// so far.
  public func coreOfEachRank(tasks all: Int) -> [Int] {
    let tasks = tasks(all)
    var loads = cores.map { [Int](repeating: 0, count: $0) }
    return (0..<ranks).map { rank in
      let machine = machines[rank]
      let core = loads[machine].indices.min { loads[machine][$0] < loads[machine][$1] }!
      loads[machine][core] += tasks[rank]
      return core
    }
  }

  /// Ranks for each core of the machine that is fullest for its size.
  public var ranksPerCore: Double {
    Set(machines).map { machine in Double(count(on: machine)) / Double(cores[machine]) }.max() ?? 0
  }

  /// Whether ranks have to wait for cores.
  public var isCrowded: Bool { ranksPerCore > 1 }

  /// Ranks on the machine that is fullest for its size.
  public var ranksOnMachine: Int {
    Set(machines).map(count).max() ?? 0
  }

  /// Ranks on the host that has most.
  public var ranksOnHost: Int {
    Set(hosts).map { host in hosts.count { $0 == host } }.max() ?? 0
  }

  private func count(on machine: Int) -> Int { machines.count { $0 == machine } }
}
