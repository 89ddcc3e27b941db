import Layers
import MPI

/// Numbers (rows x columns) of every task, summed exactly over all tasks of all ranks. `part` fills in one own task's.
func sumOverTasks(
  _ names: [String], _ owned: Range<Int>, rows: Int, columns: Int, _ communicator: Communicator,
  part: (_ position: Int) -> [Float]?
) throws -> [Float] {
  guard rows > 0 else { return [] }
  let sum = TaskSum(
    .exact, count: rows * columns, fractionBits: TaskSum.activationBits, parts: names.count)
  sum.clear()
  for position in 0..<owned.count {
    guard var numbers = part(position) else { continue }
    numbers.withUnsafeMutableBufferPointer {
      sum.add(
        Matrix($0.baseAddress!, rows: rows, columns: columns), task: owned.lowerBound + position)
    }
  }
  guard try sum.allreduce(communicator, Message.metrics) else {
    try refuse(sum.offender, names, nil, communicator)
  }
  var result = [Float](repeating: 0, count: rows * columns)
  result.withUnsafeMutableBufferPointer {
    sum.read(into: Matrix($0.baseAddress!, rows: rows, columns: columns))
  }
  return result
}

/// Mean of the probabilities of all heads that have learned every class (of all heads, if none has): rows x classes.
func meanOverVoters(
  _ votes: [Bool], _ names: [String], _ owned: Range<Int>, rows: Int, classes: Int,
  _ communicator: Communicator, _ probabilities: (_ position: Int) -> [Float]
) throws -> [Float] {
  let voters = try communicator.allreduce(
    Int64(votes.count { $0 }), .sum, kind: Message.metrics)
  let total = try sumOverTasks(names, owned, rows: rows, columns: classes, communicator) { position in
    voters == 0 || votes[position] ? probabilities(position) : nil
  }
  return total.map { $0 / Float(voters == 0 ? names.count : Int(voters)) }
}
