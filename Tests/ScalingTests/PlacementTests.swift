import Scaling
import XCTest

final class PlacementTests: XCTestCase {
  private let three = Placement(hosts: [0, 0, 1, 1, 2, 2], machines: [0, 0, 0, 0, 0, 0], cores: [2])

  func testSomeRanksLieOnManyHostsOrOnFew() {
    XCTAssertEqual(
      (1...6).map(three.spread),
      [
        [0], [0, 2], [0, 2, 4], [0, 1, 2, 4], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5],
      ])
    XCTAssertEqual(three.packed(3), [0, 1, 2])
    // Ranks dealt out to the hosts in turn: neighbours are brought together.
    let dealt = Placement(hosts: [0, 1, 0, 1, 0], machines: [0, 1, 0, 1, 0], cores: [4, 4])
    XCTAssertEqual(dealt.spread(4), [0, 2, 1, 3])
    XCTAssertEqual(dealt[dealt.spread(4)].hosts, [0, 0, 1, 1])
    XCTAssertEqual(dealt.packed(3), [0, 2, 4])
  }

  func testRanksAreDealtOutToCores() {
    let crowded = Placement(hosts: [0, 0, 0, 0, 1], machines: [0, 0, 0, 0, 1], cores: [2, 1])
    XCTAssertEqual(crowded.tasks(7), [2, 2, 1, 1, 1])
    XCTAssertEqual(crowded.coreOfEachRank(tasks: 5), [0, 1, 0, 1, 0])
    let three = crowded[[0, 1, 2]]
    XCTAssertEqual(three.coreOfEachRank(tasks: 4), [0, 1, 1], "the rank with two tasks has a core to itself")
  }

  func testHostsOfOneMachineShareItsCores() {
    XCTAssertEqual(three.ranksPerCore, 3)
    XCTAssertEqual(three[three.spread(3)].ranksPerCore, 1.5)
    XCTAssertEqual(three[three.spread(3)].ranksOnMachine, 3)
    XCTAssertEqual(three.hostCount, 3)
    XCTAssertEqual(Placement(regular: 5, perHost: 2).hosts, [0, 0, 1, 1, 2])
    XCTAssertEqual(Placement(regular: 5, perHost: 2).ranksPerCore, 1)
  }
}
