"""Makes the records of this folder and expected.json, what wfdb-python reads in them.

    python3 -m venv venv && venv/bin/pip install wfdb && venv/bin/python make_fixtures.py

Records that wfdb-python can write (formats 16, 24, 32, 80, 212; annotations) it writes. The others are written here,
byte by byte, after signal(5) and header(5) of the WFDB Applications Guide. All are read by wfdb-python; in
expected.json a sample that the format marks invalid is null.
"""

import json
import os
import struct

import numpy as np
import wfdb

os.chdir(os.path.dirname(os.path.abspath(__file__)))
# wfdb-python 4.3 cannot widen big-endian integers (format 61); widening changes no value, so leave it out.
wfdb.Record.convert_dtype = lambda *_: None
random = np.random.default_rng(20240)
INVALID = {8: None, 80: -128, 310: -512, 311: -512, 212: -2048, 16: -32768, 61: -32768, 160: -32768,
           24: -(2**23), 32: -(2**31)}
expected = {"records": {}, "annotations": {}}


def pack(fmt, samples, initial=0):
    """The bytes of `samples`, in one sequence. For format 8 `samples` are differences."""
    s = [int(v) for v in samples]
    if fmt == 8:
        return bytes(v & 0xFF for v in s)
    if fmt == 61:
        return b"".join(struct.pack(">h", v) for v in s)
    if fmt == 160:
        return b"".join(struct.pack("<H", v + 32768) for v in s)
    if fmt == 80:
        return bytes(v + 128 for v in s)
    if fmt == 16:
        return b"".join(struct.pack("<h", v) for v in s)
    if fmt == 24:
        return b"".join(struct.pack("<i", v)[:3] for v in s)
    if fmt == 32:
        return b"".join(struct.pack("<i", v) for v in s)
    if fmt == 212:
        out = bytearray()
        for i in range(0, len(s), 2):
            a = s[i] & 0xFFF
            b = s[i + 1] & 0xFFF if i + 1 < len(s) else 0
            out += bytes([a & 0xFF, (a >> 8) | (b >> 8) << 4, b & 0xFF])
        return bytes(out if len(s) % 2 == 0 else out[:-1])
    out = bytearray()
    for i in range(0, len(s), 3):
        a, b, c = ((s[i : i + 3] + [0, 0])[k] & 0x3FF for k in range(3))
        if fmt == 310:
            out += struct.pack("<HH", a << 1 | (c & 0x1F) << 11, b << 1 | (c >> 5) << 11)
        else:
            out += struct.pack("<I", a | b << 10 | c << 20)
    return bytes(out)


def frames(signals, spf, length):
    """Interleaves signals frame by frame."""
    return [int(v) for f in range(length) for s, k in zip(signals, spf) for v in s[f * k : (f + 1) * k]]


def draw(fmt, count):
    """Random samples of the format's whole range, some of them invalid."""
    if fmt == 8:
        return np.cumsum(random.integers(-128, 128, count)) + 100
    low, high = (-(2**31), 2**31) if fmt == 32 else (INVALID[fmt], -INVALID[fmt])
    samples = random.integers(low, high, count)
    samples[random.integers(0, count, 3)] = INVALID[fmt]
    samples[:2] = [low + 1, high - 1]
    return samples


def checksum(samples):
    return (int(np.sum(np.asarray(samples, dtype="int64"))) + 32768) % 65536 - 32768


def write_text(name, lines):
    with open(name, "w", newline="") as f:
        f.write("".join(line + "\n" for line in lines))


