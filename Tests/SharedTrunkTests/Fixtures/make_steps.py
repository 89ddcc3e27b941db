#!/usr/bin/env python3
"""Ten training steps of the whole network, by PyTorch in double precision: writes steps-cnn.json, steps-rnn.json and steps-lstm.json
beside this file.

    python3 make_steps.py            (needs torch; made with torch 2.x)

Three tasks, CNN, RNN or LSTM branches with RR features, dropout, slot dropout, clipping by group, coupled decay, Adam. The random draws
(examples, masks, slots) are computed here from their definitions, apart from Heartwood's code: SplitMix64 streams keyed by
(seed, purpose, task, step), and the dropout mask's hash.
"""
import json, os
import torch

M = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
WEIGHTS, TRUNK_WEIGHTS, MINIBATCH, FEATURE, TRUNK, SLOT = range(1, 7)          # purposes of streams


def final(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & M
    z = (z ^ z >> 27) * 0x94D049BB133111EB & M
    return z ^ z >> 31


def mixed(w): return final((w + GOLDEN) & M)
def stream_key(seed, purpose, a=0, b=0): return mixed(mixed(mixed(mixed(seed) ^ purpose) ^ a) ^ b)


class Stream:
    def __init__(s, seed): s.state = final(final((seed + GOLDEN) & M))
    def next(s):
        s.state = (s.state + GOLDEN) & M
        return final(s.state)
    def uniform(s): return (s.next() >> 11) * 2.0 ** -53
    def index(s, n):                                                           # Lemire's method
        p = s.next() * n
        if p & M < n:
            while p & M < (1 << 64) % n: p = s.next() * n
        return p >> 64


def mask(key, count, probability):
    k = final((key + GOLDEN) & M)
    low, high, out = k & 0xFFFFFFFF, k >> 32, []
    def mix(h):
        h ^= h >> 16; h = h * 0x7FEB352D & 0xFFFFFFFF
        h ^= h >> 15; h = h * 0x846CA68B & 0xFFFFFFFF
        return h ^ h >> 16
    threshold = int(float(torch.tensor(probability, dtype=torch.float32)) * 2 ** 32)
    for i in range(count):
        h = mix((mix(i ^ low) + high) & 0xFFFFFFFF)
        out.append(0.0 if h < threshold else 1 / (1 - probability))
    return torch.tensor(out)


torch.set_default_dtype(torch.float64)
SEED, N, B, STEPS, P = 5, 3, 6, 10, 0.2
L, RR, H1, H2, CLASSES = 20, 4, 8, 6, 2
RATES = [0.01 * (0.05 + 0.95 * 0.5 * (1 + __import__("math").cos(3.141592653589793 * k / STEPS))) for k in range(STEPS)]
DECAY, CLIP = 1e-3, 0.25
COUNTS = [9, 12, 10]

def f32(t): return t.float().double()
def uniform(rows, columns, fan): return f32((torch.rand(rows, columns) * 2 - 1) / fan ** 0.5).requires_grad_()


class CNN:
    C, K, POOL = 4, 5, 3
    sizes = dict(channels=C, kernel=K, pool=POOL)
    features = (L - K + 1) // POOL * C
    def weights(s): return {"branch.convolution.weight": uniform(s.K, s.C, s.K), "branch.convolution.bias": uniform(1, s.C, s.K)}
    def forward(s, x, t):
        w = t["branch.convolution.weight"].t().reshape(s.C, 1, s.K)
        y = torch.relu(torch.nn.functional.conv1d(x[:, None], w, t["branch.convolution.bias"][0]))
        return torch.nn.functional.max_pool1d(y, s.POOL).transpose(1, 2).reshape(B, -1)     # position first


class Recurrent:
    """torch.nn.RNN or LSTM over the frames, last hidden state. PyTorch has two biases a gate, Heartwood one: the other is 0."""
    def __init__(s, module, gates, frame, hidden):
        s.module, s.gates, s.frame, s.features = module(frame, hidden, batch_first=True), gates, frame, hidden
        s.sizes = dict(frame=frame, hidden=hidden)
    def weights(s):
        width = s.gates * s.features
        return {"branch.input.weight": uniform(s.frame, width, s.features),
                "branch.recurrent.weight": uniform(s.features, width, s.features), "branch.recurrent.bias": uniform(1, width, s.features)}
    def forward(s, x, t):
        bias = t["branch.recurrent.bias"][0]
        given = {"weight_ih_l0": t["branch.input.weight"].t(), "weight_hh_l0": t["branch.recurrent.weight"].t(),
                 "bias_ih_l0": bias, "bias_hh_l0": torch.zeros_like(bias)}
        return torch.func.functional_call(s.module, given, (x.view(B, -1, s.frame),))[0][:, -1]


def make(kind, branch):
    torch.manual_seed(11)
    D = branch.features + RR
    windows = [f32(torch.randn(c, L)) for c in COUNTS]
    rr = [f32(torch.randn(c, RR)) for c in COUNTS]
    labels = [torch.tensor([int(i % 3 == 0) for i in range(c)]) for c in COUNTS]
    tasks = [branch.weights() |
             {"trunk.0.weight": uniform(D, H1, N * D), "head.weight": uniform(H2, CLASSES, H2), "head.bias": uniform(1, CLASSES, H2)}
             for _ in range(N)]
    trunk = {"trunk.0.bias": uniform(1, H1, N * D), "trunk.1.weight": uniform(H1, H2, H1), "trunk.1.bias": uniform(1, H2, H1)}
    start = {f"{i}/{k}": v.detach().flatten().tolist() for i, t in enumerate(tasks) for k, v in t.items()}
    start |= {f"trunk/{k}": v.detach().flatten().tolist() for k, v in trunk.items()}

    optimizers = [torch.optim.Adam(list(t.values()), lr=1, weight_decay=DECAY) for t in tasks + [trunk]]

    def draws(task, step):
        s = Stream(stream_key(SEED, MINIBATCH, task, step))
        members = [[i for i, y in enumerate(labels[task]) if y == c] for c in (0, 1)]
        picks = []
        for _ in range(B):
            c = 0 if s.uniform() < 0.5 else 1
            picks.append(members[c][s.index(len(members[c]))])
        return picks

    def slots(step):
        s, chosen = Stream(stream_key(SEED, SLOT, step)), []
        for _ in range(B):
            alone = s.next() >> 63 == 1
            slot = s.index(N)
            chosen.append(slot if alone else -1)
        return torch.tensor(chosen)

    losses = []
    for step in range(STEPS):
        chosen, z, ys = slots(step), 0, []
        for i, t in enumerate(tasks):
            pick = draws(i, step)
            x = windows[i][pick]
            v = torch.cat([branch.forward(x, t), rr[i][pick]], 1) * mask(stream_key(SEED, FEATURE, i, step), B * D, P).view(B, D)
            v = v * ((chosen < 0) | (chosen == i)).double()[:, None]
            z = z + v @ t["trunk.0.weight"]
            ys.append(labels[i][pick])
        key = stream_key(SEED, TRUNK, step)
        h = torch.relu(z + trunk["trunk.0.bias"]) * mask(stream_key(key, TRUNK, 0), B * H1, P).view(B, H1)
        h = torch.relu(h @ trunk["trunk.1.weight"] + trunk["trunk.1.bias"]) * mask(stream_key(key, TRUNK, 1), B * H2, P).view(B, H2)
        loss = 0
        for i, t in enumerate(tasks):
            ce = torch.nn.functional.cross_entropy(h @ t["head.weight"] + t["head.bias"], ys[i], reduction="none")
            weight = torch.where(chosen < 0, 1.0, torch.where(chosen == i, float(N), 0.0))
            loss = loss + (ce * weight).mean() / N
        losses.append(loss.item())
        for o in optimizers: o.zero_grad()
        loss.backward()
        for o in optimizers:
            torch.nn.utils.clip_grad_norm_(o.param_groups[0]["params"], CLIP)
            o.param_groups[0]["lr"] = RATES[step]
            o.step()

    end = {f"{i}/{k}": v.detach().flatten().tolist() for i, t in enumerate(tasks) for k, v in t.items()}
    end |= {f"trunk/{k}": v.detach().flatten().tolist() for k, v in trunk.items()}
    out = dict(seed=SEED, batch=B, dropout=P, weightDecay=DECAY, clip=CLIP, rates=RATES, length=L, **branch.sizes,
               trunk=[H1, H2], windows=[w.flatten().tolist() for w in windows], rr=[r.flatten().tolist() for r in rr],
               labels=[y.tolist() for y in labels], start=start, losses=losses, end=end)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), f"steps-{kind}.json"), "w") as f:
        json.dump(json.loads(json.dumps(out), parse_float=lambda x: float(f"{float(x):.9g}")), f, separators=(",", ":"))
    print(kind, "losses", losses[0], losses[-1])


if __name__ == "__main__":
    make("cnn", CNN())
    make("rnn", Recurrent(torch.nn.RNN, 1, 5, 6))
    make("lstm", Recurrent(torch.nn.LSTM, 4, 4, 5))
