import Layers
import MPI

/// What the tasks' heads are asked, and so how they answer together for a beat that comes without its task.
public enum Heads: String, Codable, Sendable {
  /// All the same question: the mean of those that have learned every class.
  case vote
  /// Each whether the beat is of its task's own class (its class 1) or of another's: the likeliest task's class.
  case oneVersusRest
}

/// Whether a task's head answers for patients other than its own; the raw value is that of the model file.
enum Vote: String {
  /// It has learned every class.
  case yes
  /// It has not, and answers only where no head has.
  case no
  /// The task joined a trunk that was trained without it: others are answered as if it were not there.
  case apart
}

/// The heads of all tasks over the ranks.
struct Panel {
  let heads: Heads
  let names: [String]
  let owned: Range<Int>
  /// Outputs of each head.
  let classes: Int
  let communicator: Communicator

  /// Columns of `answer`.
  var answers: Int { heads == .oneVersusRest ? names.count : classes }

  /// The panel's probabilities, rows x `answers`, from own tasks' heads' (rows x classes). `votes`: of own heads.
  func answer(_ votes: [Vote], rows: Int, _ probabilities: (_ position: Int) -> [Float]) throws -> [Float] {
    switch heads {
    case .vote:
      func count(_ isAsked: (Vote) -> Bool) throws -> Int {
        Int(try communicator.allreduce(Int64(votes.count(where: isAsked)), .sum, kind: Message.metrics))
      }
      let voters = try count { $0 == .yes }
      let isAsked: (Vote) -> Bool = voters > 0 ? { $0 == .yes } : { $0 != .apart }
      let asked = voters > 0 ? voters : try count(isAsked)
      let total = try sumOverTasks(names, owned, rows: rows, columns: classes, communicator) { position in
        isAsked(votes[position]) ? probabilities(position) : nil
      }
      return total.map { $0 / Float(asked) }
    case .oneVersusRest:
      let claims = try sumOverTasks(names, owned, rows: rows, columns: answers, communicator) { position in
        let mine = probabilities(position)
        var part = [Float](repeating: 0, count: rows * answers)
        for row in 0..<rows { part[row * answers + owned.lowerBound + position] = mine[row * classes + 1] }
        return part
      }
      return stride(from: 0, to: claims.count, by: answers).flatMap { start in
        let row = claims[start..<start + answers]
        let total = row.reduce(0, +)
        return row.map { total > 0 ? $0 / total : 1 / Float(answers) }
      }
    }
  }
}

/// Numbers (rows x columns) of every task, summed exactly over all tasks of all ranks. `part` fills in one own task's.
func sumOverTasks(
  _ names: [String], _ owned: Range<Int>, rows: Int, columns: Int, _ communicator: Communicator,
  part: (_ position: Int) -> [Float]?
) throws -> [Float] {
  guard rows > 0 else { return [] }
  let sum = TaskSum(
    .exact, count: rows * columns, fractionBits: TaskSum.activationBits, parts: names.count, communicator)
  sum.clear()
  for position in 0..<owned.count {
    guard var numbers = part(position) else { continue }
    numbers.withUnsafeMutableBufferPointer {
      sum.add(
        Matrix($0.baseAddress!, rows: rows, columns: columns), task: owned.lowerBound + position)
    }
  }
  guard try sum.allreduce(Message.metrics) else {
    try refuse(sum.offender, names, nil, communicator)
  }
  var result = [Float](repeating: 0, count: rows * columns)
  result.withUnsafeMutableBufferPointer {
    sum.read(into: Matrix($0.baseAddress!, rows: rows, columns: columns))
  }
  return result
}
