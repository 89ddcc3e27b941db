import Cohort
import XCTest

final class SplitTests: XCTestCase {
  /// A record of 10 minutes with a beat every 0.75 s, every tenth abnormal.
  private func patient(minutes: Int = 10) throws -> Patient {
    var patient: Patient?
    try withTemporaryFolder { folder in
      var record = SmallRecord()
      record.frames = minutes * 21_600
      record.beats = stride(from: 270, to: record.frames, by: 270).enumerated().map {
        ($1, $0 % 10 == 0 ? "V" : "N")
      }
      patient = try Patient.load(record: record.write(to: folder), labelling: .strict)
    }
    return patient!
  }

  private func check(_ partition: Partition, of patient: Patient) {
    let all = partition.train + partition.validation + partition.test
    XCTAssertEqual(Set(all).count, all.count, "an example is in two parts")
    for part in [partition.train, partition.validation, partition.test] {
      XCTAssertEqual(part, part.sorted())
    }
  }

  func testChronological() throws {
    let patient = try patient()
    let parts = patient.partition(.chronological)
    check(parts, of: patient)
    let seconds = patient.examples.positions.map { Double($0) / 360 }
    // Windows reach 0.4 s before and 0.6 s after; whole ones only.
    XCTAssertEqual(parts.train, seconds.indices.filter { seconds[$0] <= 359.4 })
    XCTAssertEqual(parts.validation, seconds.indices.filter { seconds[$0] >= 360.4 && seconds[$0] <= 419.4 })
    XCTAssertEqual(parts.test, seconds.indices.filter { seconds[$0] >= 420.4 })
    // At each of the two cuts, at most two windows cross.
    XCTAssertLessThanOrEqual(
      patient.examples.count - parts.train.count - parts.validation.count - parts.test.count, 4)
  }

  func testLowTrainsOnThreeMinutesAndTestsAsChronological() throws {
    let patient = try patient()
    let parts = patient.partition(.low)
    check(parts, of: patient)
    let seconds = patient.examples.positions.map { Double($0) / 360 }
    XCTAssertEqual(parts.train, seconds.indices.filter { seconds[$0] <= 179.4 })
    XCTAssertEqual(parts.validation, seconds.indices.filter { seconds[$0] >= 180.4 && seconds[$0] <= 239.4 })
    XCTAssertEqual(parts.test, patient.partition(.chronological).test)
    // A record so short that 3 minutes would reach into its test part.
    let short = try self.patient(minutes: 4)
    XCTAssertEqual(short.partition(.low), short.partition(.chronological))
  }

  func testRandomUsesEveryBeatOnce() throws {
    let patient = try patient()
    let parts = patient.partition(.random, seed: 5)
    check(parts, of: patient)
    let count = patient.examples.count
    XCTAssertEqual((parts.train + parts.validation + parts.test).sorted(), Array(0..<count))
    XCTAssertEqual(Double(parts.train.count), 0.6 * Double(count), accuracy: 1)
    XCTAssertEqual(Double(parts.validation.count), 0.1 * Double(count), accuracy: 1)
    XCTAssertEqual(parts, patient.partition(.random, seed: 5))
    XCTAssertNotEqual(parts, patient.partition(.random, seed: 6))
    // Not in blocks: test beats have training beats for neighbours.
    XCTAssertGreaterThan(parts.test.count { parts.train.contains($0 + 1) }, parts.test.count / 3)
  }

  /// A record of 10 minutes with a beat every 0.5 s, so that some beats are exactly 4 s apart, and rhythms that interleave: VT's last
  /// episode lies where AFIB trains, AFL's where AFIB is neither trained nor tested.
  private func rhythms() throws -> Patient {
    var patient: Patient?
    try withTemporaryFolder { folder in
      var record = SmallRecord()
      record.frames = 10 * 21_600
      record.beats = stride(from: 180, to: record.frames, by: 180).map { ($0, "N") }
      record.rhythms = [
        (10, "(VT"), (40, "(N"), (60, "(AFIB"), (100, "(VT"), (120, "(AFIB"), (260, "(N"), (300, "(AFL"),
        (400, "(AFIB"), (500, "(SVTA"), (504, "(N"),
      ].map { ($0.0 * 360, $0.1) }
      patient = try Patient.load(
        record: record.write(to: folder), window: .rhythm(), labelling: .rhythms)
    }
    return patient!
  }

