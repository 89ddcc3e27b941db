import CCrypto
import Foundation

/// SHA-256 (FIPS 180-4), by OpenSSL, which uses the CPU's instructions for it.
package struct SHA256 {
  /// The version of OpenSSL in use, such as "3.0.16".
  package static var libraryVersion: String {
    OpenSSL_version(OPENSSL_VERSION_STRING).map { String(cString: $0) } ?? "unknown"
  }

  private var context = SHA256_CTX()

  init() { require(SHA256_Init(&context)) }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    require(SHA256_Update(&context, bytes.baseAddress, bytes.count))
  }

  /// Of all that was added, in hexadecimal.
  mutating func hex() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    require(SHA256_Final(&digest, &context))
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  package static func hex(_ data: Data) -> String {
    var sum = SHA256()
    data.withUnsafeBytes { sum.add($0) }
    return sum.hex()
  }

  private func require(_ result: Int32) { precondition(result == 1, "OpenSSL has no SHA-256") }
}
