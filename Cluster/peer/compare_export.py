"""How far exported models are from Heartwood on a record's beats.

    heartwood export --model runs/first/model --format csv --record data/mitdb/205 --output 205.csv
    compare_export.py first.onnx first.safetensors 205.csv

Prints of each the number of beats and the largest difference of a probability; ends with 1 if one is more than 1e-5.
Needs numpy, and onnxruntime for .onnx, torch for .safetensors.
"""
import csv
import sys

import numpy


def answers(model, columns, names):
    """The model's probabilities; `columns` gives an input's numbers by its name."""
    if model.endswith(".onnx"):
        import onnxruntime
        session = onnxruntime.InferenceSession(model)
        return session.run(["probabilities"], {value.name: columns(f"{value.name}[") for value in session.get_inputs()})[0]
    import exported_model
    import torch
    inputs = {name: torch.from_numpy(columns(f"{name}[")) for name in names}
    return exported_model.load(model)(**inputs).numpy()


def main(*models, table):
    with open(table, newline="") as file:
        header, *rows = csv.reader(file)

    def columns(prefix):
        chosen = [index for index, name in enumerate(header) if name.startswith(prefix)]
        return numpy.array([[row[index] for index in chosen] for row in rows], dtype=numpy.float32)

    names = dict.fromkeys(name.split("[")[0] for name in header if "[" in name)
    expected = columns("p(")
    code = 0
    for model in models:
        probabilities = answers(model, columns, names)
        if probabilities.shape != expected.shape:
            sys.exit(f"{model} answers with {probabilities.shape}, {table} with {expected.shape} probabilities")
        difference = float(numpy.abs(probabilities - expected).max())
        print(f"{model}: {len(rows)} beats, largest difference {difference:.2g}")
        code |= not difference <= 1e-5
    return code


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:-1], table=sys.argv[-1]))
