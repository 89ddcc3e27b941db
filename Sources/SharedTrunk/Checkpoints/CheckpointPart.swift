import Files
import Foundation
import Layers

/// One file of a checkpoint: what one task has of its own, or what all tasks share. Of every parameter group its values, Adam's two moments
/// and the best values so far, one after the other.
///
/// A safetensors file of vectors; its header is the same at every step, so it is made once, and what changes is one copy in memory, taken
/// between two steps and written in the background.
final class CheckpointPart: @unchecked Sendable {
  let file: String
  private let header: [UInt8]
  private let vectors: [(source: UnsafeMutablePointer<Float>, count: Int)]
  /// Whose memory that is.
  private let owners: [AnyObject]
  private let copy: AlignedBuffer<Float>

  /// `best`: the best values so far of groups that have such.
  init(_ file: String, _ groups: [ParameterGroup], _ best: BestWeights) {
    self.file = file
    owners = groups + [best]
    var named: [(name: String, source: UnsafeMutablePointer<Float>, count: Int)] = []
    for (number, group) in groups.enumerated() {
      let kinds = [
        ("values", group.values), ("firstMoment", group.firstMoment), ("secondMoment", group.secondMoment),
      ]
      for (kind, source) in kinds + (best.copy(of: group).map { [("best", $0)] } ?? []) {
        named.append(("group\(number).\(kind)", source, group.count))
      }
    }
    var offset = 0
    let entries = named.map { name, _, count in
      defer { offset += 4 * count }
      return
        #""\#(name)":{"dtype":"F32","shape":[\#(count)],"data_offsets":[\#(offset),\#(offset + 4 * count)]}"#
    }
    var json = Array("{\(entries.joined(separator: ","))}".utf8)
    json += [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8)
    header = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
    vectors = named.map { ($0.source, $0.count) }
    copy = AlignedBuffer(count: offset / 4)
  }

  var bytes: Int { header.count + 4 * copy.count }

  /// Copies all numbers; training waits for this alone.
  func take() {
    var target = copy.data
    for (source, count) in vectors {
      ParameterGroup.copyAside(source, to: target, count: count)
      target += count
    }
  }

  /// Writes the copy. Throws `FileError`.
  func write(to folder: String) throws -> CheckpointManifest.File {
    try header.withUnsafeBytes { header in
      let chunks = [header, UnsafeRawBufferPointer(copy.buffer)]
      try AtomicFile.write(chunks, to: "\(folder)/\(file)")
      return CheckpointManifest.File(name: file, bytes: bytes, sha256: SHA256.hex(chunks))
    }
  }

  /// Whether the copy holds numbers alone.
  var isFinite: Bool { copy.buffer.allSatisfy(\.isFinite) }

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
    guard data.starts(with: header), SHA256.hex(data) == entry.sha256 else {
      throw CheckpointFault("\(file) is damaged: its SHA-256 is not the one written down")
    }
    return data
  }

  /// Takes over all numbers of what `read` gave.
  func restore(_ data: Data) {
    data.withUnsafeBytes { bytes in
      var source = bytes.baseAddress! + header.count
      for (target, count) in vectors {
        UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: 4 * count)
        source += 4 * count
      }
    }
  }
}
