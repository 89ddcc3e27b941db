import CCrypto
import Foundation

/// SHA-256 (FIPS 180-4), by OpenSSL, which uses the CPU's instructions for it.
enum SHA256 {
  /// Of the chunks one after the other, in hexadecimal.
  static func hex(_ chunks: [UnsafeRawBufferPointer]) -> String {
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    var digest = [UInt8](repeating: 0, count: 32)
    var good = EVP_DigestInit_ex(context, EVP_sha256(), nil)
    for chunk in chunks { good &= EVP_DigestUpdate(context, chunk.baseAddress, chunk.count) }
    good &= EVP_DigestFinal_ex(context, &digest, nil)
    precondition(good == 1, "OpenSSL has no SHA-256")
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  static func hex(_ data: Data) -> String { data.withUnsafeBytes { hex([$0]) } }
}
