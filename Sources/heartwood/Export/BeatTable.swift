import Cohort
import Foundation
import Report
import SharedTrunk

/// A record's beats as a network reads them, and what it says of them, a line a beat.
///
/// Columns: the beat's sample, its annotated symbol and class, every number of every input (`beats[0]`, ...), and the probability of each
/// class. Numbers have as many digits as it takes to read back the same ones.
package struct BeatTable {
  let inputs: NetworkInputs
  let examples: Examples
  /// What the patient is known by, where a network reads that.
  let standpoint: (statistics: OwnStatistics, anchors: [[Float]])?
  let classes: [String]
  /// Count x classes.
  let probabilities: [Float]

  package init(
    inputs: NetworkInputs, examples: Examples, standpoint: (statistics: OwnStatistics, anchors: [[Float]])?,
    classes: [String], probabilities: [Float]
  ) {
    self.inputs = inputs
    self.examples = examples
    self.standpoint = standpoint
    self.classes = classes
    self.probabilities = probabilities
  }

  package func csv() -> Data {
    let names = classes.map { "p(\($0))" }
    var text = Data(Table.csvLine(["sample", "symbol", "label"] + inputs.columnNames + names).utf8)
    for beat in 0..<examples.count {
      let first = Table.csvLine([
        "\(examples.positions[beat])", examples.symbols[beat], classes[Int(examples.labels[beat])],
      ]).dropLast()
      text.append(contentsOf: first.utf8)
      let numbers =
        inputs.numbers(of: beat, examples, standpoint)
        + probabilities[beat * classes.count..<(beat + 1) * classes.count]
      for number in numbers { text.append(contentsOf: ",\(number)".utf8) }
      text.append(contentsOf: "\r\n".utf8)
    }
    return text
  }
}
