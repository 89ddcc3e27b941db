import Scaling
import XCTest

final class SumModelTests: XCTestCase {
  private let sizes = [8, 1024, 4096, 16400, 32784, 65568, 131_136]

  private func known() -> SumModel {
    var model = SumModel()
    (model.latencyWithin, model.latencyBetween) = (1e-6, 25e-6)
    (model.byteWithin, model.byteBetween, model.byteOfFew) = (0.1e-9, 8e-9, 0.2e-9)
    (model.latencyOfLarge, model.byteOfSmall, model.largeBytes) = (40e-6, 0.5e-9, 16384)
    return model
  }

  private func sums(_ model: SumModel) -> [SumModel.Measured] {
    let job = Placement(hosts: [0, 0, 1, 1, 2, 2], machines: [0, 0, 0, 0, 0, 0], cores: [8])
    let members = (2...6).map(job.spread) + [2, 3, 4].map(job.packed)
    return members.flatMap { members in
      sizes.map { bytes in
        .init(job[members], bytes: bytes, seconds: model.seconds(job[members], bytes: bytes))
      }
    }
  }

  func testFitFindsTheLatenciesAndBandwidthsThatMadeTheSums() {
    let known = known()
    let fitted = SumModel(fitting: sums(known))
    for path: KeyPath<SumModel, Double> in [
      \.latencyWithin, \.latencyBetween, \.byteWithin, \.byteBetween, \.latencyOfLarge, \.byteOfSmall,
      \.byteOfFew,
    ] {
      XCTAssertEqual(fitted[keyPath: path] / known[keyPath: path], 1, accuracy: 1e-3, "\(path)")
    }
    XCTAssertEqual(fitted.largeBytes, 16384)
  }

  func testSumsLeftOutArePredicted() throws {
    let check = try XCTUnwrap(SumModel.eachLeftOut(sums(known())))
    XCTAssertEqual(check.predicted.count, 8 * sizes.count)
    XCTAssertLessThan(check.worstError, 0.01)
  }

  func testHandComputedTimes() {
    // Two ranks on two hosts, 32784 bytes: a ring of two rounds of half the bytes.
    let known = known()
    let apart = Placement(hosts: [0, 1], machines: [0, 1], cores: [1, 1])
    XCTAssertEqual(
      known.seconds(apart, bytes: 32784), 2 * (25e-6 + 16392 * 8e-9 + 40e-6), accuracy: 1e-12)
    XCTAssertEqual(known.seconds(apart, bytes: 1024), 25e-6 + 1024 * (8e-9 + 0.5e-9), accuracy: 1e-12)
    let together = Placement(hosts: [0, 0], machines: [0, 0], cores: [2])
    XCTAssertEqual(
      known.seconds(together, bytes: 1024), 2 * 2 * 1e-6 + 1024 * 0.3e-9, accuracy: 1e-12)
    // Of two ranks a host one goes between hosts; of three on a host each reads two thirds of the parts, and of the total, from the others.
    XCTAssertEqual(
      known.seconds(Placement(regular: 4, perHost: 2), bytes: 1024), 31e-6 + 9318.4e-9, accuracy: 1e-12)
    XCTAssertEqual(
      known.seconds(Placement(regular: 3, perHost: 3), bytes: 1536), 6e-6 + 614.4e-9, accuracy: 1e-12)
  }

  func testSumsThatWaitForCoresAreNotFitted() {
    let crowded = Placement(hosts: [0, 0, 1], machines: [0, 0, 0], cores: [2])
    let odd = sizes.map { SumModel.Measured(crowded, bytes: $0, seconds: 1) }
    let sums = sums(known())
    XCTAssertEqual(SumModel(fitting: sums + odd), SumModel(fitting: sums))
    let check = SumModel.eachLeftOut(sums + odd)
    XCTAssertEqual(check?.predicted.map { $0 == nil }, (sums + odd).map { $0.placement.isCrowded })
    XCTAssertEqual(check?.worstError, SumModel.eachLeftOut(sums)?.worstError)
    XCTAssertNil(SumModel.eachLeftOut(odd))
  }

  func testNetworkGivenByLatencyAndBandwidth() {
    let network = NetworkKind("given", microseconds: 10, gigabits: 8)
    XCTAssertEqual(network.latency, 10e-6, accuracy: 1e-15)
    XCTAssertEqual(network.byte, 1e-9, accuracy: 1e-18)
    XCTAssertEqual(network.seconds(ranks: 64, bytes: 32784), 6 * (10e-6 + 32784e-9), accuracy: 1e-12)
    XCTAssertEqual(network.seconds(ranks: 1, bytes: 32784), 0)
  }
}
