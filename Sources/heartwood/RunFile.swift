import ArgumentParser
import Foundation
import WFDB
import Yams

/// Why a run file cannot be used: one line.
package struct RunFileError: Error {
  package let message: String
  /// Whether it is YAML, but not of options.
  package let isUsage: Bool

  fileprivate init(_ message: String, isUsage: Bool = false) {
    self.message = message
    self.isUsage = isUsage
  }
}

/// A run's options in a file, `--config FILE.yaml`: a mapping from long option names to their values.
///
///     problem: detection
///     records: [106, 114]
///     steps: 400
///     borrow: true
///
/// They are put before the command line's own, which count where both name an option.
package struct RunFile {
  let path: String
  /// In the file's order.
  private let entries: [Entry]
  /// What would stand on a command line.
  package var arguments: [String] { entries.compactMap(\.argument) }

  private struct Entry {
    let key: String
    let line: Int
    /// As it would stand on a command line; nil for a flag that is not set.
    let argument: String?
  }

  /// Longest file that is read: the names of 100,000 records fit.
  static let byteLimit = 1 << 20

  /// The command line with the options of the run file that it names, if it names one. Throws `Failure`.
  static func expand(_ arguments: [String]) throws -> (arguments: [String], file: RunFile?) {
    guard arguments.first == Train._commandName, let path = Self.path(in: arguments.dropFirst()) else {
      return (arguments, nil)
    }
    let file: RunFile
    do {
      let (folder, name) = DiskFolder.split(path)
      let bytes = try folder.bytes(of: name, limit: byteLimit)
      file = try RunFile(parsing: bytes, path: path)
    } catch let error as RunFileError {
      throw Failure(error.isUsage ? .usage : .data, error.message)
    } catch {
      throw Failure(error)
    }
    let own = file.entries.filter { !Self.names($0.key, arguments) }.compactMap(\.argument)
    return (arguments.prefix(1) + own + arguments.dropFirst(), file)
  }

  private static func path(in arguments: ArraySlice<String>) -> String? {
    for (index, argument) in zip(arguments.indices, arguments) {
      if argument == "--config" { return index + 1 < arguments.endIndex ? arguments[index + 1] : nil }
      if argument.hasPrefix("--config=") { return String(argument.dropFirst("--config=".count)) }
    }
    return nil
  }

  /// Whether a command line gives an option itself.
  private static func names(_ key: String, _ arguments: [String]) -> Bool {
    arguments.contains { $0 == "--\(key)" || $0 == "--no-\(key)" || $0.hasPrefix("--\(key)=") }
  }

  /// An error's message, with the place in the file where it speaks of an option given there.
  func placed(_ message: String, commandLine: [String]) -> String {
    let spoken = entries.filter { entry in
      !Self.names(entry.key, commandLine)
        && (Self.speaks(message, of: "--\(entry.key)") || Self.speaks(message, of: "--no-\(entry.key)"))
    }
    guard let entry = spoken.first else { return message }
    return "\(path), line \(entry.line), \(entry.key): \(message)"
  }

  private static func speaks(_ message: String, of option: String) -> Bool {
    message.ranges(of: option).contains { range in
      message[range.upperBound...].first.map { !$0.isLetter && $0 != "-" } ?? true
    }
  }

  // MARK: Reading

  /// Throws `RunFileError`.
  package init(parsing bytes: [UInt8], path: String) throws {
    self.path = path
    guard bytes.count <= Self.byteLimit else {
      throw RunFileError("\(path) has \(bytes.count) bytes; at most \(Self.byteLimit) are read")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw RunFileError("\(path) is not text in UTF-8")
    }
    try Self.refuseAliases(bytes, path)
    guard let mapping = try Self.root(text, path).mapping else {
      throw RunFileError("\(path) is not a mapping from option names to values, such as `steps: 400`")
    }
    var entries: [Entry] = []
    var lines: [String: Int] = [:]
    for (key, value) in mapping {
      let entry = try Self.entry(key, value, path)
      if let first = lines.updateValue(entry.line, forKey: entry.key) {
        throw RunFileError("\(path), line \(entry.line): \(entry.key) is given twice, first in line \(first)")
      }
      entries.append(entry)
    }
    self.entries = entries
  }

  /// The parser would follow aliases to any depth and size. Where one could begin, none may: so comments and texts that look like
  /// one are refused too.
  private static func refuseAliases(_ bytes: [UInt8], _ path: String) throws {
    var line = 1
    var before = UInt8(ascii: " ")
    for (index, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: "*"), index + 1 < bytes.count, bytes[index + 1] > 0x20,
        !isWord(before)
      {
        throw RunFileError("\(path), line \(line): * before a name is an alias, which run files do not have")
      }
      if byte == UInt8(ascii: "\n") { line += 1 }
      before = byte
    }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func root(_ text: String, _ path: String) throws -> Node {
    do {
      return try compose(yaml: text) ?? Node([(Node, Node)]())
    } catch let error as YamlError {
      switch error {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        throw RunFileError("\(path), line \(mark.line), is not YAML: \(problem)")
      case .reader(let problem, _, _, _): throw RunFileError("\(path) is not YAML: \(problem)")
      case .duplicatedKeysInMapping(let keys, let context):
        throw RunFileError(
          "\(path), line \(context.mark.line): \(printable(keys.joined(separator: ", "))) is given twice")
      default: throw RunFileError("\(path) is not YAML")
      }
    }
  }

  private static func entry(_ key: Node, _ value: Node, _ path: String) throws -> Entry {
    let line = key.mark?.line ?? 1
    func failure(_ message: String) -> RunFileError {
      RunFileError("\(path), line \(line): \(message)", isUsage: true)
    }
    guard let name = key.scalar?.string else { throw failure("an option's name is a word, such as steps") }
    guard let option = options[name] else {
      throw failure("\(printable(name)) is not an option of `heartwood train` that a run file can give")
    }
    guard option.takesValue else {
      guard let scalar = value.scalar, scalar.style == .plain,
        let isSet = ["true": true, "false": false][scalar.string]
      else { throw failure("\(name) is true or false") }
      return Entry(
        key: name, line: line,
        argument: isSet ? "--\(name)" : option.hasInversion ? "--no-\(name)" : nil)
    }
    let nodes = value.sequence.map(Array.init) ?? [value]
    let words = try nodes.map { node in
      guard let scalar = node.scalar else { throw failure("\(name) is one value or a list of values") }
      guard !scalar.string.isEmpty, node.tag != Tag(.null) else { throw failure("\(name) has no value") }
      guard !scalar.string.unicodeScalars.contains(where: isControl) else {
        throw failure("\(name) holds a control character")
      }
      return scalar.string
    }
    guard !words.isEmpty else { throw failure("\(name) has no value") }
    return Entry(key: name, line: line, argument: "--\(name)=\(words.joined(separator: ","))")
  }

  // MARK: The options

  private struct Option {
    let takesValue: Bool
    let hasInversion: Bool
  }

  /// By long name, as `train --help` lists them: the parser has no other list of its own.
  private static let options: [String: Option] = {
    var options: [String: Option] = [:]
    for line in Train.helpMessage(columns: 1000).split(separator: "\n") {
      guard let match = line.firstMatch(of: /^  --([a-z-]+)(\/--no-[a-z-]+)?( <)?/) else { continue }
      options[String(match.1)] = Option(takesValue: match.3 != nil, hasInversion: match.2 != nil)
    }
    for name in ["config", "help", "version"] { options[name] = nil }
    return options
  }()
}
