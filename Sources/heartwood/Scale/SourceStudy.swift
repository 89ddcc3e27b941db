import Cohort
import Foundation
import MPI
import SharedTrunk

/// Accuracy on patients never seen against the number of source patients: each target in turn, with sources drawn from all others.
///
/// Every form has the recipe, steps and examples a source and step of the transfer study (`paper --transfer`), whatever the number of
/// sources; the published form comes a second time with the recipe of Table II, which has few sources. A seed draws the sources' order for each target once, without a look at the target's beats; the first so many are the sources,
/// so that a larger choice holds the smaller ones. The order starts with a source that has beats of both classes to learn from.
enum SourceStudy {
  struct Results: Codable {
    let source: String
    let records: [String]
    let targets: [String]
    let seeds: Int
    let points: [Point]
    /// Why there are none.
    let omitted: String?
  }

  struct Point: Codable {
    let sources: Int
    let form: String
    /// Balanced accuracy: the mean over the targets of each seed.
    let balancedAccuracy: PaperResults.Figure
    /// The mean over the seeds.
    let byTarget: [Double]
    /// Over the single-task network with the same inputs (and RR features), paired by patient; none of that network itself.
    let gain: PaperResults.Gain?
  }

  static let tableIIName = "concat, Table II's recipe"
  /// Networks compared, each after the single-task one that its gain is taken over.
  private static let forms = [
    TransferForm.rawName, TransferForm.publishedName, tableIIName, TransferForm.referenceName,
    TransferForm.mainName,
  ]
  private static let references = [
    TransferForm.publishedName: TransferForm.rawName, tableIIName: TransferForm.rawName,
    TransferForm.mainName: TransferForm.referenceName,
  ]
  private static let usualCounts = [2, 3, 5, 8, 13, 21]
  /// Of each class in its training part, to be drawn first.
  private static let leastToLearnFrom = 10

  private struct Cast: Codable {
    let records: [String]
    let targets: [String]
    let teachers: [String]
  }

  /// One target and seed: all numbers of sources, all forms. About as long as any other.
  private struct Piece {
    let target: String
    let seed: UInt64
  }

  /// Every rank calls it; the results are the first rank's, nil elsewhere.
  static func run(_ command: Scale, _ session: Session) throws -> Results? {
    let seeds = command.seeds ?? 3
    let folder = command.data ?? ProcessInfo.processInfo.environment["HEARTWOOD_DATA"] ?? ""
    func without(_ reason: String) -> Results? {
      guard session.leads else { return nil }
      say("Accuracy is left out: \(reason)")
      return Results(
        source: "", records: [], targets: [], seeds: seeds, points: [], omitted: reason)
    }
    guard !folder.isEmpty else { return without("no data (--data DIR or HEARTWOOD_DATA)") }
    let library = PatientLibrary(folder, lead: nil)
    let cast = try session.fromFirst(isLong: true) { try self.cast(library) }
    let counts = (command.sources?.numbers ?? usualCounts).filter { $0 < cast.records.count }
    guard !cast.targets.isEmpty, cast.teachers.count > 1, !counts.isEmpty else {
      return without(
        "\(folder) has \(cast.records.count) records without paced beats, \(cast.targets.count) of them with enough normal and abnormal beats to be judged"
      )
    }
    let tooMany = (command.sources?.numbers ?? []).filter { $0 >= cast.records.count }
    if session.leads, !tooMany.isEmpty {
      let listed = tooMany.map(String.init).joined(separator: ",")
      say("--sources \(listed): left out, beside a target there are \(cast.records.count - 1) records")
    }
    let pieces = cast.targets.flatMap { target in
      (1...UInt64(seeds)).map { Piece(target: target, seed: $0) }
    }
    let scores = try scores(pieces, cast, counts, command.branch, library, session)
    guard session.leads else { return nil }
    return results(pieces, scores, cast, counts, DataSource.folder(folder).name, seeds: seeds)
  }

  private static func cast(_ library: PatientLibrary) throws -> Cast {
    let records = try library.recordsForTransfer()
    let teachers = try records.filter { name in
      let training = Study.transferExperiment.parts(
        of: try library.patient(name, Study.transferExperiment), seed: 1
      ).training
      return training.classCounts().allSatisfy { $0 >= leastToLearnFrom }
    }
    return Cast(records: records, targets: try library.targetsOfTransfer(among: records), teachers: teachers)
  }