def write_record(name, length, files, first="", comments=(), stated=True):
    """`files`: (file, format, byte offset, [(signal, samples per frame, skew, calibration, name)])."""
    lines = [f"{name} {sum(len(f[3]) for f in files)} {first or '250'} {length if stated else ''}".rstrip()]
    for file, fmt, offset, signals in files:
        spf = [s[1] for s in signals]
        if fmt == 8:
            # The first difference is random too, so that a reader must use the initial value.
            initial = [int(s[0][0]) - int(random.integers(-9, 9)) for s in signals]
            differences = [np.diff(s[0], prepend=i) for s, i in zip(signals, initial)]
            data = pack(8, frames(differences, spf, length))
        else:
            initial = [int(s[0][0]) for s in signals]
            data = pack(fmt, frames([s[0] for s in signals], spf, length))
        with open(file, "wb") as f:
            f.write(bytes(random.integers(0, 256, offset).astype("uint8")) + data)
        for (samples, k, skew, calibration, description), start in zip(signals, initial):
            code = str(fmt) + (f"x{k}" if k > 1 else "") + (f":{skew}" if skew else "") + (f"+{offset}" if offset else "")
            lines.append(f"{file} {code} {calibration} {start} {checksum(samples) if stated else 0} 0 {description}")
    write_text(name + ".hea", lines + ["# " + c for c in comments])


def expect(name, record=None):
    """Notes what wfdb-python reads."""
    # wfdb-python 4.3 cannot deskew signals of several skews or of several samples a frame, so do that here.
    record = record or wfdb.rdrecord(name, physical=False, smooth_frames=False, ignore_skew=True)
    signals = []
    for i in range(record.n_sig):
        samples = [int(v) for v in record.e_d_signal[i]]
        invalid = INVALID[int(record.fmt[i])]
        skew = (record.skew[i] or 0) if record.skew else 0
        skipped = skew * record.samps_per_frame[i]
        samples = [None if v == invalid else v for v in samples][skipped:] + [None] * skipped
        field = lambda key, default: default if getattr(record, key, None) is None or getattr(record, key)[i] is None else getattr(record, key)[i]
        signals.append({
            "fileName": field("file_name", "~"), "format": int(record.fmt[i]), "samplesPerFrame": record.samps_per_frame[i],
            "skew": skew, "byteOffset": field("byte_offset", 0), "gain": record.adc_gain[i],
            "baseline": record.baseline[i], "units": record.units[i], "adcResolution": field("adc_res", 0),
            "adcZero": field("adc_zero", 0), "initialValue": field("init_value", 0), "checksum": field("checksum", 0),
            "blockSize": field("block_size", 0), "name": field("sig_name", ""), "digital": samples})
    expected["records"][name] = {
        "frequency": record.fs, "counterFrequency": record.counter_freq, "baseCounter": record.base_counter,
        "samples": record.sig_len, "baseTime": record.base_time and record.base_time.strftime("%H:%M:%S"),
        "baseDate": record.base_date and record.base_date.strftime("%d/%m/%Y"),
        "comments": record.comments, "signals": signals}


# Every format: one, two and three signals, so that groups of two and three samples end in every way.
for fmt in INVALID:
    for count in (1, 2, 3):
        name, length = f"format{fmt}_{count}", 41
        signals = [draw(fmt, length) for _ in range(count)]
        if fmt in (16, 24, 32, 80, 212):
            wfdb.wrsamp(name, fs=250, units=["mV"] * count, sig_name=[f"s{i}" for i in range(count)],
                        d_signal=np.array(signals).T.astype("int64"), fmt=[str(fmt)] * count,
                        adc_gain=[100.5 + i for i in range(count)], baseline=[i - 1 for i in range(count)],
                        comments=[f"format {fmt}"])
        else:
            write_record(name, length, [(name + ".dat", fmt, 0, [
                (s, 1, 0, f"{100.5 + i}({i - 1})/mV 12 {i}", f"s{i}") for i, s in enumerate(signals)])],
                comments=[f"format {fmt}"])
        expect(name)

# Every format: several samples a frame, skew and a preamble.
for fmt in INVALID:
    name, length = f"frames{fmt}", 23
    write_record(name, length, [(name + ".dat", fmt, 7, [
        (draw(fmt, length), 1, 2, "200(1024)/mV 12 0", "one"),
        (draw(fmt, 3 * length), 3, 5, "1e2/mmHg 11 -7", "three a frame"),
        (draw(fmt, 2 * length), 2, 0, "0(-5) 10 3", "two")])])
    expect(name)

