// A program for the tests to start under mpirun. `collectives` compares every call of the MPI module with what it must
// give, on as many ranks as it is started with; the other subcommands end a job in each of the ways that a launcher meets.

import Foundation
import MPI

func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
/// A line in one piece, that no other rank's gets into.
func tell(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

func usage() -> Never {
  say(
    "usage: MPISelfTest collectives | spin MB | train ORDERLY | die SIGNAL | abort CODE | exit CODE | quit CODE | lines | env NAME"
  )
  exit(64)
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard let subcommand = arguments.first else { usage() }
func number() -> Int32 {
  guard arguments.count == 2, let value = Int32(arguments[1]) else { usage() }
  return value
}

nonisolated(unsafe) var stop: sig_atomic_t = 0

let level = try Environment.initialize()
let world = Communicator.world

switch subcommand {
case "collectives":
  let checks = Checks()
  try checks.run(world, level)
  let count = try world.allreduce(Int64(checks.count), .min)
  if world.rank == 0 { print("ok: \(world.size) ranks, \(count) checks each") }

case "spin":
  // Trains for ever, as far as a launcher can see, with so much memory. One line a rank says that it may be killed.
  let (bytes, flags) = (Int(number()) << 20, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE)
  guard bytes == 0 || mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED else { exit(70) }
  let numbers = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 1024)
  numbers.initialize(repeating: 0)
  tell("rank \(world.rank) of \(world.size) is process \(getpid())")
  while true {
    try world.allreduce(numbers, .sum, kind: .setup)
    usleep(1000)
  }

case "train":
  // As `spin`, but a signal ends all ranks in good order (1), or not at all, though it is heeded (0).
  let orderly = number()
  for number in [SIGTERM, SIGINT, SIGUSR1] { signal(number) { _ in stop = 1 } }
  tell("rank \(world.rank) of \(world.size) is process \(getpid())")
  try world.barrier()
  if world.rank == 0, ProcessInfo.processInfo.environment["HEARTWOOD_SAY_READY"] != nil {
    say("heartwood: ready")
  }
  while try world.allreduce(Int64(stop) * Int64(orderly), .max) == 0 { usleep(1000) }
  if world.rank == 0 { say("heartwood: all ranks stop") }
  try Environment.finalize()
  exit(75)

case "die":  // the highest rank by a signal, the others waiting for it
  if world.rank == world.size - 1 { kill(getpid(), number()) }
  try world.barrier()

case "abort":  // the highest rank by MPI_Abort after a line of its own, the others waiting for it
  if world.rank == world.size - 1 {
    say("heartwood: rank \(world.rank) says why")
    world.abort(number())
  }
  try world.barrier()

case "exit":  // all ranks in good order, rank 0 with the line
  let code = number()
  if world.rank == 0 { say("heartwood: all ranks agree on \(code)") }
  try Environment.finalize()
  exit(code)

case "quit":  // one rank without a word and without MPI_Finalize, the others waiting for it
  if world.rank == world.size - 1 { exit(number()) }
  try world.barrier()

case "lines":  // text that must pass a launcher unchanged
  try world.barrier()
  if world.rank == 0 {
    say("  two leading spaces, a back\\slash, a $dollar, a * and a trailing space ")
    say("")
    say("a line that says mpirun and MPI_ABORT")
    say(String(repeating: "-", count: 74))
    say("a table of the program's own")
    say(String(repeating: "-", count: 74))
    FileHandle.standardError.write(Data("a last line without its end".utf8))
  }
  try world.barrier()

case "env":
  guard arguments.count == 2 else { usage() }
  let values = try world.gather(ProcessInfo.processInfo.environment[arguments[1]] ?? "unset")
  if world.rank == 0 { print(values.joined(separator: " ")) }

default:
  usage()
}
try Environment.finalize()
