import MPI
import Scaling

/// Some ranks of the job that are measured together while the others sleep. The first rank is always among them.
struct Team {
  let placement: Placement
  /// Nil on a rank that is not in the team.
  let communicator: Communicator?
  private let world: Communicator

  /// Every rank of `world` calls it.
  init(_ members: [Int], of placement: Placement, _ world: Communicator) throws {
    self.placement = placement[members]
    self.world = world
    let place = members.firstIndex(of: world.rank)
    communicator = try world.split(color: place.map { _ in 0 }, key: place ?? 0)
  }

  private static let look = 0.003

  /// The team does it; the result is the first rank's, nil elsewhere. Every rank of the job calls it, and goes on when all have come.
  func measure<T>(_ work: (Communicator) throws -> T) throws -> T? {
    let result: T?
    do {
      result = try communicator.map(work)
    } catch {
      throw Failure(error)  // known to the team alone, even if it is of a kind that ranks otherwise share
    }
    try world.barrier(lookingEvery: Self.look)
    return world.rank == 0 ? result : nil
  }
}
