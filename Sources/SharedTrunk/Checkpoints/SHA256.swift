import CCrypto
import Foundation

/// SHA-256 (FIPS 180-4), by OpenSSL, which uses the CPU's instructions for it.
package enum SHA256 {
  /// The version of OpenSSL in use, such as "3.0.16".
  package static var libraryVersion: String {
    OpenSSL_version(OPENSSL_VERSION_STRING).map { String(cString: $0) } ?? "unknown"
  }

  /// Of the chunks one after the other, in hexadecimal.
  static func hex(_ chunks: some Sequence<UnsafeRawBufferPointer>) -> String {
    var context = SHA256_CTX()
    var digest = [UInt8](repeating: 0, count: 32)
    var good = SHA256_Init(&context)
    for chunk in chunks { good &= SHA256_Update(&context, chunk.baseAddress, chunk.count) }
    good &= SHA256_Final(&digest, &context)
    precondition(good == 1, "OpenSSL has no SHA-256")
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  package static func hex(_ data: Data) -> String { data.withUnsafeBytes { hex([$0]) } }
}
