"""Rows of the parameter table, drawn by torchvision's own get_params: testdata/rows.json.

Run in this folder: /usr/bin/python3 rows.py (Debian's python3-torchvision). Torch's generators are replaced by the
Philox streams of package views, so boxes, factors and order must come out the same.
"""
import json

import torch
import torchvision
from torchvision import transforms as T

M = (1 << 64) - 1


class Stream:
    """Twin of kernels/rng.Source."""

    def __init__(self, key, a, b):
        self.key, self.a, self.b, self.next = key, a, b, 0

    def word(self):
        i, lane = divmod(self.next, 4)
        self.next += 1
        c, k = [i & 0xFFFFFFFF, i >> 32, self.a, self.b], [self.key & 0xFFFFFFFF, self.key >> 32]
        for _ in range(10):
            p0, p1 = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
            c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
            k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
        return c[lane]

    def uniform(self, lo=0.0, hi=1.0):
        return lo + (hi - lo) * self.word() / 2**32

    def below(self, n):
        return self.word() * n >> 32


def stream(seed, epoch, image, view, op):
    z = (seed + 0x9E3779B97F4A7C15 * (epoch + 1)) & M
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & M
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & M
    return Stream(z ^ z >> 31, image, view << 8 | op)


class Empty:
    """Stands for torch.empty(1), whose uniform_ reads the open stream in double precision."""

    def uniform_(self, lo, hi):
        return torch.tensor(now.uniform(float(lo), float(hi)), dtype=torch.float64)


def permutation(n):
    p = list(range(n))
    for i in range(n - 1, 0, -1):
        j = now.below(i + 1)
        p[i], p[j] = p[j], p[i]
    return torch.tensor(p)


class Number:
    def __init__(self, v):
        self.v = v

    def item(self):
        return self.v


rows = []
shapes = [(28, 28), (32, 32), (300, 500), (100, 10), (7, 64), (1, 1)]
real = torch.empty, torch.randint, torch.randperm
for i in range(96):
    h, w = shapes[i % len(shapes)]
    scale = [(0.2, 1.0), (0.5, 1.0), (0.9, 1.0)][i // 6 % 3]
    seed, epoch, image, view = [7, 2**63 + 11][i % 2], i // 5, i * 977, i % 4
    torch.empty = lambda n: Empty()
    torch.randint = lambda lo, hi, size: Number(lo + now.below(hi - lo))
    torch.randperm = permutation
    now = stream(seed, epoch, image, view, 0)
    # a stand-in image: get_params asks only for its size
    size = real[0]((3, h, w))
    box = T.RandomResizedCrop.get_params(size, scale, (3 / 4, 4 / 3))
    flip = stream(seed, epoch, image, view, 1).uniform() < 0.5
    now = stream(seed, epoch, image, view, 2)
    b = c = 1.0
    first = False
    if now.uniform() < 0.8:
        order, b, c, _, _ = T.ColorJitter.get_params((0.6, 1.4), (0.7, 1.3), None, None)
        order = list(order)
        first = order.index(1) < order.index(0)
    torch.empty, torch.randint, torch.randperm = real
    rows.append({"h": h, "w": w, "scale": scale, "seed": seed, "epoch": epoch, "image": image, "view": view,
                 "row": [int(v) for v in box] + [int(flip), float(b), float(c), int(first)]})

with open("rows.json", "w") as f:
    f.write('{"made_by": "ssl/views/testdata/rows.py, torch %s, torchvision %s",\n"rows": [\n' % (torch.__version__, torchvision.__version__))
    f.write(",\n".join(json.dumps(r) for r in rows) + "\n]}\n")
