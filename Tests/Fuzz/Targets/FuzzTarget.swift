import Foundation
import SharedTrunk
import WFDB
import heartwood

/// A reader of files that others may have made, fed any bytes: it reads them or refuses them with one line, and what it read keeps
/// what it promises. A broken promise ends the process, which is what the fuzzer looks for.
public enum FuzzTarget: String, CaseIterable, Sendable {
  case header, signals, annotations, safetensors, model, manifest, runfile

  /// Whether the reader took the bytes.
  @discardableResult
  public func run(_ bytes: [UInt8]) -> Bool {
    do {
      switch self {
      case .header: try runHeader(bytes)
      case .signals: try runSignals(bytes)
      case .annotations: try runAnnotations(bytes)
      case .safetensors: try runSafetensors(bytes)
      case .model: try runModel(bytes)
      case .manifest: try runManifest(bytes)
      case .runfile: try runRunFile(bytes)
      }
      return true
    } catch let error as WFDBError {
      requireOneLine(error.description)
    } catch let error as ModelError {
      requireOneLine(printable(error.description, limit: 4000))
    } catch let error as CheckpointFault {
      requireOneLine(error.reason)
    } catch let error as RunFileError {
      requireOneLine(printable(error.message, limit: 4000))
    } catch {
      fatalError("threw \(error), which is no error of the reader's")
    }
    return false
  }
}

/// A promise of the reader's.
func require(_ holds: Bool, _ promise: @autoclosure () -> String) {
  if !holds { fatalError(promise()) }
}

private func requireOneLine(_ message: String) {
  require(!message.unicodeScalars.contains(where: isControl), "a message moves the cursor")
  require(!message.isEmpty && message.utf8.count < 32_000, "a message of \(message.utf8.count) bytes")
}
