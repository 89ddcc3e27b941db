#!/usr/bin/env python3
"""The network of `heartwood bench` in PyTorch, to run in alternation with it: `heartwood bench --compare` does.

    python3 pytorch_peer.py --branch cnn --tasks 2 --batch 32 --ranks 2 --comm gloo --trunk sharded

One step, of B examples of each of n tasks, on R processes that own n / R tasks each:
    v_i = branch_i(x_i)                 cnn: conv1d 1 -> 32, kernel 7, "same"; ReLU; max-pool 2; flattened: 4096 features
                                        rnn, lstm: 128 frames of 2; hidden 64, last state: 64 features
    h   = ReLU(W2 ReLU(sum_i W1_i v_i + b1) + b2)             n features -> 128 -> 64
    L   = sum_i mean over the batch of cross-entropy(U_i h + c_i)
    Adam (1e-3) on everything
What crosses between the processes is one of
    sharded     W1 cut by task; all-reduce of the B x 128 sums, and of their gradient
    replicated  W1 on every process; all-gather of the features, reduce-scatter of their gradient
and then the gradients of what every process holds.

Needs torch, numpy, and mpi4py for --comm mpi. Prints one JSON object, with the figures' names as `heartwood bench --json` has them.
"""
import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time


def started():
    """When this process was started (in steps of 10 ms), as time.time() counts."""
    with open("/proc/self/stat") as file:
        ticks = int(file.read().rsplit(")", 1)[1].split()[19])
    with open("/proc/uptime") as file:
        up = float(file.read().split()[0])
    return time.time() - (up - ticks / os.sysconf("SC_CLK_TCK"))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--branch", choices=["cnn", "rnn", "lstm"], default="cnn")
    parser.add_argument("--tasks", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32, help="examples a task and step")
    parser.add_argument("--ranks", type=int, default=1, help="processes, at most as many as tasks")
    parser.add_argument("--comm", choices=["gloo", "mpi"], default="gloo", help="torch.distributed, or mpi4py over mpirun")
    parser.add_argument("--trunk", choices=["sharded", "replicated"], default="sharded")
    parser.add_argument("--warmup", type=int, default=10, help="steps before timing starts")
    parser.add_argument("--steps", type=int, default=400, help="steps to time, at most")
    parser.add_argument("--seconds", type=float, default=3, help="about how long to time, at least 5 steps")
    parser.add_argument("--reference", metavar="FILE", help="in the end take the steps that `heartwood bench` wrote there, and "
                        "say how far the losses are from its own")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, not to standard output")
    options = parser.parse_args()
    if not 1 <= options.ranks <= options.tasks:
        parser.error(f"--ranks {options.ranks}: from 1 to the number of tasks, {options.tasks}")
    if options.trunk == "replicated" and options.tasks % options.ranks:
        parser.error("--trunk replicated gathers as many features from every rank: --tasks must be a multiple of --ranks")
    return options


A = arguments()
os.environ.setdefault("OMP_NUM_THREADS", "1")   # a process has one core, as a rank of Heartwood's has
os.environ.setdefault("MKL_NUM_THREADS", "1")


# ---------------------------------------------------------------- processes

def start_processes():
    """Starts this file again, once a rank, and waits for all."""
    os.environ["PEER_STARTED"] = repr(started())
    if A.comm == "mpi":
        if os.geteuid() == 0:
            os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        os.environ.setdefault("OMPI_MCA_btl_vader_single_copy_mechanism", "none")
        if A.ranks > len(os.sched_getaffinity(0)):
            os.environ.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
        mpirun = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(A.ranks), sys.executable]
        os.execvp(mpirun[0], mpirun + sys.argv)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PEER_MEETING"] = f"file://{folder}/meeting"
        ranks = [subprocess.Popen([sys.executable] + sys.argv, env=os.environ | {"PEER_RANK": str(rank)})
                 for rank in range(A.ranks)]
        while all(rank.poll() is None or rank.returncode == 0 for rank in ranks):
            if all(rank.poll() == 0 for rank in ranks):
                sys.exit(0)
            time.sleep(0.02)
        for rank in ranks:
            rank.kill()
        sys.exit(1)


