"""Makes mitdb.json: statistics (no samples, no text) of the MIT-BIH records in a folder, as wfdb-python reads them.

    python3 -m venv venv && venv/bin/pip install wfdb && venv/bin/python make_mitdb_statistics.py FOLDER
"""

import collections
import json
import os
import pathlib
import sys

import wfdb

folder = pathlib.Path(sys.argv[1])
statistics = {}
for path in sorted(folder.glob("*.hea")):
    record = wfdb.rdrecord(str(folder / path.stem), physical=False)
    marks = wfdb.rdann(str(folder / path.stem), "atr")
    sums = record.calc_checksum()
    assert all((s - c) % 65536 == 0 for s, c in zip(sums, record.checksum)), path
    signals = []
    for i in range(record.n_sig):
        samples = record.d_signal[:, i]
        samples = samples[samples != -2048]
        signals.append({
            "name": record.sig_name[i], "units": record.units[i], "format": int(record.fmt[i]),
            "gain": record.adc_gain[i], "baseline": record.baseline[i], "samples": record.sig_len,
            "checksum": record.checksum[i], "digitalMin": int(samples.min()), "digitalMax": int(samples.max()),
            "digitalSum": int(samples.sum())})
    rhythms = [a.rstrip("\0") for s, a in zip(marks.symbol, marks.aux_note) if s == "+" and a.startswith("(")]
    statistics[path.stem] = {
        "record": record.record_name, "frequency": record.fs, "samples": record.sig_len, "signals": signals,
        "annotations": {
            "count": len(marks.sample), "symbols": collections.Counter(marks.symbol),
            "rhythms": collections.Counter(rhythms),
            "firstSample": int(marks.sample[0]), "lastSample": int(marks.sample[-1])},
        "commentBytes": [sum(c.encode()) for c in record.comments]}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "mitdb.json"), "w") as f:
    json.dump(statistics, f, indent=0, separators=(",", ":"), sort_keys=True)
