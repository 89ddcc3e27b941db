import CKernels

/// oneDNN, which makes the matrix products.
public enum OneDNN {
  /// The version in use, such as "2.6.3".
  public static var version: String {
    var numbers: [Int32] = [0, 0, 0]
    hw_onednn_version(&numbers)
    return numbers.map(String.init).joined(separator: ".")
  }
}