if A.ranks > 1 and not ("PEER_RANK" in os.environ or "OMPI_COMM_WORLD_RANK" in os.environ):
    start_processes()
STARTED = float(os.environ.get("PEER_STARTED", 0)) or started()
ctypes.CDLL(None).prctl(1, signal.SIGTERM)      # PR_SET_PDEATHSIG: no rank outlives the process that started it

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


class Alone:
    """One process, nothing to exchange."""
    rank, size = 0, 1
    def all_reduce(self, tensor): return tensor
    def all_gather(self, tensor): return tensor[None]
    def reduce_scatter(self, tensor): return tensor[0]
    def objects(self, value): return [value]
    def end(self): pass


class Gloo:
    def __init__(self):
        import torch.distributed as dist
        self.dist, self.rank, self.size = dist, int(os.environ["PEER_RANK"]), A.ranks
        dist.init_process_group("gloo", init_method=os.environ["PEER_MEETING"], rank=self.rank, world_size=self.size)

    def all_reduce(self, tensor):
        self.dist.all_reduce(tensor)
        return tensor

    def all_gather(self, tensor):
        out = torch.empty((self.size,) + tensor.shape)
        self.dist.all_gather_into_tensor(out.flatten(0, 1), tensor.contiguous())
        return out

    def reduce_scatter(self, tensor):
        out = torch.empty(tensor.shape[1:])
        self.dist.reduce_scatter_tensor(out, tensor.contiguous().flatten(0, 1))
        return out

    def objects(self, value):
        every = [None] * self.size
        self.dist.all_gather_object(every, value)
        return every

    def end(self):
        self.dist.barrier()
        sys.stdout.flush()
        os._exit(0)                             # the group's own end aborts at times: "terminate called without ..."


class MPI:
    def __init__(self):
        from mpi4py import MPI
        self.mpi, self.world = MPI, MPI.COMM_WORLD
        self.rank, self.size = self.world.rank, self.world.size

    def all_reduce(self, tensor):
        self.world.Allreduce(self.mpi.IN_PLACE, tensor.numpy())
        return tensor

    def all_gather(self, tensor):
        out = torch.empty((self.size,) + tensor.shape)
        self.world.Allgather(tensor.contiguous().numpy(), out.numpy())
        return out

    def reduce_scatter(self, tensor):
        out = torch.empty(tensor.shape[1:])
        self.world.Reduce_scatter_block(tensor.contiguous().numpy(), out.numpy())
        return out

    def objects(self, value): return self.world.allgather(value)
    def end(self): pass


COMM = Alone() if A.ranks == 1 else Gloo() if A.comm == "gloo" else MPI()


class Sum(torch.autograd.Function):
    """Sum over the processes; every process's loss depends on it, so the gradient is summed too."""
    @staticmethod
    def forward(context, part): return COMM.all_reduce(part.clone())
    @staticmethod
    def backward(context, gradient): return COMM.all_reduce(gradient.clone())


class Gather(torch.autograd.Function):
    """[...] of every process -> [processes, ...]."""
    @staticmethod
    def forward(context, part): return COMM.all_gather(part)
    @staticmethod
    def backward(context, gradient): return COMM.reduce_scatter(gradient)


# ---------------------------------------------------------------- network