# Several files and formats in one record, every field of the record line, comments.
write_record("files", 31, [
    ("files_a.dat", 212, 0, [(draw(212, 31), 1, 0, "200 12 0", "a"), (draw(212, 31), 1, 0, "2.5e-3/V 12 0", "b 1")]),
    ("files_b.dat", 310, 0, [(draw(310, 62), 2, 0, "-4(2)/a^b%/c 10 512", "c")]),
    ("files_c.dat", 8, 3, [(draw(8, 31), 1, 1, "200 8 0", "d")]),
    ("files_d.dat", 61, 0, [(draw(61, 31), 1, 0, "200 16 0", "e")])],
    first="62.4725/999.56(-12.5)", comments=["<age>: 71", "", "several  files"])
with open("files.hea") as f:
    text = f.read().replace(" 31\n", " 31 13:5:0 25/4/1989\n", 1)
write_text("files.hea", text.splitlines())
expect("files")

# A header without a length: it follows from the file. wfdb-python wants the file to be whole frames.
write_record("nolength", 37, [("nolength.dat", 212, 0, [(draw(212, 37), 1, 0, "200 12 0", "a")])], stated=False)
expect("nolength")

# A header of required fields alone.
with open("least.dat", "wb") as f:
    f.write(pack(16, range(-10, 10)))
write_text("least.hea", ["least 1", "least.dat 16"])
least = wfdb.rdrecord("least", physical=False, smooth_frames=False)
expect("least", least)

# Fixed layout: two segments in different formats, one of them twice.
for k, fmt in ((1, 212), (2, 16)):
    write_record(f"fixed_{k}", 20 + k, [(f"fixed_{k}.dat", fmt, 0, [
        (draw(212, 20 + k), 1, 0, "200(5)/mV 12 0", "I"),
        (draw(212, 40 + 2 * k), 2, 0, "100/mmHg 12 0", "ABP")])])
write_text("fixed.hea", ["fixed/3 2 250 64", "fixed_1 21", "fixed_2 22", "fixed_1 21"])
pieces = [wfdb.rdrecord(f"fixed_{k}", physical=False, smooth_frames=False) for k in (1, 2, 1)]
assert wfdb.rdheader("fixed").seg_name == ["fixed_1", "fixed_2", "fixed_1"]
expected["records"]["fixed"] = {"samples": 64, "signals": [
    {"name": pieces[0].sig_name[i], "digital": [
        None if v == INVALID[int(p.fmt[i])] else int(v) for p in pieces for v in p.e_d_signal[i]]} for i in (0, 1)]}

# Variable layout: signals in another order, absent ones, a gap. wfdb-python joins them.
write_text("variable_layout.hea", ["variable_layout 3 125 0 16:57:09"] + [
    f"~ 0 {c} 12 0 0 0 0 {n}" for c, n in (("200(3)/mV", "II"), ("100/mV", "V"), ("1.25(-100)/mmHg", "ABP"))])
def piece(name, length, signals):
    write_record(name, length, [(name + ".dat", 80, 0, [(draw(80, length), 1, 0, c + " 8 0", n) for c, n in signals])],
                 first="125")
piece("variable_1", 15, [("1.25(-100)/mmHg", "ABP"), ("200(3)/mV", "II")])
piece("variable_2", 8, [("100/mV", "V"), ("1.25(-100)/mmHg", "ABP"), ("200(3)/mV", "II")])
piece("variable_3", 11, [("100/mV", "V")])
write_text("variable.hea", ["variable/5 3 125 44 16:57:09 26/10/2137", "variable_layout 0", "variable_1 15", "~ 10",
                            "variable_2 8", "variable_3 11", "# Location: micu"])
joined = wfdb.rdrecord("variable", physical=False, smooth_frames=False, m2s=True)
expected["records"]["variable"] = {"samples": 44, "signals": [
    {"name": joined.sig_name[i], "digital": [None if v == -128 else int(v) for v in joined.e_d_signal[i]]} for i in range(3)]}

