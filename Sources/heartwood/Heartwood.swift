import ArgumentParser
import Foundation

/// The command. One file a subcommand.
@main
struct Heartwood: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "heartwood",
    abstract: "Train one network across many patients' ECGs without moving any patient's recording.",
    discussion: """
      Alone it runs on one rank; `Launch/heartwood -n RANKS SUBCOMMAND ...` starts it under mpirun, one task a rank or several.

      Example:
        Launch/heartwood -n 5 train --records 106,114,119,201,203 --targets 205 --data mitdb --output runs/first
      """,
    version: version,
    subcommands: [
      Train.self, Evaluate.self, Adapt.self, Predict.self, Export.self, Simulate.self, Inspect.self,
      Paper.self, Bench.self, Scale.self,
    ])

  static let version = "0.1.0"

  /// Parses and runs; every failure is one line on standard error and a code of `ExitStatus`.
  static func main() {
    signal(SIGPIPE, SIG_IGN)
    let commandLine = Array(CommandLine.arguments.dropFirst())
    var file: RunFile?
    do {
      try requireSubcommand(commandLine.first)
      let arguments: [String]
      (arguments, file) = try RunFile.expand(commandLine)
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch let failure as Failure {
      failure.exitAlike()
    } catch {
      leave(error) {
        let help = subcommand(commandLine.first).map { "heartwood \($0) --help" } ?? "heartwood --help"
        return "\(file?.placed($0, commandLine: commandLine) ?? $0) (see `\(help)`)"
      }
    }
  }

  private static func subcommand(_ word: String?) -> String? {
    configuration.subcommands.map { $0._commandName }.first { $0 == word }
  }

  /// The parser would take offence at the options of a subcommand that is misspelt, not at its name.
  private static func requireSubcommand(_ word: String?) throws {
    guard let word, !word.hasPrefix("-"), word != "help", subcommand(word) == nil else { return }
    let names = configuration.subcommands.map { $0._commandName }.joined(separator: ", ")
    throw Failure(.usage, "'\(word)' is no subcommand; there are \(names)")
  }

  /// Help and version go to standard output, a wrong command line to standard error, both from the first rank alone. `placed` adds to a
  /// message where its option stands and where to read on.
  private static func leave(_ error: any Error, _ placed: (String) -> String) -> Never {
    let help = exitCode(for: error) == .success
    if Launcher.isFirstRank {
      if help {
        let text = fullMessage(for: error)
        print(text == version ? Versions.text : text)
      } else {
        let line = message(for: error).split(separator: "\n").joined(separator: " ")
        Failure(.usage, placed(line)).print()
      }
    } else if !help {
      Launcher.waitForTheFirstRank()
    }
    Foundation.exit(help ? 0 : ExitStatus.usage.rawValue)
  }
}

/// What mpirun tells a process by its environment, before MPI is initialised.
enum Launcher {
  private static let environment = ProcessInfo.processInfo.environment

  static var isFirstRank: Bool { rank == "0" }

  static var rank: String {
    ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"].lazy.compactMap { environment[$0] }
      .first ?? "0"
  }

  /// How many ranks were started.
  static var ranks: Int {
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"].lazy.compactMap {
      environment[$0].flatMap { Int($0) }
    }
    .first ?? 1
  }

  /// Whether `Launch/heartwood` waits for a line that all ranks heed signals, and keeps it to itself.
  static var awaitsReady: Bool { environment["HEARTWOOD_SAY_READY"] != nil }

  /// Whether mpirun started all ranks on this machine.
  static var isOneMachine: Bool {
    environment["OMPI_COMM_WORLD_LOCAL_SIZE"] == environment["OMPI_COMM_WORLD_SIZE"]
      && environment["MPI_LOCALNRANKS"] == environment["PMI_SIZE"]
  }

  /// This process's environment without what makes it a rank, for programs that are to start ranks of their own. What a user
  /// says of Open MPI's transports stays.
  static var environmentOutsideMPI: [String: String] {
    let transports = [
      "OMPI_ALLOW_RUN_AS_ROOT", "OMPI_MCA_btl", "OMPI_MCA_pml", "OMPI_MCA_mtl", "OMPI_MCA_coll",
    ]
    let ranks = ["OMPI_", "PMIX_", "ORTE_", "PMI_", "MPI_LOCAL", "HYDI_"]
    return environment.filter { name, _ in
      transports.contains { name.hasPrefix($0) } || !ranks.contains { name.hasPrefix($0) }
    }
  }

  /// Leaves the first rank time to say what is wrong, which all ranks have found alike: mpirun kills every rank, this one too, as soon as
  /// one has exited with an error.
  static func waitForTheFirstRank() { sleep(5) }

  /// Whether a person looks at standard output. Under mpirun only `Launch/heartwood` knows: a rank writes to mpirun's pseudo-terminal.
  static var isTerminal: Bool {
    environment["HEARTWOOD_TERMINAL"].map { $0 == "1" }
      ?? (environment["OMPI_COMM_WORLD_RANK"] == nil && isatty(STDOUT_FILENO) == 1)
  }
}
