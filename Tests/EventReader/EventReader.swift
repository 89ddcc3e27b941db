import Foundation
import SwiftProtobuf
import TensorBoard

/// Event files for tests, as TensorBoard reads them.
package enum EventReader {
  package struct Damaged: Error {
    let offset: Int
  }

  /// Throws `Damaged` where a length or check is wrong.
  package static func events(of file: [UInt8]) throws -> [Tensorboard_Event] {
    var (events, start) = ([Tensorboard_Event](), 0)
    func number<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) throws -> Number {
      guard offset + Number.bitWidth / 8 <= file.count else { throw Damaged(offset: offset) }
      return (0..<Number.bitWidth / 8).reduce(0) { $0 | Number(file[offset + $1]) << (8 * $1) }
    }
    while start < file.count {
      let length = Int(try number(UInt64.self, at: start))
      let end = start + 12 + length
      let payload = Array(file[start + 12..<min(end, file.count)])
      guard try number(UInt32.self, at: start + 8) == Record.maskedCheck(Array(file[start..<start + 8])),
        try number(UInt32.self, at: end) == Record.maskedCheck(payload)
      else { throw Damaged(offset: start) }
      events.append(try Tensorboard_Event(serializedBytes: payload))
      start = end + 4
    }
    return events
  }

  /// The events of a run's folder, its files in the order of their names.
  package static func events(in folder: String) throws -> [Tensorboard_Event] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains("tfevents") }.sorted()
      .flatMap { try events(of: Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)")))) }
  }

  /// The points of every scalar: those that a later start takes back are gone.
  package static func scalars(in folder: String) throws -> [String: [(step: Int, value: Float)]] {
    var curves: [String: [(step: Int, value: Float)]] = [:]
    for event in try events(in: folder) {
      if event.sessionLog.status == .start {
        curves = curves.mapValues { $0.filter { $0.step < event.step } }
      }
      for value in event.summary.value where value.value == .simpleValue(value.simpleValue) {
        curves[value.tag, default: []].append((Int(event.step), value.simpleValue))
      }
    }
    return curves
  }
}
