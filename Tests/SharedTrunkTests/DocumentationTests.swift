import Foundation
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

  /// What `Launch/docs` takes for an error: a list of parameters that does not name all, of a declaration that has a page.
  func testListsOfParametersAreWhole() throws {
    var lists = 0
    for (module, hidden) in [("WFDB", false), ("MPI", false), ("SharedTrunk", true)] {
      let sources = fixtures("../../../Sources/\(module)")
      for case let file as URL in try XCTUnwrap(
        FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
      where file.pathExtension == "swift" {
        for list in Self.parameterLists(in: try String(contentsOf: file, encoding: .utf8))
        where list.declaration.contains("public ") || (hidden && !list.declaration.contains("private ")) {
          lists += 1
          XCTAssertEqual(list.documented, list.declared, "\(file.lastPathComponent): \(list.declaration)")
        }
      }
    }
    XCTAssertGreaterThan(lists, 20)
  }

  /// Of every function with such a list: its first line, the names in the list, and those that it declares.
  private static func parameterLists(in source: String) -> [(
    declaration: String, documented: [String], declared: [String]
  )] {
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    return lines.indices.filter { lines[$0] == "/// - Parameters:" }.compactMap { start in
      let documented = lines[(start + 1)...].prefix { $0.hasPrefix("///  ") }
        .compactMap { $0.wholeMatch(of: /\/\/\/   - (\w+):.*/).map { String($0.1) } }
      guard
        let first = lines[start...].firstIndex(where: { !$0.hasPrefix("///") && !$0.hasPrefix("@") }),
        let opening = lines[first...].joined(separator: " ").split(separator: "(", maxSplits: 1).dropFirst()
          .first
      else { return nil }
      // Up to the parenthesis that closes the first; what stands deeper has labels of its own.
      var (depth, text) = (1, "")
      for character in opening {
        if "([{<".contains(character) { depth += 1 }
        if ")]}".contains(character) || (character == ">" && text.last != "-") { depth -= 1 }
        if depth == 0 { break }
        text.append(depth == 1 || !",:".contains(character) ? character : " ")
      }
      let declared = text.split(separator: ",").compactMap {
        $0.split(separator: ":").first?.split(separator: " ").last.map(String.init)
      }
      return (lines[first], documented, declared)
    }
  }
}