CHANNELS, KERNEL, LENGTH = 32, 7, 256
FRAMES, FRAME, HIDDEN = 128, 2, 64
FEATURES = CHANNELS * LENGTH // 2 if A.branch == "cnn" else HIDDEN
GATES = 4 if A.branch == "lstm" else 1
PER_RANK = [A.tasks // COMM.size + (rank < A.tasks % COMM.size) for rank in range(COMM.size)]
FIRST = sum(PER_RANK[:COMM.rank])
OWN = range(FIRST, FIRST + PER_RANK[COMM.rank])     # the tasks of this process


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        if A.branch == "cnn":
            self.net = nn.Conv1d(1, CHANNELS, KERNEL, padding="same")
        else:
            self.net = (nn.RNN if A.branch == "rnn" else nn.LSTM)(FRAME, HIDDEN, batch_first=True)
            nn.init.zeros_(self.net.bias_hh_l0).requires_grad_(False)      # one bias a gate is enough

    def forward(self, x):                       # [B, 256]
        if A.branch == "cnn":
            return F.max_pool1d(F.relu(self.net(x.unsqueeze(1))), 2).flatten(1)
        return self.net(x.view(-1, FRAMES, FRAME))[0][:, -1]


class Network(nn.Module):
    """The tasks of this process, and its part of the trunk."""
    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(Branch() for _ in OWN)
        self.heads = nn.ModuleList(nn.Linear(64, 2) for _ in OWN)
        columns = len(OWN) if A.trunk == "sharded" else A.tasks
        self.first = nn.Linear(columns * FEATURES, 128, bias=False)
        self.bias = nn.Parameter(torch.zeros(128))
        self.second = nn.Linear(128, 64)

    def forward(self, xs, ys):
        v = torch.cat([branch(x) for branch, x in zip(self.branches, xs)], 1)
        if A.trunk == "sharded":
            z = Sum.apply(self.first(v))
        else:
            z = self.first(Gather.apply(v).transpose(0, 1).flatten(1))
        h = F.relu(self.second(F.relu(z + self.bias)))
        return sum(F.cross_entropy(head(h), y) for head, y in zip(self.heads, ys))

    def share_gradients(self):
        """Sums the gradients of what every process holds: each has those of its own tasks' loss."""
        if COMM.size == 1:
            return
        shared = [self.bias, *self.second.parameters()]
        if A.trunk == "replicated":
            COMM.all_reduce(self.first.weight.grad)
        flat = COMM.all_reduce(torch.cat([p.grad.flatten() for p in shared]))
        for p, part in zip(shared, flat.split([p.numel() for p in shared])):
            p.grad.copy_(part.view_as(p))


def new_network():
    network = Network()
    return network, torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-3, fused=True)


def random_batches():
    """Four, to be taken in turn."""
    torch.manual_seed(COMM.rank)
    return [([torch.randn(A.batch, LENGTH) for _ in OWN], [torch.randint(0, 2, (A.batch,)) for _ in OWN])
            for _ in range(4)]


def step(network, optimizer, xs, ys):
    optimizer.zero_grad(set_to_none=True)
    loss = network(xs, ys)
    loss.backward()
    network.share_gradients()
    optimizer.step()
    return loss.item()


# ---------------------------------------------------------------- Heartwood's own steps

