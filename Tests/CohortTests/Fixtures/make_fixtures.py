"""Writes what SciPy and wfdb-python make of the same input, for CohortTests.

    pip install numpy scipy wfdb
    python make_fixtures.py signal              > signal.json
    python make_fixtures.py records mitdb/      > records.json    (statistics of 22 MIT-BIH records; no samples)
"""

import glob
import json
import os
import sys
from collections import Counter

import numpy as np
from scipy.signal import butter, resample_poly, sosfiltfilt

BAND = [0.5, 40]
AAMI = {s: c for c, symbols in {"N": "NLRejBn", "S": "AaJS", "V": "VEr", "F": "F", "Q": "/fQ?"}.items() for s in symbols}
RATIOS = {(360, 128): (16, 45), (360, 64): (8, 45)}


def test_signal(count):
    n = np.arange(count)
    return ((n * n * 7919 + n * 104729) % 2003) / 1000 + 2 * np.sin(n / 50) + 4


def band_pass(x, fs):
    return sosfiltfilt(butter(2, BAND, "bandpass", fs=fs, output="sos"), x)


def standardised(x):
    return (x - x.mean()) / x.std()


def rounded(x):
    return [float(f"{v:.12g}") for v in x]


def signal_fixture():
    filters = [
        {"frequency": fs, "count": count, "output": rounded(band_pass(test_signal(count), fs))}
        for fs, count in [(360, 2000), (360, 16), (100, 500), (125, 500), (250, 700), (257.5, 500), (1000, 900), (81, 300)]
    ]
    resamplings = [
        {"from": a, "to": b, "count": count, "output": rounded(resample_poly(test_signal(count), up, down))}
        for a, b, up, down, count in [
            (360, 128, 16, 45, 1000), (360, 64, 8, 45, 1000), (250, 128, 64, 125, 700), (128, 128, 1, 1, 50),
            (100, 128, 32, 25, 300), (257, 128, 128, 257, 600), (64, 256, 4, 1, 100), (1000, 128, 16, 125, 999),
            (257.5, 128, 256, 515, 400), (360, 128, 16, 45, 7)]
    ]
    gappy = test_signal(1500)
    gaps = [(0, 9), (100, 101), (400, 470), (1490, 1500)]
    for a, b in gaps:
        gappy[a:b] = np.nan
    bad = np.isnan(gappy)
    filled = np.interp(np.arange(1500), np.flatnonzero(~bad), gappy[~bad])
    whole = {"gaps": gaps, "count": 1500, "output": rounded(resample_poly(standardised(band_pass(filled, 360)), 16, 45))}
    return {"filters": filters, "resamplings": resamplings, "whole": whole}


def checksums(values):
    """Sums that a wrong place, scale or order would change."""
    flat = np.asarray(values, dtype=float).ravel()
    return {
        "count": len(flat), "sum": float(flat.sum()), "squares": float((flat**2).sum()),
        "weighted": float((flat * (np.arange(len(flat)) % 997 + 1)).sum())}


def record_fixture(path):
    import wfdb

    header = wfdb.rdheader(path)
    lead = "MLII" if "MLII" in header.sig_name else header.sig_name[0]
    fs = header.fs
    signal = standardised(band_pass(wfdb.rdrecord(path, channel_names=[lead]).p_signal[:, 0], fs))

    annotations = wfdb.rdann(path, "atr")
    beats, rhythm = [], ""
    for sample, symbol, aux in zip(annotations.sample, annotations.symbol, annotations.aux_note):
        if symbol == "+" and aux.startswith("("):
            rhythm = aux.strip("\0")
        if symbol in AAMI:
            beats.append((int(sample), symbol, rhythm))
    intervals = np.diff([b[0] for b in beats]) / fs

    def features(i):
        median = np.median(intervals[max(0, i - 11):i + 10])
        pre = intervals[i - 1] if i > 0 else median
        post = intervals[i] if i < len(intervals) else median
        return np.clip([pre / median - 1, post / median - 1, pre - 0.8, np.log(post / pre)], -3, 3)

    def cut(rate, length, before, label):
        x = resample_poly(signal, *RATIOS[fs, rate])
        windows, rr, labels = [], [], []
        for i, (sample, symbol, rhythm) in enumerate(beats):
            start = int(np.floor(sample * rate / fs + 0.5)) - int(round(before * rate))
            c = label(symbol, rhythm)
            if c is None or start < 0 or start + length > len(x):
                continue
            windows.append(x[start:start + length])
            rr.append(features(i))
            labels.append(c)
        return {"classes": [labels.count(0), labels.count(1)], "windows": checksums(windows), "rr": checksums(rr)}

    return {
        "lead": lead,
        "symbols": Counter(b[1] for b in beats), "aami": Counter(AAMI[b[1]] for b in beats),
        "rhythms": Counter(b[2] for b in beats),
        "strict": cut(128, 128, 0.4, lambda s, r: None if s in "Q?" else int(s != "N")),
        "aamiBeats": cut(128, 128, 0.4, lambda s, r: None if AAMI[s] == "Q" else int(AAMI[s] != "N")),
        "tachycardia": cut(64, 128, 1.0, lambda s, r: None if s in "Q?" else int(r == "(VT")),
    }


if __name__ == "__main__":
    if sys.argv[1] == "signal":
        result = signal_fixture()
    else:
        headers = sorted(glob.glob(os.path.join(sys.argv[2], "*.hea")))
        result = {os.path.basename(h)[:-4]: record_fixture(h[:-4]) for h in headers}
    json.dump(result, sys.stdout, indent=None, separators=(",", ":"))
    print()
