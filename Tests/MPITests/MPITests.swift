import MPI
import XCTest

/// Every collective, on one rank without mpirun and on several under it. The checks themselves are in Tests/MPISelfTest.
final class MPITests: XCTestCase {
  func testOneRankWithoutMpirun() throws {
    let result = try Command.run(Command.product("MPISelfTest"), ["collectives"])
    XCTAssertEqual(result.code, 0, result.standardError)
    XCTAssertTrue(result.standardOutput.hasPrefix("ok: 1 ranks"), result.standardOutput)
    XCTAssertEqual(result.standardError, "")
  }

  func testOneRankInAFolderThatCannotBeWritten() throws {
    let result = try Command.run(Command.product("MPISelfTest"), ["collectives"], folder: "/proc")
    XCTAssertEqual(result.code, 0, result.standardError)
  }

  func testTwoThreeAndFiveRanks() throws {
    for ranks in [2, 3, 5] {
      let result = try Command.launcher(["-n", "\(ranks)", "collectives"])
      XCTAssertEqual(result.code, 0, result.standardError)
      XCTAssertTrue(result.standardOutput.hasPrefix("ok: \(ranks) ranks"), result.standardOutput)
    }
  }

  /// This process is a world of one rank of its own, for whatever tests call MPI without mpirun.
  func testThisProcessAsAWorldOfOneRank() throws {
    if !Environment.isInitialized { _ = try Environment.initialize() }
    let world = Communicator.world
    XCTAssertEqual(world.rank, 0)
    XCTAssertEqual(world.size, 1)
    XCTAssertEqual(try world.allreduce(2.5, .sum), 2.5)
    XCTAssertEqual(try world.allgatherv([Int32](1...3)), [[1, 2, 3]])
    XCTAssertEqual(try world.agree(on: (65, "no file"))?.message, "no file")
  }

  func testErrorsReadWell() {
    let own = MPIError(
      call: "MPI_Bcast", errorClass: "MPI_ERR_ROOT", text: "root 7 is not a rank from 0 to 4")
    XCTAssertEqual("\(own)", "MPI_Bcast: MPI_ERR_ROOT: root 7 is not a rank from 0 to 4")
    let theirs = MPIError(call: "MPI_Bcast", errorClass: "MPI_ERR_ROOT", text: "MPI_ERR_ROOT: invalid root")
    XCTAssertEqual("\(theirs)", "MPI_Bcast: MPI_ERR_ROOT: invalid root")
  }
}
