import Foundation
import XCTest

/// The README and the modules' pages show the programs of `Tests/Example`, which `Tests/Example/try` builds.
final class DocumentationTests: XCTestCase {
  func testPagesShowTheExample() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
    func text(_ path: String) throws -> String {
      try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }
    let example = "```swift\n\(try text("Tests/Example/Sources/ReadRecord/main.swift"))```\n"
    for page in ["README.md", "Sources/WFDB/WFDB.docc/WFDB.md"] {
      XCTAssert(try text(page).contains(example), "\(page) shows another program than Tests/Example")
    }
    let ranks = "```swift\n\(try text("Tests/Example/Sources/AddRanks/main.swift"))```\n"
    XCTAssert(try text("Sources/MPI/MPI.docc/MPI.md").contains(ranks), "MPI.md shows another program")
  }
}
