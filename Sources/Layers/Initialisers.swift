extension Parameter {
  /// Uniform in +-1/sqrt(fanIn), as PyTorch's Linear and Conv1d draw weights and biases. One draw an element, row after row.
  public func fillUniform(fanIn: Int, using generator: inout some RandomNumberGenerator) {
    let bound = 1 / Float(fanIn).squareRoot()
    for i in 0..<value.count {
      let unit = Float(generator.next() >> 40) * 0x1p-24
      value.data[i] = (2 * unit - 1) * bound
    }
  }
}
