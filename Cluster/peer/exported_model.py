"""A network that `heartwood export --format safetensors` wrote, as a PyTorch module.

    model = exported_model.load("first.safetensors")
    probabilities = model(beats)            # N x samples -> N x classes

`model.config` has the classes, the window and the protocol; inputs are those of `export --format csv`. Needs torch alone.
"""
import json

import torch
import torch.nn.functional as F
from torch import nn


def read_safetensors(path):
    """Tensors by name, and the file's metadata."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        numbers = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    metadata = header.pop("__metadata__")
    return {name: numbers[entry["data_offsets"][0] // 4:entry["data_offsets"][1] // 4].view(entry["shape"])
            for name, entry in header.items()}, metadata


def load(path):
    tensors, metadata = read_safetensors(path)
    model = ExportedModel(json.loads(metadata["config"]))
    model.load_state_dict(tensors)
    return model.eval()


class Branch(nn.Module):
    def __init__(self, shape, channels):
        super().__init__()
        self.shape = shape
        if shape["kind"] == "cnn":
            self.conv = nn.Conv1d(channels, shape["channels"], shape["kernel"])
            self.features = (shape["length"] - shape["kernel"] + 1) // shape["pool"] * shape["channels"]
        else:
            layer = (nn.RNN if shape["kind"] == "rnn" else nn.LSTM)(
                channels * shape["frame"], shape["hidden"], batch_first=True)
            setattr(self, shape["kind"], layer)
            self.features = shape["hidden"]

    def forward(self, x):                       # [N, channels, samples]
        if self.shape["kind"] == "cnn":
            return F.max_pool1d(F.relu(self.conv(x)), self.shape["pool"]).flatten(1)
        frames = x.transpose(1, 2).reshape(len(x), -1, x.shape[1] * self.shape["frame"])
        return getattr(self, self.shape["kind"])(frames)[0][:, -1]


class Network(nn.Module):
    """Branches and heads, a trunk between them that reads all branches side by side or one at a time."""
    def __init__(self, config, count, channels, extra, side_by_side=False):
        super().__init__()
        self.branches = nn.ModuleList(Branch(config["branch"], channels) for _ in range(count))
        self.width = self.branches[0].features + extra
        widths = [self.width * (count if side_by_side else 1)] + config["trunk"]
        self.trunk = nn.ModuleList(nn.Linear(*pair) for pair in zip(widths, widths[1:]))
        self.heads = nn.ModuleList(nn.Linear(widths[-1], config["outputs"]) for _ in range(count))
        self.side_by_side = side_by_side
        if side_by_side:                        # what a slot adds to z on average
            self.register_buffer("means", torch.zeros(count, widths[1]))

    def product(self, task, x, extra):
        """z: the part of the first trunk matrix's product that comes of one branch."""
        v = torch.cat([self.branches[task](x), extra], 1)
        start = task * self.width if self.side_by_side else 0
        return v @ self.trunk[0].weight[:, start:start + self.width].T

    def after(self, z):
        h = F.relu(z + self.trunk[0].bias)
        for layer in self.trunk[1:]:
            h = F.relu(layer(h))
        return h

    def logits(self, task, z):
        return self.heads[task](self.after(z))


class ExportedModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, self.form = config, config["form"]
        count, channels, extra = len(config["votes"]), config["branch"]["inputChannels"], config["extraFeatures"]
        network = lambda count: Network(config, count, channels, extra, self.form == "concat")
        if self.form == "anchored":
            self.towers = nn.ModuleList(network(1) for _ in range(config["towers"]))
            self.raw = Network(config, 1, 1, 4)
            self.timing = nn.ModuleDict({"hidden": nn.Linear(4, 16), "head": nn.Linear(16, config["outputs"])})
        elif self.form == "apart":
            self.networks = nn.ModuleList(network(1) for _ in range(count))
        else:
            shared = network(count)
            self.branches, self.trunk, self.heads = shared.branches, shared.trunk, shared.heads
            if self.form == "concat":
                self.register_buffer("means", shared.means)
            self.shared = [shared]              # in a list, so that its weights are not named twice

    @torch.no_grad()
    def forward(self, beats, rr=None, median_beat=None, patient_rr=None, anchor=None, protocol=None, task=None):
        """Class probabilities, N x classes. `protocol`, `task`: in place of the exported ones."""
        protocol = protocol or self.config["protocol"]
        task = self.config.get("task") if task is None else task
        x = beats.unsqueeze(1)
        extra = beats[:, :0] if rr is None else rr
        if self.form == "anchored":
            return self.anchored(x, rr, median_beat, patient_rr, anchor, protocol)
        if median_beat is not None:
            x, extra = self.beside(x, rr, median_beat, patient_rr)
        if self.form == "concat":
            return self.concat(x, extra, protocol, task)
        if self.form == "apart":
            answer = lambda task: self.networks[task].logits(0, self.networks[task].product(0, x, extra)).softmax(1)
        else:
            network = self.shared[0]
            answer = lambda task: network.logits(task, network.product(task, x, extra)).softmax(1)
        return answer(task) if protocol == "own" and task is not None else self.panel(answer)

    def concat(self, x, extra, protocol, task):
        network, votes, means = self.shared[0], self.config["votes"], self.means
        if protocol == "broadcast":
            z = sum(network.product(i, x, extra) for i, vote in enumerate(votes) if vote != "apart")
            h = network.after(z)
            return self.panel(lambda task: network.heads[task](h).softmax(1))
        alone = protocol == "slot" or protocol == "own" and self.config["slotDropout"]
        others = lambda task: 0 if alone else means.sum(0) - means[task]
        answer = lambda task: network.logits(task, network.product(task, x, extra) + others(task)).softmax(1)
        return answer(task) if protocol == "own" else self.panel(answer)

    def panel(self, answer):
        """What the heads say together: the mean of those that may vote, or each its own class against the rest."""
        votes = self.config["votes"]
        if self.config["heads"] == "oneVersusRest":
            claims = torch.stack([answer(task)[:, 1] for task in range(len(votes))], 1)
            total = claims.sum(1, keepdim=True)
            return torch.where(total > 0, claims / total, 1 / len(votes))
        asked = [i for i, vote in enumerate(votes) if vote == "yes"]
        asked = asked or [i for i, vote in enumerate(votes) if vote != "apart"]
        return torch.stack([answer(task) for task in asked]).mean(0)

    def beside(self, x, rr, median_beat, patient_rr):
        """Beats beside their patient's median beat, and RR features beside the patient's."""
        beats = x[:, 0]
        pre = (rr[:, 2:3] + 0.8).clamp(min=1e-3)
        post = pre * rr[:, 3:4].exp()
        median, spread = patient_rr[:, :1], patient_rr[:, 1:]
        relative = [(pre / median - 1), (post / median - 1), (pre - median) / spread, (post - median) / spread]
        centred, typical = (v - v.mean(1, keepdim=True) for v in (beats, median_beat))
        length = lambda v: v.square().sum(1, keepdim=True).sqrt()
        likeness = 1 - (centred * typical).sum(1, keepdim=True) / (length(centred) * (length(typical) + 1e-6) + 1e-6)
        distance = (0.05 + length(beats - median_beat) / (length(median_beat) + 1e-6)).log()
        extra = torch.cat([rr] + [v.clamp(-3, 3) for v in relative] + [likeness, distance], 1)
        return torch.stack([beats, median_beat], 1), extra

    def anchored(self, x, rr, median_beat, patient_rr, anchor, protocol):
        odds = lambda logits: logits[:, 1:] - logits[:, :1]
        guess = self.config["typicality"]["guess"] if protocol == "typical" else 0
        total = 0
        if guess < 1:
            both, extra = self.beside(x, rr, median_beat, patient_rr)
            anchors = anchor.chunk(len(self.towers), 1) if self.config["anchored"] else [0] * len(self.towers)
            of_towers = [odds(tower.logits(0, tower.product(0, both, extra) - own))
                         for tower, own in zip(self.towers, anchors)]
            total = (1 - guess) * torch.stack(of_towers).mean(0)
        if guess > 0:
            share = self.config["typicality"]["timing"]
            timing = odds(self.timing["head"](F.relu(self.timing["hidden"](rr))))
            total = total + guess * (share * timing + (1 - share) * odds(self.raw.logits(0, self.raw.product(0, x, rr))))
        return torch.cat([-total, total], 1).sigmoid()
