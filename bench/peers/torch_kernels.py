"""Runs the matrix products and convolutions of a `marr bench kernels` results file in PyTorch, with the same shapes, batches and passes.

    python3 torch_kernels.py RESULTS.json [--device cuda|cpu] [--filter REGEXP]

It prints marr's time, PyTorch's time, and PyTorch's time over marr's. fp32 with TF32 off, NCHW, cuDNN in benchmark mode; medians of as many
runs as the file has, after one warm-up run. On CUDA, times are differences of events. The data gradient and the weight gradient are computed
separately (aten::convolution_backward with a mask).
"""
import argparse
import json
import os
import re
import statistics
import time

import torch
import torch.nn.functional as F

CONV = re.compile(r"(\d+)×\1 (\d+)→(\d+) @(\d+)(?: /(\d+))?$")
DEPTHWISE = re.compile(r"(\d+)×\1 depthwise (\d+) @(\d+)$")
LINEAR = re.compile(r"(\d+)→(\d+)$")
SQUARE = re.compile(r"(NN|NT|TN) (\d+)³$")


def random(device, *shape):
    return torch.rand(shape, device=device) * 2 - 1


def convolution(m, row, device):
    r, c, k, px, stride = (int(v or 1) for v in m.groups())
    return passes(random(device, row["batch"], c, px, px), random(device, k, c, r, r), stride, 1)


def depthwise(m, row, device):
    r, c, px = (int(v) for v in m.groups())
    return passes(random(device, row["batch"], c, px, px), random(device, c, 1, r, r), 1, c)


def passes(x, w, stride, groups):
    pad = w.shape[-1] // 2
    dy = torch.empty_like(F.conv2d(x, w, None, stride, pad, groups=groups)).uniform_(-1, 1)

    def back(mask):
        return lambda: torch.ops.aten.convolution_backward(dy, x, w, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], groups, mask)

    return {"forward": lambda: F.conv2d(x, w, None, stride, pad, groups=groups), "dgrad": back([True, False, False]), "wgrad": back([False, True, False])}


def linear(m, row, device):
    c, k = (int(v) for v in m.groups())
    x, w, dy = random(device, row["batch"], c), random(device, k, c), random(device, row["batch"], k)
    return {"forward": lambda: x @ w.t(), "dgrad": lambda: dy @ w, "wgrad": lambda: dy.t() @ x}


def square(m, row, device):
    form, n = m.group(1), int(m.group(2))
    a, b = random(device, n, n), random(device, n, n)
    return {"forward": {"NN": lambda: a @ b, "NT": lambda: a @ b.t(), "TN": lambda: a.t() @ b}[form]}


def work(row, device):
    """Returns the function that computes a row, or None if it is neither a matrix product nor a convolution."""
    for pattern, make in ((CONV, convolution), (DEPTHWISE, depthwise), (LINEAR, linear), (SQUARE, square)):
        m = pattern.match(row["name"])
        if m:
            return make(m, row, device)[row["pass"]]
    return None


def run(f, device):
    """Returns the milliseconds of one call."""
    if device == "cuda":
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        f()
        end.record()
        end.synchronize()
        return start.elapsed_time(end)
    start = time.perf_counter()
    f()
    return 1e3 * (time.perf_counter() - start)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("results")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--filter", default="")
    o = p.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    with open(o.results) as f:
        rows = json.load(f)["rows"]
    print("torch %s, %s: milliseconds of marr and PyTorch, and the speed of marr/PyTorch" % (torch.__version__, o.device))
    with torch.no_grad():
        for row in rows:
            name = "%s: %s, %s" % (row["group"], row["name"], row["pass"])
            f = None if row.get("error") or not re.search(o.filter, name) else work(row, o.device)
            if f is None:
                continue
            times = [run(f, o.device) for _ in range(1 + row["time"]["runs"])][1:]
            pytorch = statistics.median(times)
            print("%-75s %9.3f %9.3f %7.3f" % (name, row["time"]["median_ms"], pytorch, pytorch / row["time"]["median_ms"]))


if __name__ == "__main__":
    main()
