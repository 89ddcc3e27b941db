import Foundation

/// Tensors by name in one file, in the safetensors format (github.com/huggingface/safetensors, "Format"):
/// eight bytes of header length (little-endian), a JSON header, then the raw little-endian numbers.
public struct Safetensors: Sendable, Equatable {
  /// Numbers and their shape; stored as `F32`.
  public struct Tensor: Sendable, Equatable {
    /// Sizes, slowest first: rows x columns.
    public let shape: [Int]
    /// The numbers, row by row.
    public let values: [Float]

    /// As many `values` as the shape holds.
    public init(shape: [Int], values: [Float]) {
      precondition(shape.reduce(1, *) == values.count, "shape \(shape) does not hold \(values.count) numbers")
      self.shape = shape
      self.values = values
    }
  }

  /// By name.
  public var tensors: [String: Tensor]
  /// The header's `__metadata__`.
  public var metadata: [String: String]

  /// A file of these tensors, in memory.
  public init(_ tensors: [String: Tensor], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  private static let metadataName = "__metadata__"

  private struct Entry: Codable {
    let dtype: String
    let shape: [Int]
    let dataOffsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case dataOffsets = "data_offsets"
    }
  }

  private enum Header: Codable {
    case entry(Entry)
    case metadata([String: String])

    init(from decoder: any Decoder) throws {
      if let entry = try? Entry(from: decoder) {
        self = .entry(entry)
      } else {
        self = .metadata(try [String: String](from: decoder))
      }
    }

    func encode(to encoder: any Encoder) throws {
      switch self {
      case .entry(let entry): try entry.encode(to: encoder)
      case .metadata(let metadata): try metadata.encode(to: encoder)
      }
    }
  }

  /// The file's bytes: tensors in the order of their names, the header padded by spaces to a multiple of eight.
  public func encoded() throws -> Data {
    var header: [String: Header] = metadata.isEmpty ? [:] : [Self.metadataName: .metadata(metadata)]
    var offset = 0
    let names = tensors.keys.sorted()
    for name in names {
      let tensor = tensors[name]!
      let end = offset + 4 * tensor.values.count
      header[name] = .entry(Entry(dtype: "F32", shape: tensor.shape, dataOffsets: [offset, end]))
      offset = end
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var json = try encoder.encode(header)
    json.append(contentsOf: [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8))
    var data = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
    data.append(json)
    for name in names {
      for value in tensors[name]!.values {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
      }
    }
    return data
  }

  /// Longest header that is read, in bytes: some ten thousand tensors.
  static let headerLimit = 1 << 20

  /// Reads a file's bytes. Throws `ModelError` naming `file` if they are not F32 tensors that fill the file, one after another.
  public init(decoding data: Data, file: String) throws {
    guard data.count >= 8 else { throw ModelError.damaged(file, "shorter than its 8-byte length") }
    let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(min(data.count - 8, Self.headerLimit)) else {
      throw ModelError.damaged(
        file,
        "its header claims \(length) bytes; the file has \(data.count), and at most \(Self.headerLimit) are read"
      )
    }
    let payload = data.dropFirst(8 + Int(length))
    guard
      let header = try? JSONDecoder().decode(
        [String: Header].self, from: data.dropFirst(8).prefix(Int(length)))
    else { throw ModelError.damaged(file, "its header is not safetensors JSON") }
    tensors = [:]
    metadata = [:]
    var entries: [(name: String, entry: Entry, count: Int)] = []
    for (name, value) in header {
      switch value {
      case .metadata(let metadata) where name == Self.metadataName: self.metadata = metadata
      case .entry(let entry) where name != Self.metadataName:
        entries.append((name, entry, try Self.count(name, entry, payload.count, file)))
      default: throw ModelError.damaged(file, "\(name) in its header is not what its name says")
      }
    }
    // Only once it is known that no byte belongs to two tensors are they made: a small file cannot claim more than it holds.
    var filled = 0
    for (name, entry, count) in entries.sorted(by: {
      $0.entry.dataOffsets.lexicographicallyPrecedes($1.entry.dataOffsets)
    }) {
      guard entry.dataOffsets[0] == filled else {
        throw ModelError.damaged(file, "\(name) starts at byte \(entry.dataOffsets[0]), not \(filled)")
      }
      filled += 4 * count
    }
    guard filled == payload.count else {
      throw ModelError.damaged(file, "its tensors take \(filled) bytes of \(payload.count)")
    }
    payload.withUnsafeBytes { bytes in
      for (name, entry, count) in entries {
        let values = (0..<count).map {
          let place = entry.dataOffsets[0] + 4 * $0
          return Float(
            bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
        }
        tensors[name] = Tensor(shape: entry.shape, values: values)
      }
    }
  }

  /// The numbers of a tensor, which its place in a payload of `bytes` bytes can hold.
  private static func count(_ name: String, _ entry: Entry, _ bytes: Int, _ file: String) throws -> Int {
    guard entry.dtype == "F32" else { throw ModelError.damaged(file, "\(name) is \(entry.dtype), not F32") }
    var count = 1
    for side in entry.shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: side)
      guard side >= 0 && !overflow else { throw ModelError.damaged(file, "\(name) has shape \(entry.shape)") }
      count = product
    }
    let offsets = entry.dataOffsets
    guard offsets.count == 2, offsets[0] >= 0, offsets[1] <= bytes, offsets[0] <= offsets[1], count <= bytes,
      offsets[1] - offsets[0] == 4 * count
    else { throw ModelError.damaged(file, "\(name)'s bytes do not fit its shape \(entry.shape)") }
    return count
  }
}

/// What is wrong with a model folder.
public enum ModelError: Error, CustomStringConvertible {
  /// A file, and the system's or the reader's reason.
  case unreadable(String, String)
  /// A file, and what is wrong with what it holds.
  case damaged(String, String)
  /// A file, and the tensor that it lacks.
  case missing(String, String)
  /// A file, and the system's reason.
  case unwritable(String, String)

  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "cannot read \(file): \(reason)"
    case .damaged(let file, let reason): "\(file) is damaged: \(reason)"
    case .missing(let file, let tensor): "\(file) does not hold \(tensor) in the shape that model.json gives"
    case .unwritable(let file, let reason): "cannot write \(file): \(reason)"
    }
  }
}
