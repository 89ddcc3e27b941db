import Foundation
import SharedTrunk
import WFDB
import heartwood

/// Tensors hold no more than the file, and are the same when written and read again.
func runSafetensors(_ bytes: [UInt8]) throws {
  let file = try Safetensors(decoding: Data(bytes), file: "a.safetensors")
  let held = file.tensors.values.reduce(0) { $0 + 4 * $1.values.count }
  require(held <= bytes.count, "\(held) bytes of tensors from \(bytes.count)")
  guard let again = try? Safetensors(decoding: file.encoded(), file: "a.safetensors") else {
    fatalError("tensors that cannot be read again")
  }
  require(
    again.metadata == file.metadata
      && again.tensors.mapValues(Exact.init) == file.tensors.mapValues(Exact.init),
    "tensors that change when written")
}

/// A tensor whose NaN are equal.
private struct Exact: Equatable {
  let shape: [Int]
  let bits: [UInt32]

  init(_ tensor: Safetensors.Tensor) {
    shape = tensor.shape
    bits = tensor.values.map(\.bitPattern)
  }
}

/// The files that a description names stay in its folder; its sizes can be counted; it is the same when written and read again.
func runModel(_ bytes: [UInt8]) throws {
  let description = try ModelDescription(decoding: Data(bytes), file: "model.json")
  for file in description.files {
    require(isInside(file) && !file.contains("/") && !file.unicodeScalars.contains(where: isControl), file)
  }
  require(description.shape.parameterCount(tasks: description.tasks.count) > 0, "no weights")
  guard let written = try? JSONEncoder().encode(description),
    let again = try? ModelDescription(decoding: written, file: "model.json")
  else { fatalError("a description that cannot be read again") }
  require(again == description, "a description that changes when written")
}

/// The bytes are a checkpoint's manifest without its sum, which no guess would find; what is read is the same when written and read again.
func runManifest(_ bytes: [UInt8]) throws {
  let file = Data(bytes) + Data("\n\(SHA256.hex(Data(bytes)))\n".utf8)
  let manifest = try CheckpointManifest(decoding: file)
  require(
    (try? CheckpointManifest(decoding: manifest.encoded())) == manifest,
    "a manifest that changes when written")
}

/// Every argument is one option, in one word, given once.
func runRunFile(_ bytes: [UInt8]) throws {
  let arguments = try RunFile(parsing: bytes, path: "run.yaml").arguments
  for argument in arguments {
    require(argument.hasPrefix("--") && !argument.unicodeScalars.contains(where: isControl), argument)
  }
  let names = arguments.map { String($0.prefix { $0 != "=" }) }
  require(Set(names).count == names.count, "an option twice in \(names)")
  require(!names.contains("--config"), "a run file that names another")
}