  /// All others in a random order, one to learn from first.
  private static func order(_ piece: Piece, _ cast: Cast) -> [String] {
    var hash = Fingerprint()
    hash.add(piece.target)
    var stream = RandomStream(seed: piece.seed, hash.value)
    var order = cast.records.filter { $0 != piece.target }
    stream.shuffle(&order)
    let first = order.firstIndex(where: cast.teachers.contains)!
    order.swapAt(0, first)
    return order
  }

  // MARK: The work

  /// Of every piece, on the first rank: balanced accuracies by number of sources, then by form. The pieces are dealt out to the ranks.
  private static func scores(
    _ pieces: [Piece], _ cast: Cast, _ counts: [Int], _ branch: BranchShape.Kind, _ library: PatientLibrary,
    _ session: Session
  ) throws -> [[Double]] {
    let alone = try session.communicator.split(color: session.rank, key: 0)!
    let own = pieces.indices.filter { $0 % session.ranks == session.rank }
    var progress = WorkProgress(speaks: session.leads)
    var mine: [Double] = []
    for (done, index) in own.enumerated() {
      progress.show(
        done: Double(done), of: Double(own.count), "accuracy, unseen patient \(pieces[index].target)")
      do {
        mine += try scores(pieces[index], cast, counts, branch, library, alone)
      } catch {
        // Known to this rank alone, even if it is of a kind that ranks otherwise share.
        let failure = Failure(error)
        throw Failure(failure.status, "unseen patient \(pieces[index].target): \(failure.message)")
      }
    }
    try session.communicator.barrier(lookingEvery: 0.01)
    progress.end("accuracy, \(pieces.count) unseen patients and seeds")
    let all = try session.communicator.gather(mine, root: 0, kind: Message.metrics)
    guard session.leads else { return [] }
    let size = counts.count * forms.count
    return pieces.indices.map { index in
      let start = index / session.ranks * size
      return Array(all[index % session.ranks][start..<start + size])
    }
  }

  private static func scores(
    _ piece: Piece, _ cast: Cast, _ counts: [Int], _ branch: BranchShape.Kind, _ library: PatientLibrary,
    _ alone: Communicator
  ) throws -> [Double] {
    let order = order(piece, cast)
    let beats = try library.patient(piece.target, Study.transferExperiment).examples
    return try counts.flatMap { count in
      let sources = Array(order.prefix(count)).sorted()
      let trial = Trial(
        study: .transfer(branch, records: sources, targets: [piece.target]), target: piece.target,
        seed: piece.seed, library: library, communicator: alone)
      let set = try trial.tasks(.independent)
      let all =
        TransferForm.all(branch, length: Study.transferExperiment.window.length, seed: piece.seed)
        + [tableII(branch, seed: piece.seed)]
      return try forms.map { name in
        let form = all.first { $0.name == name }!
        let network = try form.trained(on: set, alone)[0]
        let probabilities = try network.predict(beats, form.answers[0])
        return Metrics.balancedAccuracy(trial.metrics(beats, probabilities, set).confusion)
      }
    }
  }

  /// The published scheme as `paper` trains it for Table II, detection: without RR features, without dropout.
  private static func tableII(_ branch: BranchShape.Kind, seed: UInt64) -> TransferForm {
    let recipe = Study.transferExperiment.recipe(branch)
    let options = recipe.options(seed: seed)
    return TransferForm(
      name: tableIIName, form: .concat, shape: recipe.shape(.mtl(.concat), options), options: options,
      answers: [recipe.answer])
  }

  // MARK: The figures

  private static func results(
    _ pieces: [Piece], _ scores: [[Double]], _ cast: Cast, _ counts: [Int], _ source: String, seeds: Int
  ) -> Results {
    /// Of each target, each seed's.
    func byTarget(_ count: Int, _ form: String) -> [[Double]] {
      let column = count * forms.count + forms.firstIndex(of: form)!
      return cast.targets.map { target in
        pieces.indices.filter { pieces[$0].target == target }.map { scores[$0][column] }
      }
    }
    let points = counts.indices.flatMap { count in
      forms.map { form in
        let values = byTarget(count, form)
        let means = values.map(Statistics.mean)
        return Point(
          sources: counts[count], form: form,
          balancedAccuracy: .init((0..<seeds).map { seed in Statistics.mean(values.map { $0[seed] }) }),
          byTarget: means,
          gain: references[form].map {
            .init(byPatient: means, over: byTarget(count, $0).map(Statistics.mean))
          })
      }
    }
    return Results(
      source: source, records: cast.records, targets: cast.targets, seeds: seeds, points: points, omitted: nil
    )
  }
}
