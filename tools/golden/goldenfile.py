"""Writes golden results as JSON. Inputs and weights are streams of random numbers with names, so a file holds results only.

One schema for every file (read by kernels/ref/golden):

    {"made_by": ..., "seed": 1, "cases": [{
        "op", "name", "attrs": {name: number},
        "inputs":     [{"name", "shape", "lo", "hi"}],          values: stream "<case>/<name>", Uniform(lo, hi)
        "ints":       [{"name", "data"}],                       integer inputs, in full
        "cotangents": [{"name", "of", "shape", "lo", "hi"}],    loss = sum over outputs of cotangent * output
        "outputs":    [result], "grads": [result]}]}            grads carry the name of their input

    result: {"name", "shape", "data" | "norm" and "proj", "float32_distance"}

"norm" is the 2-norm, "proj" holds four sums of sign[i]*value[i] with the signs of the streams "proj/<case>/<name>/<j>".
"float32_distance" is the distance of PyTorch's float32 results from the stored float64 ones, by the measure of the tests:
||a-b||/||b|| for full tensors, else the larger of | ||a||-||b|| |/||b|| and rms over j of (proj_a-proj_b)/||b||.
Layouts are those of marr: NHWC, KRSC, row-major.
"""
import json
import os
import sys

import numpy as np
import torch
import torchvision

from philox import SEED, signs, uniform

FULL = 600  # tensors up to this size are stored in full
PROJECTIONS = 4


def number(v):
    """Rounds to nine significant digits: 5e-10 relative, below every tolerance of the tests."""
    return float("%.9g" % float(v))


def project(key, a):
    return np.array([np.dot(signs("proj/%s/%d" % (key, j), a.size), a.reshape(-1)) for j in range(PROJECTIONS)])


def relative(d, norm):
    return d / norm if norm > 0 else d


def result(case, name, value, value32, full=None):
    """Returns one result of the float64 run, with its distance to the float32 run."""
    a, b = np.asarray(value, dtype=np.float64), np.asarray(value32, dtype=np.float64)
    norm = float(np.linalg.norm(a))
    r = {"name": name, "shape": list(a.shape)}
    if a.size <= FULL if full is None else full:
        r["data"] = [number(v) for v in a.reshape(-1)]
        distance = relative(float(np.linalg.norm(a - b)), norm)
    else:
        key = case + "/" + name
        p, q = project(key, a), project(key, b)
        r["norm"], r["proj"] = number(norm), [number(v) for v in p]
        distance = max(relative(abs(float(np.linalg.norm(b)) - norm), norm), relative(float(np.sqrt(np.mean((p - q) ** 2))), norm))
    r["float32_distance"] = float("%.2g" % distance)
    return r


def spec(name, shape, lo=-1.0, hi=1.0, **more):
    return dict(name=name, shape=list(shape), lo=lo, hi=hi, **more)


def draw(case, s, dtype, grad=False):
    """Returns the tensor of a spec, in marr's layout."""
    t = torch.tensor(uniform(case + "/" + s["name"], s["shape"], s["lo"], s["hi"]), dtype=dtype)
    return t.requires_grad_(grad)


def dump(path, cases):
    """Writes the file, one line per tensor, and prints its size and the largest float32 distance of each case."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    path_abs = os.path.join(root, path)
    os.makedirs(os.path.dirname(path_abs), exist_ok=True)
    made_by = "python3 tools/golden/%s (torch %s, torchvision %s, numpy %s)" % (
        os.path.basename(sys.argv[0]), torch.__version__, torchvision.__version__, np.__version__)
    compact = lambda v: json.dumps(v, separators=(",", ":"))
    lines = ['{"made_by":%s,' % compact(made_by), '"seed":%d,' % SEED, '"cases":[']
    for i, c in enumerate(cases):
        fields = []
        for key, v in c.items():
            if isinstance(v, list):
                v = "[\n" + ",\n".join(compact(e) for e in v) + "]" if v else "[]"
            else:
                v = compact(v)
            fields.append('"%s":%s' % (key, v))
        lines.append("{" + ",\n".join(fields) + ("}," if i + 1 < len(cases) else "}"))
    lines.append("]}")
    with open(path_abs, "w") as f:
        f.write("\n".join(lines) + "\n")
    for c in cases:
        far = [(r["float32_distance"], r["name"]) for r in c.get("outputs", []) + c.get("grads", [])]
        print("%-16s %-28s float32 at most %.1e away (%s)" % ((c["op"], c["name"]) + max(far)))
    print("%s: %d cases, %d bytes" % (path, len(cases), os.path.getsize(path_abs)))
