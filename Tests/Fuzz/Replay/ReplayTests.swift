import Foundation
import FuzzTargets
import XCTest

/// Every file of the corpus through the functions that the fuzzer runs, and through them again with a byte changed or the end cut off.
/// What breaks a promise crashes.
final class ReplayTests: XCTestCase {
  func testCorpus() throws {
    let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Corpus")
    for target in FuzzTarget.allCases {
      let folder = corpus.appendingPathComponent(target.rawValue)
      var outcomes: [Bool] = []
      for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
        let bytes = try [UInt8](Data(contentsOf: file))
        outcomes.append(target.run(bytes))
        guard outcomes.last! else { continue }
        // About a hundred places of each, the same in every run.
        for place in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 100)) {
          var changed = bytes
          changed[place] ^= 1 << (place % 8)
          target.run(changed)
          target.run(Array(bytes[..<place]))
        }
      }
      XCTAssertTrue(outcomes.contains(true), "no file of \(target)'s corpus is read")
      XCTAssertTrue(outcomes.contains(false), "no file of \(target)'s corpus is refused")
    }
  }
}
