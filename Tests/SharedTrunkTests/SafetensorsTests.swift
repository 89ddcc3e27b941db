import Foundation
import SharedTrunk
import XCTest

final class SafetensorsTests: XCTestCase {
  private let file = Safetensors(
    [
      "b": .init(shape: [2, 3], values: [1, -2, 0.5, .leastNonzeroMagnitude, 1e30, 0]),
      "a": .init(shape: [1], values: [7]),
    ],
    metadata: ["task": "106 \"quoted\" é"])

  func testWhatGoesInComesOut() throws {
    let data = try file.encoded()
    XCTAssertEqual(try Safetensors(decoding: data, file: "x"), file)
    XCTAssertEqual(data, try file.encoded())
    XCTAssertEqual((data.count - 8) % 4, 0)
  }

  /// Every cut and every flipped byte of the header is read or refused; none ends the process.
  func testDamage() throws {
    let data = try file.encoded()
    for count in 0..<data.count {
      XCTAssertThrowsError(try Safetensors(decoding: data.prefix(count), file: "x"))
    }
    XCTAssertThrowsError(try Safetensors(decoding: data + Data(count: 4), file: "x"))
    for index in 0..<data.count - 28 {
      for bit in 0..<8 {
        var damaged = data
        damaged[index] ^= 1 << bit
        _ = try? Safetensors(decoding: damaged, file: "x")
      }
    }
    func encoded(_ header: String, _ payload: Int) -> Data {
      withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
        + Data(count: payload)
    }
    func assertDamaged(_ words: String, _ data: Data, line: UInt = #line) {
      XCTAssertThrowsError(try Safetensors(decoding: data, file: "x"), line: line) {
        XCTAssertTrue("\($0)".contains(words), "\($0)", line: line)
      }
    }
    // Many names for the same bytes would be more memory than the file has.
    let tensor = #"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#
    assertDamaged("starts at byte 0, not 8", encoded(#"{"a":\#(tensor),"b":\#(tensor)}"#, 16))
    assertDamaged("not what its name says", encoded(#"{"__metadata__":\#(tensor)}"#, 8))
    assertDamaged("not what its name says", encoded(#"{"a":{"b":"c"}}"#, 0))
    assertDamaged("at most 1048576", encoded("{}" + String(repeating: " ", count: 1 << 20), 0))
    assertDamaged("not safetensors JSON", encoded(String(repeating: "[", count: 100_000), 0))
    XCTAssertNoThrow(try Safetensors(decoding: encoded(#"{"a":\#(tensor)}"#, 8), file: "x"))
    let huge = #"{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,4]}}"#
    let length = withUnsafeBytes(of: UInt64(huge.utf8.count).littleEndian) { Data($0) }
    XCTAssertThrowsError(try Safetensors(decoding: length + Data(huge.utf8) + Data(count: 4), file: "x"))
  }
}
