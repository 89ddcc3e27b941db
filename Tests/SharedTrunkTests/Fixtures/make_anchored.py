#!/usr/bin/env python3
"""Twelve training steps of the anchored form, by PyTorch in double precision: writes steps-anchored-cnn.json and -lstm.json beside this
file, and for them three answers of the trained network on a patient never seen.

    python3 make_anchored.py         (needs torch and numpy; made with torch 2.x)

Three patients; each beat beside its patient's median beat, the six features of own statistics computed here from their definitions; the
shared tower with anchors and private residuals, the tower of raw beats, the tower of timing; dropout, clipping by group, coupled decay,
Adam. Draws are computed from their definitions, as in make_steps.py.
"""
import json, math, os
import numpy as np
import torch
from make_steps import CNN, Recurrent, Stream, mask, stream_key, f32, uniform, FEATURE, MINIBATCH, TRUNK, RATES

SWITCH, CHOICE, BEATS = 13, 14, 15                                              # purposes of streams
SEED, N, B, STEPS, P = 5, 3, 6, 12, 0.2
L, H, CLASSES, RANK, HIDDEN = 20, [8, 6], 2, 2, 16
DECAY, PRIVATE_DECAY, CLIP, EVERY, ANCHOR_BEATS = 1e-3, 1e-3, 0.25, 10, 64
COUNTS = [29, 42, 33]                                                           # the last has too few abnormal beats to balance
RATES = [0.01 * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * k / STEPS))) for k in range(STEPS)]


class TwoChannels(CNN):
    """The sample and the median beat's sample follow one another."""
    def weights(s): return {"branch.convolution.weight": uniform(2 * s.K, s.C, 2 * s.K), "branch.convolution.bias": uniform(1, s.C, 2 * s.K)}
    def forward(s, x, t):
        x = x.view(len(x), L, 2).transpose(1, 2)
        w = t["branch.convolution.weight"].view(s.K, 2, s.C).permute(2, 1, 0)
        y = torch.relu(torch.nn.functional.conv1d(x, w, t["branch.convolution.bias"][0]))
        return torch.nn.functional.max_pool1d(y, s.POOL).transpose(1, 2).reshape(len(x), -1)


class OneChannel(CNN):
    def forward(s, x, t):
        w = t["branch.convolution.weight"].t().reshape(s.C, 1, s.K)
        y = torch.relu(torch.nn.functional.conv1d(x[:, None], w, t["branch.convolution.bias"][0]))
        return torch.nn.functional.max_pool1d(y, s.POOL).transpose(1, 2).reshape(len(x), -1)


class AnyRows(Recurrent):
    def forward(s, x, t):
        bias = t["branch.recurrent.bias"][0]
        given = {"weight_ih_l0": t["branch.input.weight"].t(), "weight_hh_l0": t["branch.recurrent.weight"].t(),
                 "bias_ih_l0": bias, "bias_hh_l0": torch.zeros_like(bias)}
        return torch.func.functional_call(s.module, given, (x.view(len(x), -1, s.frame),))[0][:, -1]


def statistics(windows, rr, rows):
    pre = rr[:, 2] + 0.8
    q = np.percentile(pre[rows], [25, 50, 75])
    return np.median(windows[rows], 0), q[1], max((q[2] - q[0]) / 1.349, 0.02)


def beside(windows, rr, own):
    m, median, spread = own
    pre = rr[:, 2] + 0.8
    post = pre * np.exp(rr[:, 3])
    timing = np.clip(np.stack([pre / median - 1, post / median - 1, (pre - median) / spread, (post - median) / spread], 1), -3, 3)
    x, c = windows - windows.mean(1, keepdims=True), m - m.mean()
    correlation = (x @ c) / (np.linalg.norm(x, axis=1) * (np.linalg.norm(c) + 1e-6) + 1e-6)
    distance = np.log(0.05 + np.linalg.norm(windows - m, axis=1) / (np.linalg.norm(m) + 1e-6))
    pairs = np.stack([windows, np.broadcast_to(m, windows.shape)], 2).reshape(len(windows), -1)
    return torch.tensor(pairs), torch.tensor(np.concatenate([rr, timing, (1 - correlation)[:, None], distance[:, None]], 1))


