import Foundation
import WFDB
import XCTest

/// Damaged records are read or refused with a reason: no crash, no hang, no memory that their files do not justify.
///
/// HEARTWOOD_MUTATIONS is how many; 20,000 without it.
final class MutationTests: XCTestCase {
  func testMutatedRecords() throws {
    let count = ProcessInfo.processInfo.environment["HEARTWOOD_MUTATIONS"].flatMap { Int($0) } ?? 20_000
    var originals = MemoryFolder()
    for name in try FileManager.default.contentsOfDirectory(atPath: fixtures).sorted()
    where ["hea", "dat", "atr"].contains(name.split(separator: ".").last) {
      originals.files[name] = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(fixtures)/\(name)")))
    }
    let names = originals.files.keys.sorted()
    let records = names.filter { $0.hasSuffix(".hea") }.map { String($0.dropLast(4)) }
    var random = SeededGenerator(seed: 7)
    var outcomes: [String: Int] = [:]
    resetPeak()
    let before = try peakKilobytes()
    try withTemporaryFolder { folder in
      for (name, bytes) in originals.files {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
      }
      for index in 0..<count {
        let name = names[index % names.count]
        let stem = String(name[..<name.lastIndex(of: ".")!])
        var files = originals
        // Without checksums, which half of the time would refuse what decoding should see.
        let isBare = Bool.random(using: &random)
        if isBare, !name.hasSuffix(".atr"), let header = files.files["\(stem).hea"] {
          files.files["\(stem).hea"] = withoutChecksums(header)
        }
        let mutated = mutate(files.files[name]!, isText: name.hasSuffix(".hea"), &random)
        files.files[name] = mutated
        // A segment is read alone or through the whole record.
        let record =
          stem.split(separator: "_").first.map(String.init).flatMap { whole in
            records.contains(whole) && (index / names.count) % 2 == 0 ? whole : nil
          } ?? stem
        let isOnDisk = index % 16 == 0
        if isOnDisk { try Data(mutated).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
        let outcome = try attempt(name, record, files, isOnDisk ? folder : nil)
        outcomes[outcome, default: 0] += 1
        if isOnDisk {
          try Data(originals.files[name]!).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
      }
    }
    let growth = try peakKilobytes() - before
    print("\(count) mutations: \(outcomes.sorted { $0.key < $1.key }); peak memory grew by \(growth) KB")
    XCTAssertGreaterThan(outcomes["read", default: 0], count / 20)
    XCTAssertGreaterThan(outcomes["refused", default: 0], count / 4)
    // The fixtures are a few kilobytes each.
    XCTAssertLessThanOrEqual(growth, 16 << 10)
  }

  /// Reads in memory, or from `folder`; an error other than `WFDBError` is the test's failure.
  private func attempt(_ name: String, _ record: String, _ files: MemoryFolder, _ folder: String?) throws
    -> String
  {
    do {
      if name.hasSuffix(".atr") {
        let file =
          try folder.map { try AnnotationFile.read(at: "\($0)/\(name)") }
          ?? AnnotationFile.read(name, in: files)
        XCTAssertLessThanOrEqual(file.annotations.count, files.files[name]!.count / 2)
        // What was read can be written, and is the same again, but where it could not be told from the format's own.
        if let bytes = try? file.encoded(path: name) {
          XCTAssertEqual(try AnnotationFile.parse(bytes, path: name), file)
        }
        return "read"
      }
      let whole = Result {
        try folder.map { try Record.read(at: "\($0)/\(record)") } ?? Record.read(record, in: files)
      }
      if let folder { try readInStretches("\(folder)/\(record)", whole: try? whole.get()) }
      let read = try whole.get()
      let bytes = read.signals.reduce(0) { $0 + 4 * $1.digital.count }
      XCTAssertLessThanOrEqual(bytes, 4 << 20 + 8 * files.files.values.reduce(0) { $0 + $1.count })
      for signal in read.signals {
        XCTAssertEqual(signal.digital.count, read.sampleCount * signal.specification.samplesPerFrame)
        if signal.digital.count < 10_000 { XCTAssertEqual(signal.physical().count, signal.digital.count) }
      }
      if bytes < 100_000 { _ = try? read.encoded().0.encoded() }
      return "read"
    } catch let error as WFDBError {
      XCTAssertFalse(error.description.contains("\n"))
      XCTAssertLessThan(error.description.utf8.count, 8_000)
      return "refused"
    }
  }
}

/// Reads a record in three stretches: as whole, or refused with a reason, which it must not be if it was read whole.
private func readInStretches(_ path: String, whole: Record?) throws {
  do {
    var reader = try RecordReader(at: path)
    guard reader.sampleCount < 100_000 else { return }
    let ends = (0...3).map { $0 * reader.sampleCount / 3 }
    var digital = reader.specifications.map { _ in [Int32]() }
    for (start, end) in zip(ends, ends.dropFirst()) {
      for (index, samples) in try reader.read(start..<end).enumerated() { digital[index] += samples }
    }
    if let whole { XCTAssertEqual(digital, whole.signals.map(\.digital), path) }
  } catch let error as WFDBError {
    XCTAssertNil(whole, "\(error)")
  }
}

/// The header with the first three fields of each signal line alone.
private func withoutChecksums(_ header: [UInt8]) -> [UInt8] {
  let lines = header.split(separator: 10).enumerated().map { index, line in
    let fields = line.split(separator: 32)
    return index == 0 || fields.count < 4 ? Array(line) : Array(fields[..<3].joined(separator: [32]))
  }
  return Array(lines.joined(separator: [10]))
}

/// Peak resident memory since the last `resetPeak()`: Linux's VmHWM. (`getrusage` remembers the process before exec.)
private func peakKilobytes() throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  let line = try XCTUnwrap(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
  return try XCTUnwrap(Int(line.split(separator: " ")[1]))
}

private func resetPeak() {
  // 5 resets the peak; proc(5). Where that is not allowed, the test measures from an earlier start.
  try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
}

private func mutate(_ original: [UInt8], isText: Bool, _ random: inout SeededGenerator) -> [UInt8] {
  var bytes = original
  for _ in 0..<Int.random(in: 1...3, using: &random) {
    guard !bytes.isEmpty else { return bytes }
    switch Int.random(in: 0..<(isText ? 9 : 6), using: &random) {
    case 0:
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
    case 1: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
    case 2:
      bytes.insert(
        contentsOf: (0..<Int.random(in: 1...20, using: &random)).map { _ in
          UInt8.random(in: 0...255, using: &random)
        },
        at: Int.random(in: 0...bytes.count, using: &random))
    case 3:
      let start = Int.random(in: bytes.indices, using: &random)
      bytes.removeSubrange(start..<min(bytes.count, start + Int.random(in: 1...9, using: &random)))
    case 4:
      bytes[Int.random(in: bytes.indices, using: &random)] = [0, 0x7F, 0x80, 0xFF].randomElement(
        using: &random)!
    case 5:
      // A word of an annotation file that changes how the rest is read.
      let place = Int.random(in: bytes.indices, using: &random) | 1
      if place < bytes.count { bytes[place] = UInt8.random(in: 48...63, using: &random) << 2 }
    case 6: replaceNumber(&bytes, &random)
    case 7:
      var lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
      let line = lines.remove(at: Int.random(in: lines.indices, using: &random))
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        lines.insert(line, at: Int.random(in: 0...lines.count, using: &random))
      }
      bytes = Array(lines.joined(separator: [10]))
    default:
      let marks = Array(" /():+x~#\t-._".utf8)
      bytes[Int.random(in: bytes.indices, using: &random)] = marks.randomElement(using: &random)!
    }
  }
  return bytes
}

/// One run of digits becomes another number, often of an unreasonable size.
private func replaceNumber(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
  let numbers = [
    "0", "-1", "1", "2", "7", "16", "80", "212", "310", "311", "516", "65535", "65536", "100000", "1048577",
    "2147483647",
    "2147483648", "-2147483649", "1000000000", "1000000000000", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "99999999999999999999999", "1e308", "1e-320", "nan", "inf", "0.5", "",
  ]
  func isDigit(_ byte: UInt8) -> Bool { 48...57 ~= byte }
  let start = Int.random(in: bytes.indices, using: &random)
  guard let first = bytes[start...].firstIndex(where: isDigit) ?? bytes.firstIndex(where: isDigit) else {
    return
  }
  let end = bytes[first...].firstIndex { !isDigit($0) } ?? bytes.endIndex
  bytes.replaceSubrange(first..<end, with: numbers.randomElement(using: &random)!.utf8)
}
