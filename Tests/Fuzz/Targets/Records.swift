import WFDB

/// What can be written reads back the same, and names no file outside the header's folder.
func runHeader(_ bytes: [UInt8]) throws {
  let header = try Header.parse(bytes, path: "r.hea")
  for signal in header.signals { requireInside(signal.fileName) }
  for segment in header.segments ?? [] { requireInside(segment.name) }
  require(header.signals.count <= bytes.count / 2, "\(header.signals.count) signals of \(bytes.count) bytes")
  guard let written = try? header.encoded() else { return }
  require((try? Header.parse(written, path: "r.hea")) == header, "a header that changes when written")
}

private func requireInside(_ name: String) {
  require(
    !name.hasPrefix("/") && !name.utf8.contains(0) && !name.split(separator: "/").contains(".."),
    "\(name) is outside the folder")
}

/// The bytes are a header, the header of every segment, and every signal file, with a null between each.
func runSignals(_ bytes: [UInt8]) throws {
  let parts = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map(Array.init)
  let files = ThreeFiles(
    header: parts[0], segment: parts.count > 1 ? parts[1] : [], signals: parts.count > 2 ? parts[2] : [])
  let record = try Record.read("r", in: files)
  var held = 0
  for signal in record.signals {
    require(
      signal.digital.count == record.sampleCount * signal.specification.samplesPerFrame,
      "\(signal.digital.count) samples in \(record.sampleCount) frames")
    held += 4 * signal.digital.count
  }
  // Every signal may have a file of its own.
  require(
    held <= 4 << 20 + 8 * files.signals.count * max(1, files.named.count),
    "\(held) bytes of samples from \(bytes.count)")
  guard held < 1 << 16 else { return }
  for signal in record.signals {
    require(signal.physical().count == signal.digital.count, "other physical samples than digital ones")
  }
  try requireReadsBack(record)
}

/// A record that can be written has the same samples when it is read again.
private func requireReadsBack(_ record: Record) throws {
  guard let (header, files) = try? record.encoded(), let text = try? header.encoded() else { return }
  let written = MemoryFolder(
    files: Dictionary(files.map { ($0.name, $0.bytes) } + [(header.name + ".hea", text)]) { $1 })
  let again = try? Record.read(header.name, in: written)
  require(again?.signals.map(\.digital) == record.signals.map(\.digital), "samples that change when written")
}

/// A header, one for every segment, and signal files that all hold the same.
private struct ThreeFiles: FileSource {
  let header: [UInt8]
  let segment: [UInt8]
  let signals: [UInt8]
  let named = Names()

  final class Names { var count = 0 }

  func path(of name: String) -> String { name }

  private func file(_ name: String) -> [UInt8] {
    name == "r.hea" ? header : name.hasSuffix(".hea") ? segment : signals
  }

  func size(of name: String) throws -> Int {
    named.count += 1
    return file(name).count
  }

  func bytes(of name: String, in range: Range<Int>) throws -> [UInt8] { Array(file(name)[range]) }
}

/// Files in memory.
private struct MemoryFolder: FileSource {
  let files: [String: [UInt8]]

  func path(of name: String) -> String { name }

  private func file(_ name: String) throws -> [UInt8] {
    guard let bytes = files[name] else { throw WFDBError(file: name, .missing("a file")) }
    return bytes
  }

  func size(of name: String) throws -> Int { try file(name).count }
  func bytes(of name: String, in range: Range<Int>) throws -> [UInt8] { Array(try file(name)[range]) }
}

/// No more annotations than words; what can be written reads back the same.
func runAnnotations(_ bytes: [UInt8]) throws {
  let file = try AnnotationFile.parse(bytes, path: "r.atr")
  require(
    file.annotations.count <= bytes.count / 2, "\(file.annotations.count) annotations of \(bytes.count) bytes"
  )
  guard let written = try? file.encoded(path: "r.atr") else { return }
  require((try? AnnotationFile.parse(written, path: "r.atr")) == file, "annotations that change when written")
}
