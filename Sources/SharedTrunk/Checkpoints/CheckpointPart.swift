import Files
import Foundation
import Layers

/// One file of a checkpoint: what one task has of its own, or what all tasks share. Of every parameter group its values, Adam's two moments
/// and the best values so far, one after the other.
///
/// A safetensors file of vectors; its header is the same at every step, so it is made once. Values are copied in memory between two
/// steps; moments and the best values are written from where they lie, which the training in the meantime leaves alone.
final class CheckpointPart: @unchecked Sendable {
  let file: String
  private let header: [UInt8]
  private let groups: [ParameterGroup]
  private let best: BestWeights
  /// Values, a group after the other.
  private let copy: AlignedBuffer<Float>
  /// What comes after the header, in order.
  private var contents: [UnsafeMutableBufferPointer<Float>] = []
  let bytes: Int

  /// `best`: the best values so far of groups that have such.
  init(_ file: String, _ groups: [ParameterGroup], _ best: BestWeights) {
    self.file = file
    self.groups = groups
    self.best = best
    var offset = 0
    var entries: [String] = []
    for (number, group) in groups.enumerated() {
      for kind in ["values", "firstMoment", "secondMoment"] + (best.lend(group).map { _ in ["best"] } ?? []) {
        entries.append(
          #""group\#(number).\#(kind)":{"dtype":"F32","shape":[\#(group.count)],"#
            + #""data_offsets":[\#(offset),\#(offset + 4 * group.count)]}"#)
        offset += 4 * group.count
      }
    }
    var json = Array("{\(entries.joined(separator: ","))}".utf8)
    json += [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8)
    header = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
    bytes = header.count + offset
    copy = AlignedBuffer(count: groups.reduce(0) { $0 + $1.count })
    for group in groups { group.prepareToLendMoments() }
  }

  /// Copies the values and borrows the rest, until the next call; training waits for this alone.
  func take() {
    contents.removeAll(keepingCapacity: true)
    var place = copy.data
    for group in groups {
      group.copyValues(to: place)
      contents += [UnsafeMutableBufferPointer(start: place, count: group.count), group.lendMoments()]
      if let best = best.lend(group) { contents.append(best) }
      place += group.count
    }
  }

  /// Writes what was taken, a portion at a time that is summed and looked at on its way; calls `rest` between portions. Throws `FileError`;
  /// `NotFinite` if not numbers alone were taken.
  func write(to folder: String, _ rest: () -> Void) throws -> CheckpointManifest.File {
    let room = AlignedBuffer<UInt8>(count: min(PiecewiseSum.portion, bytes))
    var sum = PiecewiseSum()
    var isFinite = true
    try header.withUnsafeBytes { header in
      try withoutActuallyEscaping(rest) { rest in
        let portions = Portions(left: [header] + contents.map { UnsafeRawBufferPointer($0) }, room: room)
        try AtomicFile.write(
          portions.lazy.map { portion in
            rest()
            sum.add(portion)
            // A header of plain text looks finite too.
            isFinite = isFinite && Self.isFinite(portion.bindMemory(to: Float.self))
            return portion
          }, to: "\(folder)/\(file)")
      }
    }
    guard isFinite else { throw NotFinite(file: file) }
    return CheckpointManifest.File(name: file, bytes: bytes, sum: sum.hex())
  }

  /// Without a branch, for the compiler to take many at a time.
  private static func isFinite(_ numbers: UnsafeBufferPointer<Float>) -> Bool {
    let exponent = Float.infinity.bitPattern
    return numbers.reduce(0) { max($0, $1.bitPattern & exponent) } < exponent
  }

  /// The file's bytes, whole and as the manifest has them.
  func read(from folder: String, _ manifest: CheckpointManifest) throws(CheckpointFault) -> Data {
    guard let entry = manifest.files.first(where: { $0.name == file }) else {
      throw CheckpointFault("\(CheckpointManifest.file) does not name \(file)")
    }
    let data = try CheckpointFolder.read(file, in: folder, limit: max(entry.bytes, bytes)) {
      "\(file) is missing"
    }
    guard data.count == entry.bytes, data.count == bytes else {
      throw CheckpointFault(
        "\(file) has \(data.count) bytes, not \(data.count == entry.bytes ? bytes : entry.bytes)")
    }
    guard data.starts(with: header), PiecewiseSum.hex(data) == entry.sum else {
      throw CheckpointFault("\(file) is damaged: its sum is not the one written down")
    }
    return data
  }

  /// Takes over all numbers of what `read` gave.
  func restore(_ data: Data) {
    data.withUnsafeBytes { bytes in
      var rest = bytes[header.count...]
      let targets = groups.flatMap { group in
        [UnsafeMutableBufferPointer(start: group.values, count: group.count), group.moments]
          + (best.lend(group).map { [$0] } ?? [])
      }
      for target in targets.map({ UnsafeMutableRawBufferPointer($0) }) {
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest.prefix(target.count)))
        rest = rest.dropFirst(target.count)
      }
    }
  }
}

/// What lies in several places, joined in `room` as much at a time as that holds.
private struct Portions: Sequence, IteratorProtocol {
  var left: [UnsafeRawBufferPointer]
  let room: AlignedBuffer<UInt8>

  mutating func next() -> UnsafeRawBufferPointer? {
    let target = UnsafeMutableRawBufferPointer(room.buffer)
    var filled = 0
    while filled < target.count, let first = left.first {
      let part = first.prefix(target.count - filled)
      target[filled...].copyBytes(from: part)
      filled += part.count
      left[0] = UnsafeRawBufferPointer(rebasing: first.dropFirst(part.count))
      if left[0].isEmpty { left.removeFirst() }
    }
    return filled > 0 ? UnsafeRawBufferPointer(rebasing: target[..<filled]) : nil
  }
}
