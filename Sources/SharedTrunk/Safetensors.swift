import Foundation

/// Tensors by name in one file, in the safetensors format (github.com/huggingface/safetensors, "Format"):
/// eight bytes of header length (little-endian), a JSON header, then the raw little-endian numbers.
public struct Safetensors: Sendable, Equatable {
  public struct Tensor: Sendable, Equatable {
    public let shape: [Int]
    public let values: [Float]

    public init(shape: [Int], values: [Float]) {
      precondition(shape.reduce(1, *) == values.count, "shape \(shape) does not hold \(values.count) numbers")
      self.shape = shape
      self.values = values
    }
  }

  public var tensors: [String: Tensor]
  /// The header's `__metadata__`.
  public var metadata: [String: String]

  public init(_ tensors: [String: Tensor], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

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
    var header: [String: Header] = metadata.isEmpty ? [:] : ["__metadata__": .metadata(metadata)]
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

  /// Reads a file's bytes. Throws `ModelError` naming `file` if they are not F32 tensors that fill the file.
  public init(decoding data: Data, file: String) throws {
    let bytes = [UInt8](data)
    guard bytes.count >= 8 else { throw ModelError.damaged(file, "shorter than its 8-byte length") }
    let length = bytes[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(bytes.count - 8) else {
      throw ModelError.damaged(file, "its header claims \(length) bytes, the file has \(bytes.count)")
    }
    let start = 8 + Int(length)
    guard let header = try? JSONDecoder().decode([String: Header].self, from: Data(bytes[8..<start])) else {
      throw ModelError.damaged(file, "its header is not safetensors JSON")
    }
    tensors = [:]
    metadata = [:]
    let payload = bytes[start...]
    var filled = 0
    for (name, value) in header {
      switch value {
      case .metadata(let metadata): self.metadata = metadata
      case .entry(let entry):
        let tensor = try Self.tensor(name, entry, payload, file)
        tensors[name] = tensor
        filled += 4 * tensor.values.count
      }
    }
    guard filled == payload.count else {
      throw ModelError.damaged(file, "its tensors take \(filled) bytes of \(payload.count)")
    }
  }

  private static func tensor(_ name: String, _ entry: Entry, _ bytes: ArraySlice<UInt8>, _ file: String)
    throws
    -> Tensor
  {
    guard entry.dtype == "F32" else { throw ModelError.damaged(file, "\(name) is \(entry.dtype), not F32") }
    var count = 1
    for side in entry.shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: side)
      guard side >= 0 && !overflow else { throw ModelError.damaged(file, "\(name) has shape \(entry.shape)") }
      count = product
    }
    guard entry.dataOffsets.count == 2, entry.dataOffsets[0] >= 0, entry.dataOffsets[1] <= bytes.count,
      entry.dataOffsets[0] <= entry.dataOffsets[1], count <= bytes.count,
      entry.dataOffsets[1] - entry.dataOffsets[0] == 4 * count
    else { throw ModelError.damaged(file, "\(name)'s bytes do not fit its shape \(entry.shape)") }
    let first = bytes.startIndex + entry.dataOffsets[0]
    let values = (0..<count).map { index in
      let at = first + 4 * index
      return Float(
        bitPattern: UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16
          | UInt32(bytes[at + 3]) << 24)
    }
    return Tensor(shape: entry.shape, values: values)
  }
}

/// What is wrong with a model folder.
public enum ModelError: Error, CustomStringConvertible {
  case unreadable(String, String)
  case damaged(String, String)
  case missing(String, String)
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
