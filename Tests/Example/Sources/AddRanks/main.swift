import MPI

try Environment.initialize()
let world = Communicator.world
let sum = try world.allreduce(Int64(world.rank), .sum)
print("rank \(world.rank) of \(world.size): the ranks add up to \(sum)")
try Environment.finalize()