  func testByClassEachIsDealtOutInOrderOfTimeAndPartsKeepApart() throws {
    let patient = try rhythms()
    let parts = patient.partitionByClass(.chronological)
    check(parts, of: patient)
    let examples = patient.examples
    XCTAssertEqual(examples.classCounts(4), [100, 8, 560, 200])
    var shares: (train: [Int], validation: [Int], test: [Int]) = ([], [], [])
    for label in Int32(0)..<4 {
      let members = examples.labels.indices.filter { examples.labels[$0] == label }
      let cuts = [0.6, 0.7].map { Int((Double(members.count) * $0).rounded()) }
      shares.train += members[..<cuts[0]]
      shares.validation += members[cuts[0]..<cuts[1]]
      shares.test += members[cuts[1]...]
    }
    func apart(_ part: [Int], from others: [Int]) -> [Int] {
      part.sorted().filter { i in
        others.allSatisfy { abs(examples.positions[i] - examples.positions[$0]) >= 4 * 360 }
      }
    }
    XCTAssertEqual(parts.train, shares.train.sorted())
    XCTAssertEqual(parts.validation, apart(shares.validation, from: shares.train))
    XCTAssertEqual(parts.test, apart(shares.test, from: shares.train + shares.validation))
    // VT's last episode, 100 to 120 s: validated up to 104.5 s, AFIB trains from 120 s on.
    let test = examples[parts.test]
    let episode = test.positions.filter { $0 < 120 * 360 }.map { Double($0) / 360 }
    XCTAssertEqual([episode.min()!, episode.max()!], [108.5, 116])
    XCTAssertEqual(test.classCounts(4).map { $0 > 0 }, [true, false, true, true])
    XCTAssertEqual(parts, patient.partitionByClass(.chronological, seed: 3))
  }

  /// So that which classes have enough beats does not depend on the seed.
  func testByClassAtRandomHasTheSameSharesOfEveryClassWhateverTheSeed() throws {
    let patient = try rhythms()
    let labels = patient.examples.labels
    let first = patient.partitionByClass(.random, seed: 5)
    XCTAssertNotEqual(first, patient.partitionByClass(.random, seed: 6))
    for seed in 5...8 {
      let parts = patient.partitionByClass(.random, seed: UInt64(seed))
      check(parts, of: patient)
      for label in Set(labels) {
        let count = labels.count { $0 == label }
        XCTAssertEqual(parts.train.count { labels[$0] == label }, (6 * count + 5) / 10)
        XCTAssertEqual(parts.test.count { labels[$0] == label }, count - (7 * count + 5) / 10)
      }
    }
  }

  func testSourceAndTarget() throws {
    let patient = try patient()
    let source = patient.partition(.source)
    check(source, of: patient)
    let seconds = patient.examples.positions.map { Double($0) / 360 }
    XCTAssertEqual(source.train, seconds.indices.filter { seconds[$0] <= 509.4 })
    XCTAssertEqual(source.validation, seconds.indices.filter { seconds[$0] >= 510.4 })
    XCTAssertEqual(source.test, [])
    let target = patient.partition(.target)
    XCTAssertEqual(target.test, Array(0..<patient.examples.count))
    XCTAssertEqual(target.train + target.validation, [])
  }

  func testDrawsFollowTheWeightsAndTheKey() throws {
    let labels: [Int32] = (0..<1000).map { $0 % 50 == 0 ? 1 : 0 }
    let indices = Array(100..<600)
    func draw(_ weights: [Double], task: Int, step: Int) -> [Int] {
      var stream = RandomStream(seed: 9, UInt64(task), UInt64(step))
      let sampler = ClassWeightedSampler(labels: labels, indices: indices, weights: weights)!
      return (0..<4000).map { _ in sampler.draw(using: &stream) }
    }
    let even = draw([1, 1], task: 0, step: 0)
    XCTAssertEqual(Double(even.count { labels[$0] == 1 }), 2000, accuracy: 130)
    XCTAssert(even.allSatisfy(indices.contains))
    // Ten abnormal ones, each drawn about 200 times.
    for i in indices where labels[i] == 1 {
      XCTAssertEqual(Double(even.count { $0 == i }), 200, accuracy: 60)
    }
    XCTAssertEqual(Double(draw([9, 1], task: 0, step: 0).count { labels[$0] == 1 }), 400, accuracy: 80)
    XCTAssert(draw([0, 1], task: 0, step: 0).allSatisfy { labels[$0] == 1 })
    XCTAssert(draw([1, 0], task: 0, step: 0).allSatisfy { labels[$0] == 0 })
    XCTAssertEqual(even, draw([1, 1], task: 0, step: 0))
    XCTAssertNotEqual(even, draw([1, 1], task: 1, step: 0))
    XCTAssertNotEqual(even, draw([1, 1], task: 0, step: 1))
  }

  func testAClassWithoutExamplesIsNotDrawn() {
    let sampler = ClassWeightedSampler(labels: [0, 0, 1], indices: [0, 1])
    var stream = RandomStream(seed: 1)
    XCTAssert((0..<100).allSatisfy { _ in sampler!.draw(using: &stream) < 2 })
    XCTAssertNil(ClassWeightedSampler(labels: [0, 0, 1], indices: []))
    XCTAssertNil(ClassWeightedSampler(labels: [0, 0, 1], indices: [0, 1], weights: [0, 1]))
  }
}
