/// Text from a file, fit for one line of a message or a terminal: what would move the cursor, colour or turn the text is written as
/// `\u{1b}`, and more than `limit` characters are cut.
package func printable(_ text: String, limit: Int = 400) -> String {
  let scalars = text.unicodeScalars
  guard let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex),
    end < scalars.endIndex
  else { return scalars.contains(where: isControl) ? escaped(scalars[...]) : text }
  return escaped(scalars[..<end]) + "..."
}

/// Lines of text for a terminal, each `printable` and none cut.
package func printableLines(_ text: String) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0), limit: .max) }
    .joined(separator: "\n")
}

private func escaped(_ scalars: Substring.UnicodeScalarView) -> String {
  scalars.reduce(into: "") {
    if isControl($1) {
      $0 += "\\u{\(String($1.value, radix: 16))}"
    } else {
      $0.unicodeScalars.append($1)
    }
  }
}

/// Control characters (C0, DEL, C1), line ends beyond ASCII's, and the marks that turn the direction of text.
package func isControl(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069, 0x200E, 0x200F, 0x061C: true
  default: false
  }
}
