/// One packing of samples in bytes: signal(5). `index` counts samples from `bytes`, whatever signal they belong to.
protocol SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32
  /// `bytes` starts as zeros, and `value` fits the format.
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int)
}

extension SignalFormat {
  /// The packing of the format; a format without a file has none.
  var coding: (any SampleCoding.Type)? {
    switch self {
    case .null: nil
    case .format8: Coding8.self
    case .format16: Coding16.self
    case .format24: Coding24.self
    case .format32: Coding32.self
    case .format61: Coding61.self
    case .format80: Coding80.self
    case .format160: Coding160.self
    case .format212: Coding212.self
    case .format310: Coding310.self
    case .format311: Coding311.self
    }
  }
}

enum Coding8: SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32 {
    Int32(Int8(bitPattern: bytes[index]))
  }
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int) {
    bytes[index] = UInt8(truncatingIfNeeded: value)
  }
}

enum Coding80: SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32 { Int32(bytes[index]) - 0x80 }
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int) {
    bytes[index] = UInt8(truncatingIfNeeded: value + 0x80)
  }
}

enum Coding16: SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32 {
    Int32(Int16(bitPattern: UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8))
  }
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int) {
    bytes[2 * index] = UInt8(truncatingIfNeeded: value)
    bytes[2 * index + 1] = UInt8(truncatingIfNeeded: value >> 8)
  }
}

enum Coding61: SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32 {
    Int32(Int16(bitPattern: UInt16(bytes[2 * index]) << 8 | UInt16(bytes[2 * index + 1])))
  }
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int) {
    bytes[2 * index] = UInt8(truncatingIfNeeded: value >> 8)
    bytes[2 * index + 1] = UInt8(truncatingIfNeeded: value)
  }
}

enum Coding160: SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32 {
    (Int32(bytes[2 * index]) | Int32(bytes[2 * index + 1]) << 8) - 0x8000
  }
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int) {
    Coding16.store(value + 0x8000, bytes, index)
  }
}

enum Coding24: SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32 {
    let high = Int32(Int8(bitPattern: bytes[3 * index + 2]))
    return high << 16 | Int32(bytes[3 * index + 1]) << 8 | Int32(bytes[3 * index])
  }
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int) {
    for byte in 0..<3 { bytes[3 * index + byte] = UInt8(truncatingIfNeeded: value >> (8 * Int32(byte))) }
  }
}

enum Coding32: SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32 {
    Int32(littleEndian: UnsafeRawPointer(bytes + 4 * index).loadUnaligned(as: Int32.self))
  }
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int) {
    for byte in 0..<4 { bytes[4 * index + byte] = UInt8(truncatingIfNeeded: value >> (8 * Int32(byte))) }
  }
}

/// Two samples in three bytes: their low bytes first and last, their high four bits between.
enum Coding212: SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32 {
    let pair = bytes + (index &>> 1) &* 3
    let value =
      index & 1 == 0
      ? Int32(pair[0]) | Int32(pair[1] & 0x0F) << 8
      : Int32(pair[2]) | Int32(pair[1] & 0xF0) << 4
    return (value << 20) >> 20
  }
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int) {
    let pair = bytes + index / 2 * 3
    let high = UInt8(truncatingIfNeeded: (value >> 8) & 0x0F)
    pair[index % 2 * 2] = UInt8(truncatingIfNeeded: value)
    pair[1] |= index % 2 == 0 ? high : high << 4
  }
}

/// Three samples in two 16-bit words: two above each word's lowest bit, the third in the words' high five bits.
enum Coding310: SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32 {
    let (group, place) = index.quotientAndRemainder(dividingBy: 3)
    let words = bytes + group * 4
    let value =
      place < 2
      ? Int32(words[2 * place] >> 1) | Int32(words[2 * place + 1] & 0x07) << 7
      : Int32(words[1] >> 3) | Int32(words[3] >> 3) << 5
    return (value << 22) >> 22
  }
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int) {
    let (group, place) = index.quotientAndRemainder(dividingBy: 3)
    let words = bytes + group * 4
    if place < 2 {
      words[2 * place] = UInt8(truncatingIfNeeded: value << 1)
      words[2 * place + 1] |= UInt8(truncatingIfNeeded: (value >> 7) & 0x07)
    } else {
      words[1] |= UInt8(truncatingIfNeeded: value << 3)
      words[3] |= UInt8(truncatingIfNeeded: (value >> 5) << 3)
    }
  }
}

/// Three samples in the low 30 bits of one little-endian 32-bit word, the first lowest.
enum Coding311: SampleCoding {
  static func load(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> Int32 {
    let (group, place) = index.quotientAndRemainder(dividingBy: 3)
    let start = bytes + group * 4 + place
    let value = (Int32(start[0]) | Int32(start[1]) << 8) >> (2 * Int32(place))
    return (value << 22) >> 22
  }
  static func store(_ value: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ index: Int) {
    let (group, place) = index.quotientAndRemainder(dividingBy: 3)
    let start = bytes + group * 4 + place
    let bits = (value & 0x3FF) << (2 * Int32(place))
    start[0] |= UInt8(truncatingIfNeeded: bits)
    start[1] |= UInt8(truncatingIfNeeded: bits >> 8)
  }
}
