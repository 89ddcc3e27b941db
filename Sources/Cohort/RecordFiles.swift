import Foundation
import WFDB

/// The files of a record, by its path.
public struct RecordFiles: Sendable {
  /// Without extension.
  public let path: String
  /// Its last component: the record's name.
  public let name: String

  /// - Parameter record: the record's path, with or without `.hea`.
  public init(_ record: String) {
    path = record.hasSuffix(".hea") ? String(record.dropLast(4)) : record
    name = String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...])
  }

  /// An annotation file's annotations, their times in frames of the record. Throws `WFDBError` and `CohortError`.
  func annotations(_ annotator: String, samplingFrequency: Double) throws -> [Annotation] {
    let path = path + "." + annotator
    guard FileManager.default.fileExists(atPath: path) else {
      throw CohortError.noAnnotationFile(record: name, path: path)
    }
    let file = try AnnotationFile.read(at: path)
    guard let resolution = file.timeResolution, resolution != samplingFrequency else {
      return file.annotations
    }
    return file.annotations.map { annotation in
      let frame = (Double(annotation.sample) * samplingFrequency / resolution).rounded()
      var annotation = annotation
      // Out of range: outside the record, where it is left out as such.
      annotation.sample = Int(exactly: frame) ?? -1
      return annotation
    }
  }
}
