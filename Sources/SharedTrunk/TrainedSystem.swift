import Cohort
import MPI

/// A trained system: one network, or several whose probabilities are averaged.
public struct TrainedSystem {
  /// The networks, one for each of the system's seeds.
  public let networks: [Network]
  /// How the training of each ended.
  public let trainings: [TrainingResult]

  /// Trains the networks one after the other; every rank calls it.
  ///
  /// - Parameters:
  ///   - system: what to train.
  ///   - shape: the sizes of the multi-task network.
  ///   - tasks: with what they borrow kept apart.
  ///   - options: of each network, but for its seed.
  ///   - communicator: the ranks that own the tasks.
  ///   - saving: how each network's training is saved; nil if it is not.
  ///   - begins: hears how many steps of a network are done already.
  ///   - report: hears of every step, and of which network.
  /// - Throws: as `Network.train`.
  public init(
    _ system: System, _ shape: NetworkShape, _ tasks: TaskSet, _ options: TrainingOptions,
    _ communicator: Communicator, saving: ((_ member: Int) -> CheckpointsOfNetwork)? = nil,
    begins: (_ member: Int, Int) throws -> Void = { _, _ in },
    report: (_ member: Int, StepReport) throws -> Void = { _, _ in }
  ) throws {
    var (networks, trainings): ([Network], [TrainingResult]) = ([], [])
    for (member, seed) in system.seeds(options.seed, tasks).enumerated() {
      var options = options
      options.seed = seed
      let network = try Network(
        system.form(tasks), system.shape(shape, tasks), system.data(tasks), options, communicator)
      trainings.append(
        try network.train(saving: saving?(member), begins: { try begins(member, $0) }) {
          try report(member, $0)
        })
      networks.append(network)
    }
    self.networks = networks
    self.trainings = trainings
  }

  /// Weights and biases of all networks.
  public var parameterCount: Int { networks.reduce(0) { $0 + $1.parameterCount } }

  /// Class probabilities of own task `position`'s examples (count x classes), the patient being known.
  public func predictOwn(_ position: Int, _ examples: Examples) -> [Float] {
    mean(networks.map { $0.predictOwn(position, examples) })
  }

  /// Class probabilities of examples that come without their task, count x classes. Every rank passes the same.
  public func predict(_ examples: Examples, _ answer: PredictionProtocol) throws -> [Float] {
    mean(try networks.map { try $0.predict(examples, answer) })
  }

  private func mean(_ answers: [[Float]]) -> [Float] {
    guard answers.count > 1 else { return answers[0] }
    return answers[0].indices.map { index in
      answers.reduce(0) { $0 + $1[index] } / Float(answers.count)
    }
  }
}
