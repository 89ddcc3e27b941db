import MPI
import SharedTrunk
import XCTest

/// The example of the module's page: that it runs, and that the page shows it.
final class DocumentationTests: OneRankTestCase {
  func testTrainingByHand() throws {
    // The page's example begins here.
    let world = Communicator.world
    let ownership = Ownership(tasks: 3, ranks: world.size, rank: world.rank)
    let tasks = TaskSet(
      names: ["0", "1", "2"], ownership: ownership,
      own: ownership.own.map { SyntheticTask.make($0, count: 64, length: 128) })
    var options = TrainingOptions()
    options.steps = 50
    let shape = NetworkShape(branch: BranchShape(kind: .cnn, length: 128))
    let network = try Network(.concat, shape, tasks, options, world)
    let result = try network.train { report in
      if report.step % 10 == 0 { print("step \(report.step): loss \(report.loss)") }
    }
    let stranger = SyntheticTask.make(3, count: 8, length: 128).training
    let probabilities = try network.predict(stranger, .mean)  // 8 x 2
    // It ends here.
    XCTAssert(result.lastLoss.isFinite)
    XCTAssertEqual(probabilities.count, 16)

    let source = try String(contentsOfFile: #filePath, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    let first = try XCTUnwrap(source.firstIndex { $0.hasSuffix("// The page's example begins here.") })
    let end = try XCTUnwrap(source.firstIndex { $0.hasSuffix("// It ends here.") })
    let example = source[(first + 1)..<end].map { $0.dropFirst(4) }.joined(separator: "\n")
    let page = fixtures("../../../Sources/SharedTrunk/SharedTrunk.docc/SharedTrunk.md")
    XCTAssert(
      try String(contentsOf: page, encoding: .utf8).contains("```swift\n\(example)\n```\n"),
      "SharedTrunk.md shows another example than runs here")
  }
}