# Variable layout with a gain that changes: wfdb-python joins physical values, which must agree within half a unit.
write_text("rescaled_layout.hea", ["rescaled_layout 1 125 0", "~ 0 1000(-50)/mV 16 0 0 0 0 II"])
piece("rescaled_1", 9, [("80(7)/mV", "II")])
piece("rescaled_2", 6, [("1000(-50)/mV", "II")])
write_text("rescaled.hea", ["rescaled/3 1 125 15", "rescaled_layout 0", "rescaled_1 9", "rescaled_2 6"])
physical = wfdb.rdrecord("rescaled", m2s=True).p_signal[:, 0]
expected["records"]["rescaled"] = {"samples": 15, "signals": [
    {"name": "II", "physical": [None if np.isnan(v) else float(v) for v in physical]}]}


def annotations(name):
    """Notes what wfdb-python reads."""
    a = wfdb.rdann(name, "atr", return_label_elements=["label_store", "symbol"])
    stated = wfdb.rdann(name, "atr").fs if os.path.exists(name + ".resolution") else None
    expected["annotations"][name] = {"timeResolution": stated, "annotations": [
        {"sample": int(s), "code": int(c), "symbol": m, "subtype": int(t), "channel": int(h), "number": int(n),
         "auxiliary": x.rstrip("\0")}
        for s, c, m, t, h, n, x in zip(a.sample, a.label_store, a.symbol, a.subtype, a.chan, a.num, a.aux_note)]}


# Every code that has a symbol, every field, intervals of every kind of coding.
codes = [l for l in wfdb.io.annotation.ann_labels if l.label_store != 0]
count = 3 * len(codes)
steps = random.choice([0, 1, 360, 1023, 1024, 70000, 2**31 - 1], count, p=[0.1, 0.2, 0.2, 0.15, 0.15, 0.15, 0.05])
texts = ["", "(N", "(AFIB", "a", "MISSB", "\u00e9t\u00e9", "x" * 254, "y" * 255]
wfdb.wrann("codes", "atr", sample=np.cumsum(steps) + 1, symbol=[codes[i % len(codes)].symbol for i in range(count)],
           subtype=random.integers(-128, 128, count), chan=random.choice([0, 0, 1, 255], count),
           num=random.choice([0, 0, 5, 127], count), aux_note=[texts[i] for i in random.integers(0, len(texts), count)])
annotations("codes")

# Time resolution and definitions.
wfdb.wrann("defined", "atr", sample=np.array([10, 20, 5000]), symbol=["N", "w", "N"], fs=999.56,
           custom_labels=[(42, "w", "A weird thing"), (43, "o", "Another")], aux_note=["", "why", ""])
a = wfdb.rdann("defined", "atr", return_label_elements=["label_store", "symbol"])
expected["annotations"]["defined"] = {"timeResolution": a.fs, "annotations": [
    {"sample": int(s), "code": int(c), "symbol": m, "subtype": 0, "channel": 0, "number": 0, "auxiliary": x}
    for s, c, m, x in zip(a.sample, a.label_store, a.symbol, a.aux_note)]}

# What wfdb-python does not write: an interval back in time, a word of code 0, nulls after a text, padding.
with open("raw.atr", "wb") as f:
    word = lambda code, value: struct.pack("<H", code << 10 | value)
    skip = lambda n: word(59, 0) + struct.pack("<HH", (n & 0xFFFFFFFF) >> 16, n & 0xFFFF)
    f.write(word(28, 18) + word(63, 4) + b"(N\0\0" + word(0, 7) + word(1, 100) + word(61, 255) + skip(100000)
            + word(5, 3) + word(62, 1) + skip(-300) + word(1, 20) + word(60, 2) + word(63, 3) + b"abc\0" + word(14, 0)
            + word(0, 0))
annotations("raw")

with open("expected.json", "w") as f:
    json.dump(expected, f, indent=0, separators=(",", ":"))
