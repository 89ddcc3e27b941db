import Foundation
import SwiftProtobuf

/// An ONNX graph of float operations over rows, built node by node (github.com/onnx/onnx, docs/Operators.md). A value goes by its name,
/// which the method that makes it returns.
package struct Graph {
  /// The operators are those of this version, which runtimes have known since 2020.
  package static let opset = 13
  /// The file format that came with it.
  package static let irVersion = 7

  private var graph = Onnx_GraphProto()
  private var constants: Set<String> = []

  package init(name: String) { graph.name = name }

  /// An operator's attribute.
  package enum Attribute {
    case int(Int)
    case ints([Int])
  }

  /// An input of N rows, N being left open.
  package mutating func input(_ name: String, columns: Int, _ says: String) -> String {
    graph.input.append(Self.rows(name, columns, says))
    return name
  }

  /// Makes a value an output of N rows.
  package mutating func output(_ value: String, as name: String, columns: Int, _ says: String) {
    var node = Onnx_NodeProto()
    (node.name, node.opType, node.input, node.output) = (name, "Identity", [value], [name])
    graph.node.append(node)
    graph.output.append(Self.rows(name, columns, says))
  }

  /// Numbers of a shape; of constants of one name the first is kept.
  package mutating func constant(_ name: String, _ shape: [Int], _ values: [Float]) -> String {
    precondition(shape.reduce(1, *) == values.count, "shape \(shape) does not hold \(values.count) numbers")
    return constant(name, shape, .float, values.map { $0.bitPattern.littleEndian })
  }

  /// A number.
  package mutating func constant(_ value: Float) -> String { constant("\(value)", [], [value]) }

  /// A row of whole numbers: a shape, axes or indices.
  package mutating func constant(_ values: [Int]) -> String {
    constant("\(values)", [values.count], .int64, values.map { Int64($0).littleEndian })
  }

  /// A node of one operator.
  ///
  /// - Parameter output: which of the operator's outputs is wanted.
  package mutating func apply(
    _ operation: String, _ inputs: [String], _ attributes: KeyValuePairs<String, Attribute> = [:],
    output: Int = 0
  ) -> String {
    var node = Onnx_NodeProto()
    node.name = "\(operation)_\(graph.node.count)"
    node.opType = operation
    node.input = inputs
    node.output = [String](repeating: "", count: output) + [node.name]
    node.attribute = attributes.map { name, value in
      var attribute = Onnx_AttributeProto()
      attribute.name = name
      switch value {
      case .int(let number): (attribute.type, attribute.i) = (.int, Int64(number))
      case .ints(let numbers): (attribute.type, attribute.ints) = (.ints, numbers.map(Int64.init))
      }
      return attribute
    }
    graph.node.append(node)
    return node.name
  }

  /// The file's bytes.
  ///
  /// - Parameter metadata: by key, as runtimes give it back.
  /// - Throws: what SwiftProtobuf throws for a file of more than 2 GB.
  package func encoded(producer: String, version: String, _ says: String, metadata: [String: String]) throws
    -> Data
  {
    var model = Onnx_ModelProto()
    model.irVersion = Int64(Self.irVersion)
    model.opsetImport = [Onnx_OperatorSetIdProto.with { $0.version = Int64(Self.opset) }]
    (model.producerName, model.producerVersion, model.docString) = (producer, version, says)
    model.graph = graph
    model.metadataProps = metadata.sorted { $0.key < $1.key }.map { key, value in
      .with { ($0.key, $0.value) = (key, value) }
    }
    return try model.serializedData()
  }

  private mutating func constant<Number>(
    _ name: String, _ shape: [Int], _ type: Onnx_TensorProto.DataType, _ littleEndian: [Number]
  ) -> String {
    guard constants.insert(name).inserted else { return name }
    var tensor = Onnx_TensorProto()
    tensor.name = name
    tensor.dims = shape.map(Int64.init)
    tensor.dataType = Int32(type.rawValue)
    tensor.rawData = littleEndian.withUnsafeBytes { Data($0) }
    graph.initializer.append(tensor)
    return name
  }

  private static func rows(_ name: String, _ columns: Int, _ says: String) -> Onnx_ValueInfoProto {
    var (rows, width) = (Onnx_TensorShapeProto.Dimension(), Onnx_TensorShapeProto.Dimension())
    (rows.dimParam, width.dimValue) = ("N", Int64(columns))
    var value = Onnx_ValueInfoProto()
    (value.name, value.docString) = (name, says)
    value.type.tensorType.elemType = Int32(Onnx_TensorProto.DataType.float.rawValue)
    value.type.tensorType.shape.dim = [rows, width]
    return value
  }
}