def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        numbers = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    header.pop("__metadata__", None)
    return {name: numbers[entry["data_offsets"][0] // 4:entry["data_offsets"][1] // 4].view(entry["shape"]).clone()
            for name, entry in header.items()}


@torch.no_grad()
def take_weights(network, tensors):
    """Heartwood stores matrices inputs x outputs, and a convolution's features position first."""
    for task, branch, head in zip(OWN, network.branches, network.heads):
        of_task = lambda name: tensors[f"{task}/{name}"]
        if A.branch == "cnn":
            branch.net.weight.copy_(of_task("branch.convolution.weight").t().unsqueeze(1))
            branch.net.bias.copy_(of_task("branch.convolution.bias").flatten())
        else:
            branch.net.weight_ih_l0.copy_(of_task("branch.input.weight").t())
            branch.net.weight_hh_l0.copy_(of_task("branch.recurrent.weight").t())
            branch.net.bias_ih_l0.copy_(of_task("branch.recurrent.bias").flatten())
        head.weight.copy_(of_task("head.weight").t())
        head.bias.copy_(of_task("head.bias").flatten())
    def rows(task):                             # of W1: features x 128
        weight = tensors[f"{task}/trunk.0.weight"]
        if A.branch != "cnn":
            return weight
        return weight.view(LENGTH // 2, CHANNELS, 128).transpose(0, 1).reshape(FEATURES, 128)
    tasks = OWN if A.trunk == "sharded" else range(A.tasks)
    network.first.weight.copy_(torch.cat([rows(task) for task in tasks]).t())
    network.bias.copy_(tensors["trunk/trunk.0.bias"].flatten())
    network.second.weight.copy_(tensors["trunk/trunk.1.weight"].t())
    network.second.bias.copy_(tensors["trunk/trunk.1.bias"].flatten())


def largest_difference(path):
    """The largest relative difference between Heartwood's losses and ours, from its weights and on its examples."""
    tensors = read_safetensors(path)
    network, optimizer = new_network()
    take_weights(network, tensors)
    largest = 0.0
    for number, expected in enumerate(tensors["losses"].flatten().tolist()):
        xs = [tensors[f"step{number}/{task}/windows"] for task in OWN]
        ys = [tensors[f"step{number}/{task}/labels"].flatten().long() for task in OWN]
        loss = sum(COMM.objects(step(network, optimizer, xs, ys)))
        largest = max(largest, abs(loss - expected) / abs(expected))
    return largest


# ---------------------------------------------------------------- figures

def operations():
    """Of a step: multiply-adds of products and convolutions, times two. The input needs no gradient."""
    dense = 3 * 2 * A.batch * (A.tasks * FEATURES * 128 + 128 * 64 + A.tasks * 64 * 2)
    if A.branch == "cnn":
        branch = 2 * 2 * CHANNELS * KERNEL * LENGTH
    else:
        branch = 2 * FRAMES * GATES * HIDDEN * (2 * FRAME + 3 * HIDDEN)
    return A.tasks * A.batch * branch + dense


def peak_memory():
    """Of this process, in MB (10^6 bytes)."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in file if line.startswith("VmHWM"))


def main():
    network, optimizer = new_network()
    batches = random_batches()
    step(network, optimizer, *batches[0])
    first_step = time.time() - STARTED
    for number in range(A.warmup):
        step(network, optimizer, *batches[number % 4])
    start = time.perf_counter()
    for number in range(3):
        step(network, optimizer, *batches[number % 4])
    # As many steps on every process.
    estimate = COMM.objects(time.perf_counter() - start)[0] / 3
    count = min(A.steps, max(5, int(A.seconds / estimate)))

    times, processor = [], time.process_time()
    for number in range(count):
        start = time.perf_counter()
        step(network, optimizer, *batches[number % 4])
        times.append(time.perf_counter() - start)
    processor = time.process_time() - processor

    every = COMM.objects((processor, peak_memory()))
    difference = largest_difference(A.reference) if A.reference else None
    if COMM.rank == 0:
        times.sort()
        median = times[int(0.5 * (count - 1) + 0.5)]
        figures = dict(
            implementation=f"PyTorch {torch.__version__.split('+')[0]}",
            form=f"{A.comm}-{A.trunk}" if COMM.size > 1 else "one process",
            branch=A.branch, tasks=A.tasks, batch=A.batch, ranks=COMM.size, steps=count,
            examplesPerSecond=A.tasks * A.batch / median,
            cpuExamplesPerSecond=A.tasks * A.batch * count / sum(cpu for cpu, _ in every),
            stepMilliseconds={name: times[int(share * (count - 1) + 0.5)] * 1e3 for name, share in
                              dict(min=0, p10=0.1, median=0.5, p90=0.9, max=1).items()},
            gflops=operations() / median / 1e9,
            secondsToFirstStep=first_step, peakMemoryMB=[memory for _, memory in every])
        if difference is not None:
            figures["largestLossDifference"] = difference
        if A.json:
            with open(A.json, "w") as file:
                json.dump(figures, file)
        else:
            print(json.dumps(figures), flush=True)
    COMM.end()


if __name__ == "__main__":
    main()
