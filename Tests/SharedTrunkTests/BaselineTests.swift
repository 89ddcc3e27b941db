import Cohort
import MPI
import SharedTrunk
import XCTest

/// Networks that share nothing, and networks that start from a shared one.
final class BaselineTests: OneRankTestCase {
  private func network(
    _ form: Network.Form, _ tasks: TaskSet, steps: Int, validateEvery: Int? = nil, dropout: Float = 0.2
  ) throws -> Network {
    var options = TrainingOptions.small(steps: steps)
    options.validateEvery = validateEvery ?? steps
    return try Network(form, .small(dropout: dropout), tasks, options, Communicator.world)
  }

  /// Some of each task's own data to stop early by.
  private func validated(_ set: TaskSet) -> TaskSet {
    .onOneRank(
      set.own.map {
        TaskData(name: $0.name, training: $0.training, validation: $0.training, test: $0.test)
      })
  }

  /// The weights after each step, as `train` reports them: of the copies and of the pooled network.
  private func history(_ network: Network) throws -> [[String: [Float]]] {
    var history: [[String: [Float]]] = []
    _ = try network.train { _ in history.append(network.weights) }
    return history
  }

  func testFinetuningStartsFromThePooledNetworkOfHalfTheSteps() throws {
    let (tasks, half) = (validated(.random(3)), 6)
    let tuned = try network(.finetuned, tasks, steps: 2 * half, validateEvery: half)
    let states = try history(tuned)
    let pooled = try history(try network(.pooled(.balanced), tasks, steps: 2 * half))
    func copy(_ state: [String: [Float]], _ task: String) -> [String: [Float]] {
      Dictionary(
        uniqueKeysWithValues: pooled[0].keys.map { ($0, state["\(task)/" + $0.dropFirst("stl/".count)]!) })
    }
    for step in 0..<half {
      for (name, values) in pooled[step] { XCTAssertEqual(states[step][name], values, "\(name) \(step)") }
    }
    // At the half, where the validation data are looked at, every copy is the pooled network.
    for task in tasks.names { XCTAssertEqual(copy(states[half - 1], task), pooled[half - 1], task) }
    // From then on each goes its own way, and the pooled one stays.
    for step in half..<2 * half {
      let copies = tasks.names.map { copy(states[step], $0) }
      for a in copies.indices {
        for b in 0..<a { XCTAssertNotEqual(copies[a], copies[b]) }
        for (name, values) in copies[a] {
          XCTAssertNotEqual(values, copy(states[step - 1], tasks.names[a])[name], "\(name) \(step)")
        }
      }
      for (name, values) in pooled[half - 1] { XCTAssertEqual(states[step][name], values) }
    }
  }

  /// Whether or not anybody looked at the copies before.
  func testFinetuningStartsFromThePooledNetworkUnseenToo() throws {
    let tasks = TaskSet.random(2)
    let tuned = try network(.finetuned, tasks, steps: 6)
    let pooled = try network(.pooled(.balanced), tasks, steps: 6)
    for step in 0..<3 {
      _ = try tuned.step(step, learningRate: 1e-2)
      _ = try pooled.step(step, learningRate: 1e-2)
    }
    _ = try tuned.step(3, learningRate: 0)
    for task in tasks.names { XCTAssertEqual(tuned.weights(of: task), pooled.weights(of: "stl")) }
    // A first step of Adam moves a weight by about the learning rate, whatever the gradient: the copies' moments start at 0.
    let fresh = try network(.finetuned, tasks, steps: 6)
    for step in 0..<3 { _ = try fresh.step(step, learningRate: 1e-2) }
    _ = try fresh.step(3, learningRate: 1e-2)
    for task in tasks.names {
      let moved = zip(fresh.weights(of: task)["head.weight"]!, tuned.weights(of: task)["head.weight"]!)
      for (a, b) in moved { XCTAssertEqual(abs(a - b), 1e-2, accuracy: 5e-4) }
    }
  }

  /// Early stopping may go back to the half, where the copies are the pooled network.
  func testFinetuningCanEndAtThePooledNetwork() throws {
    // Classes far apart, but turned round in the validation data: the better a network learns, the worse.
    let tasks = TaskSet.onOneRank(
      TaskSet.random(2).own.map { task in
        let labels = task.training.labels
        let windows = task.training.windows.enumerated().map { $1 + 2 * Float(labels[$0 / 20]) }
        let training = Examples(
          windowLength: 20, windows: windows, rr: task.training.rr, labels: labels)
        return TaskData(
          name: task.name, training: training, validation: training.relabelled(labels.map { 1 - $0 }),
          test: task.test)
      })
    let tuned = try network(.finetuned, tasks, steps: 60, validateEvery: 1, dropout: 0)
    var states: [[String: [Float]]] = []
    let result = try tuned.train { _ in states.append(tuned.weights) }
    XCTAssertLessThanOrEqual(result.bestStep, 30)
    XCTAssertEqual(tuned.weights, states[result.bestStep - 1])
    for task in tasks.names { XCTAssertEqual(tuned.weights(of: task), tuned.weights(of: "stl")) }
  }

  func testATaskAloneDoesNotSeeTheOthers() throws {
    let tasks = TaskSet.random(3)
    var changed = tasks.own
    changed[1] = TaskData(
      name: tasks.names[1], training: SyntheticTask.make(7, count: 25, length: 20).training,
      validation: tasks.own[1].validation, test: tasks.own[1].test)
    let networks = try [tasks, .onOneRank(changed)].map { set in
      let network = try network(.alone, set, steps: 8)
      let start = network.weights
      _ = try network.train { _ in }
      for (name, values) in network.weights { XCTAssertNotEqual(values, start[name], name) }
      return network
    }
    for (task, same) in zip(tasks.names, [true, false, true]) {
      XCTAssertEqual(networks[0].weights(of: task) == networks[1].weights(of: task), same, task)
      for other in tasks.names where other != task {
        XCTAssertNotEqual(networks[0].weights(of: task), networks[0].weights(of: other))
      }
    }
    XCTAssertEqual(networks[0].parameterCount, 3 * NetworkShape.small().singleParameterCount)
  }
}