def make(kind, raw_branch, branch):
    torch.manual_seed(12)
    windows = [f32(torch.randn(c, L)).numpy() for c in COUNTS + [25]]
    rr = [f32(torch.randn(c, 4) * 0.4).numpy().clip(-0.6) for c in COUNTS + [25]]
    labels = [torch.tensor([int(i % (3 if n < 2 else 20) == 0) for i in range(c)]) for n, c in enumerate(COUNTS)]
    D, RAW = branch.features + 10, raw_branch.features + 4

    def tower(b, d):
        return b.weights() | {"trunk.0.weight": uniform(d, H[0], d), "trunk.0.bias": uniform(1, H[0], d), "trunk.1.weight": uniform(H[0], H[1], H[0]),
                              "trunk.1.bias": uniform(1, H[1], H[0]), "head.weight": uniform(H[1], CLASSES, H[1]), "head.bias": uniform(1, CLASSES, H[1])}
    groups = {"trunk": tower(branch, D), "raw": tower(raw_branch, RAW),
              "timing": {"hidden.weight": uniform(4, HIDDEN, 4), "hidden.bias": uniform(1, HIDDEN, 4),
                         "head.weight": uniform(HIDDEN, CLASSES, HIDDEN), "head.bias": uniform(1, CLASSES, HIDDEN)}}
    for i in range(N):
        # Away from 0, where a residual starts, so that every gradient counts.
        groups[str(i)] = {"residual.first.weight": uniform(D, RANK, D), "residual.second.weight": uniform(RANK, H[0], 4),
                          "residual.scale": uniform(1, H[0], 4), "residual.shift": uniform(1, H[0], 4),
                          "residual.head.weight": uniform(H[1], CLASSES, 4), "residual.head.bias": uniform(1, CLASSES, 4)}
    with torch.no_grad(): groups["timing"]["head.weight"] *= 8                  # so that the first guess tells beats apart
    start = {f"{g}/{k}": v.detach().flatten().tolist() for g, t in groups.items() for k, v in t.items()}
    optimizers = {g: torch.optim.Adam(list(t.values()), lr=1, weight_decay=PRIVATE_DECAY if g.isdigit() else DECAY) for g, t in groups.items()}

    sides = []
    for i in range(N):
        every = np.arange(COUNTS[i])
        sides.append([(rows, *beside(windows[i], rr[i], statistics(windows[i], rr[i], rows))) for rows in (every, every[labels[i].numpy() == 0])])

    def product(t, b, x, e): return torch.cat([b.forward(x, t), e], 1) @ t["trunk.0.weight"]
    def top(t, z, key=None, residual=None, on=None):
        h = torch.relu(z + t["trunk.0.bias"])
        if key is not None: h = h * mask(stream_key(key, TRUNK, 0), h.numel(), P).view(h.shape)
        h = torch.relu(h @ t["trunk.1.weight"] + t["trunk.1.bias"])
        if key is not None: h = h * mask(stream_key(key, TRUNK, 1), h.numel(), P).view(h.shape)
        logits = h @ t["head.weight"] + t["head.bias"]
        if residual is not None: logits = logits + on * (h @ residual["residual.head.weight"] + residual["residual.head.bias"])
        return logits
    def timing(t, e): return torch.relu(e @ t["hidden.weight"] + t["hidden.bias"]) @ t["head.weight"] + t["head.bias"]

    def draws(i, step):
        s = Stream(stream_key(SEED, MINIBATCH, i, step))
        balanced = min((labels[i] == c).sum() for c in (0, 1)) >= 10
        members = [[k for k, y in enumerate(labels[i]) if y == c] for c in (0, 1)] if balanced else [list(range(COUNTS[i]))]
        picks = []
        for _ in range(B):
            c = int(s.uniform() * len(members))
            picks.append(members[c][s.index(len(members[c]))])
        return picks

    losses, anchors = [], [None] * N
    for step in range(STEPS):
        loss, shared = 0, 0
        for i in range(N):
            if step % EVERY == 0:
                anchors[i] = []
                for rows, x, e in sides[i]:
                    s = Stream(stream_key(SEED, BEATS, i, step))
                    chosen = [rows[s.index(len(rows))] for _ in range(ANCHOR_BEATS)]
                    anchors[i].append(product(groups["trunk"], branch, x[chosen], e[chosen]).mean(0).detach())
            pick, key = draws(i, step), stream_key(SEED, FEATURE, i, step)
            y, e4 = labels[i][pick], torch.tensor(rr[i])[pick]
            t = groups["raw"]
            v = torch.cat([raw_branch.forward(torch.tensor(windows[i])[pick], t), e4], 1) * mask(key, B * RAW, P).view(B, RAW)
            shared = shared + torch.nn.functional.cross_entropy(top(t, v @ t["trunk.0.weight"], key), y) / N
            shared = shared + torch.nn.functional.cross_entropy(timing(groups["timing"], e4), y) / N
            side = Stream(stream_key(SEED, CHOICE, i, step)).index(2)
            t, r = groups["trunk"], groups[str(i)]
            _, x, e = sides[i][side]
            v = torch.cat([branch.forward(x[pick], t), e[pick]], 1) * mask(key, B * D, P).view(B, D)
            s = Stream(stream_key(key, SWITCH))
            on = torch.tensor([[float(s.next() >> 63)] for _ in range(B)])
            z = v @ t["trunk.0.weight"] - anchors[i][side]
            z = z + on * (v @ r["residual.first.weight"] @ r["residual.second.weight"] + z * r["residual.scale"] + r["residual.shift"])
            loss = loss + torch.nn.functional.cross_entropy(top(t, z, key, r, on), y) / N
        losses.append(loss.item())
        for o in optimizers.values(): o.zero_grad()
        (loss + shared).backward()
        for o in optimizers.values():
            torch.nn.utils.clip_grad_norm_(o.param_groups[0]["params"], CLIP)
            o.param_groups[0]["lr"] = RATES[step]
            o.step()

    # A patient never seen.
    with torch.no_grad():
        odds = lambda logits: (logits[:, 1] - logits[:, 0]).numpy()
        x0, r0 = windows[N], rr[N]
        shape = odds(top(groups["raw"], product(groups["raw"], raw_branch, torch.tensor(x0), torch.tensor(r0))))
        guess = 0.75 * odds(timing(groups["timing"], torch.tensor(r0))) + 0.25 * shape
        def seen(rows):
            x, e = beside(x0, r0, statistics(x0, r0, rows))
            z = product(groups["trunk"], branch, x, e)
            return odds(top(groups["trunk"], z - z[rows].mean(0)))
        def lowest(l, count): return np.sort(np.argsort(l, kind="stable")[:count])
        def typical(l): return lowest(l, max(int((l <= 0).sum()), int(0.05 * len(l) + 0.5), min(4, len(l))))
        def trim(l):
            f = (l > 0).mean()
            k = 1 if f <= 0.15 else max(0.2, (1 - f) / 0.85)
            return lowest(l, max(int(k * len(l) + 0.5), min(10, len(l))))
        first = seen(trim(shape))
        s = lambda o: 1 / (1 + np.exp(-o))
        def agreement(o): q = s(shape); return ((q * s(o)).sum() / (q.sum() + 1) + ((1 - q) * s(-o)).sum() / ((1 - q).sum() + 1)) / 2
        every, trimmed = seen(np.arange(len(x0))), seen(trim((shape + first) / 2))
        w = s((agreement(trimmed) - agreement(every) - 0.06) / 0.02)
        answers = {"typical": (guess + seen(typical(guess))) / 2, "all": every, "trimmed": trimmed, "gated": w * trimmed + (1 - w) * every}

    end = {f"{g}/{k}": v.detach().flatten().tolist() for g, t in groups.items() for k, v in t.items()}
    out = dict(seed=SEED, batch=B, dropout=P, weightDecay=DECAY, clip=CLIP, rates=RATES, length=L, **raw_branch.sizes, trunk=H,
               windows=[w.flatten().tolist() for w in windows], rr=[r.flatten().tolist() for r in rr], labels=[y.tolist() for y in labels],
               start=start, losses=losses, end=end, answers={k: (1 / (1 + np.exp(-v))).tolist() for k, v in answers.items()})
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), f"steps-anchored-{kind}.json"), "w") as f:
        json.dump(json.loads(json.dumps(out), parse_float=lambda x: float(f"{float(x):.9g}")), f, separators=(",", ":"))
    print(kind, "losses", losses[0], losses[-1], "typical", len(typical(guess)), "of", len(x0))


if __name__ == "__main__":
    make("cnn", OneChannel(), TwoChannels())
    raw, pair = AnyRows(torch.nn.LSTM, 4, 4, 5), AnyRows(torch.nn.LSTM, 4, 8, 5)
    make("lstm", raw, pair)
