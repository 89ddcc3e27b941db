#!/usr/bin/env python3
"""Figures of random verdicts on beats of several patients, by numpy from their definitions: writes figures.json beside this file.

    python3 make_figures.py            (needs numpy)

AUC is counted over all pairs, the others as fractions of the confusion matrix. One patient has beats of one class alone.
"""
import json, os
import numpy as np

random = np.random.default_rng(5)
SYMBOLS = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
KIND = {symbol: kind for kind, symbols in SYMBOLS.items() for symbol in symbols}


def auc(y, p):
    a, b = p[y == 1][:, None], p[y == 0][None, :]
    return float(((a > b) + 0.5 * (a == b)).mean()) if a.size and b.size else None


def figures(y, p):
    verdict = (p > 0.5).astype(int)
    recall = [float((verdict[y == c] == c).mean()) for c in (0, 1) if (y == c).any()]
    f1 = []
    for c in (0, 1):
        hit, wrong = int(((y == c) & (verdict == c)).sum()), int(((y == c) != (verdict == c)).sum())
        if 2 * hit + wrong: f1.append(2 * hit / (2 * hit + wrong))
    return {"balancedAccuracy": float(np.mean(recall)), "macroF1": float(np.mean(f1)), "auc": auc(y, p)}


patients = []
for name in range(5):
    count = int(random.integers(40, 90))
    symbols = random.choice(list("NNNNNNLRejAaJSVVVEF/fQ") if name != 3 else list("NLR"), count)
    labels = np.array([int(KIND[s] != "N") for s in symbols])
    # Few values, so that there are ties; in quarters and eighths, which float32 holds exactly. None is 0.5.
    scores = np.clip(labels * 0.25 + random.choice([0.125, 0.375, 0.625, 0.875], count), 0, 1)
    patients.append((f"p{name}", symbols, labels, scores))

two = [figures(y, p) for _, _, y, p in patients if 0 < y.sum() < len(y)]
symbols = np.concatenate([s for _, s, _, _ in patients])
verdicts = np.concatenate([p > 0.5 for _, _, _, p in patients]).astype(int)
kinds = np.array([KIND[s] for s in symbols])
result = {
    "patients": [{"name": n, "symbols": list(map(str, s)), "labels": y.tolist(), "scores": p.tolist()} for n, s, y, p in patients],
    "pooled": figures(np.concatenate([y for _, _, y, _ in patients]), np.concatenate([p for _, _, _, p in patients])),
    "means": {key: float(np.mean([f[key] for f in two])) for key in two[0]},
    "classes": [
        {"name": k, "beats": int((kinds == k).sum()), "judgedNormal": int((verdicts[kinds == k] == 0).sum()),
         "judgedAbnormal": int((verdicts[kinds == k] == 1).sum()),
         "recognised": float((verdicts[kinds == k] == (0 if k == "N" else 1)).mean())} for k in "NSVFQ"],
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "figures.json"), "w") as file:
    json.dump(result, file)
    file.write("\n")
