import Foundation
import MPI
import SharedTrunk
import XCTest

final class OwnClockTests: OneRankTestCase {
  func testSleepIsOnesOwn() {
    let clock = OwnClock()
    let start = clock.seconds
    usleep(50_000)
    XCTAssertGreaterThanOrEqual(clock.seconds - start, 0.049)
  }

  /// With two other processes for every core.
  func testWaitingForACoreIsNot() throws {
    guard FileManager.default.fileExists(atPath: "/proc/thread-self/schedstat") else {
      throw XCTSkip("this kernel does not tell how long threads wait for a core")
    }
    let others = try (0..<2 * ProcessInfo.processInfo.activeProcessorCount).map { _ in
      let other = Process()
      other.executableURL = URL(fileURLWithPath: "/bin/sh")
      other.arguments = ["-c", "while :; do :; done"]
      try other.run()
      return other
    }
    defer { for other in others { other.terminate() } }

    let clock = OwnClock()
    let (start, wall) = (clock.seconds, Environment.wallTime())
    let end = ProcessorTime.ofProcess + 0.2
    while ProcessorTime.ofProcess < end {}
    let (own, took) = (clock.seconds - start, Environment.wallTime() - wall)
    XCTAssertGreaterThanOrEqual(own, 0.199)
    XCTAssertLessThan(own, 0.8 * took, "two others had the core meanwhile")
  }

  func testStallOfACheckpoint() {
    typealias Stretch = CheckpointTiming.Stretch
    func stall(_ copy: Stretch, _ adam: Stretch, usual: [Stretch]) -> [Double] {
      let stall = CheckpointTiming.stall(copy: copy, adam: adam, usual: usual)
      return [stall.wall, stall.own]
    }
    let quiet = [Stretch](repeating: .init(wall: 2, own: 2), count: 3)
    XCTAssertEqual(stall(.init(wall: 3, own: 3), .init(wall: 4, own: 4), usual: quiet), [5, 5])
    XCTAssertEqual(stall(.init(wall: 3, own: 3), .init(wall: 9, own: 4), usual: quiet), [10, 5], "others")
    XCTAssertEqual(stall(.init(wall: 3, own: 4), .init(wall: 4, own: 4), usual: quiet), [5, 5], "beside it")
    // Where every Adam waits for a core, and where a writer runs beside every one.
    let waiting = [Stretch](repeating: .init(wall: 4, own: 2), count: 3)
    XCTAssertEqual(stall(.init(wall: 6, own: 3), .init(wall: 8, own: 4), usual: waiting), [10, 5])
    let helped = [Stretch](repeating: .init(wall: 2, own: 3), count: 3)
    XCTAssertEqual(stall(.init(wall: 3, own: 4), .init(wall: 4, own: 5), usual: helped), [5, 5])
  }
}
