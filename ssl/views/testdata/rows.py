"""Rows of the parameter table, drawn by torchvision's own get_params: testdata/rows.json.

Run in this folder: /usr/bin/python3 rows.py (Debian's python3-torchvision). Torch's generators are replaced by the
Philox streams of package views, so boxes, factors and order must come out the same. Columns are those of row.go.
"""
import contextlib
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


real = torch.empty, torch.randint, torch.randperm


@contextlib.contextmanager
def drawing(draw, op):
    """Torch draws from the stream of one op."""
    global now
    now = stream(*draw, op)
    torch.empty = lambda n: Empty()
    torch.randint = lambda lo, hi, size: Number(lo + now.below(hi - lo))
    torch.randperm = permutation
    yield now
    torch.empty, torch.randint, torch.randperm = real


def image(h, w):
    """A stand-in: get_params asks only for its size."""
    return real[0]((3, h, w))


def resized(h, w, short):
    """Resize's output size; asked of torchvision itself."""
    return T.functional._compute_resized_output_size((h, w), [short])


def random_resized_crop(row, draw, h, w, size, p):
    with drawing(draw, 0):
        box = T.RandomResizedCrop.get_params(image(h, w), p["scale"], p["ratio"])
    row[0:4] = box
    row[5:9] = [size, size, 0, 0]


def random_crop(row, draw, h, w, size, p):
    rh, rw = resized(h, w, p["resize"])
    with drawing(draw, 0):
        i, j, _, _ = T.RandomCrop.get_params(image(rh + 2 * p["padding"], rw + 2 * p["padding"]), (size, size))
    row[0:4] = [0, 0, h, w]
    row[5:9] = [rh, rw, i - p["padding"], j - p["padding"]]


def center_crop(row, draw, h, w, size, p):
    """CenterCrop of an image of pixel numbers says where the window lies."""
    rh, rw = resized(h, w, p["resize"])
    numbers = torch.arange(rh * rw, dtype=torch.float64).reshape(1, rh, rw) + 1
    out = T.functional.center_crop(numbers, [size, size])[0]
    y, x = (int(v) for v in (out > 0).nonzero()[0])
    first = int(out[y, x]) - 1
    row[0:4] = [0, 0, h, w]
    row[5:9] = [rh, rw, first // rw - y, first % rw - x]


def color_jitter(row, draw, p):
    ranges = T.ColorJitter(p["brightness"], p["contrast"], p["saturation"], p["hue"])
    ranges = [ranges.brightness, ranges.contrast, ranges.saturation, ranges.hue]
    with drawing(draw, 2) as s:
        if not s.uniform() < p["p"]:
            return
        order, *factors = T.ColorJitter.get_params(*ranges)
    code = [int(op) + 1 for op in order if factors[op] is not None]
    row[10] = sum(op << 3 * i for i, op in enumerate(code))
    for i, f in enumerate(factors):
        if f is not None:
            row[11 + i] = f


def gaussian_blur(row, draw, p):
    with drawing(draw, 5) as s:
        if s.uniform() < p["p"]:
            row[16] = T.GaussianBlur.get_params(*p["sigma"])


def random_erasing(row, draw, size, p):
    with drawing(draw, 10) as s:
        if not s.uniform() < p["p"]:
            return
        i, j, h, w, v = T.RandomErasing.get_params(image(size, size), p["scale"], p["ratio"], [0.0])
    if v.dim() == 3 and v.shape[1:] == (1, 1):  # else no box fitted
        row[18:22] = [i, j, h, w]


def coin(draw, op, p):
    return stream(*draw, op).uniform() < p


CROPS = {"random_resized_crop": random_resized_crop, "random_crop": random_crop, "center_crop": center_crop}
third = [3 / 4, 4 / 3]
crops = [
    {"random_resized_crop": {"scale": [0.2, 1.0], "ratio": third}}, {"random_crop": {"resize": 32, "padding": 4}},
    {"random_resized_crop": {"scale": [0.08, 1.0], "ratio": third}}, {"center_crop": {"resize": 37}},
    {"random_resized_crop": {"scale": [0.9, 1.0], "ratio": third}}, {"random_crop": {"resize": 40, "padding": 0}},
    {"random_resized_crop": {"scale": [0.5, 0.6], "ratio": [0.5, 3.0]}}, {"center_crop": {"resize": 21}},
    {"random_crop": {"resize": 32, "padding": 0}},
]
jitters = [
    {"p": 0.8, "brightness": 0.4, "contrast": 0.3, "saturation": 0.0, "hue": 0.0},
    {"p": 1.0, "brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.2},
    {"p": 0.9, "brightness": 0.0, "contrast": 1.5, "saturation": 0.2, "hue": 0.5},
]
erasings = [{"p": 0.7, "scale": [0.02, 0.33], "ratio": [0.3, 3.3]}, {"p": 1.0, "scale": [0.6, 1.0], "ratio": [0.2, 5.0]}]
shapes = [(28, 28), (32, 32), (300, 500), (100, 10), (7, 64), (1, 1), (33, 47)]
size, rows = 32, []
for i in range(168):
    h, w = shapes[i % len(shapes)]
    draw = [7, 2**63 + 11][i % 2], i // 5, i * 977, i % 4
    view = dict(crops[i % len(crops)], horizontal_flip=0.5, vertical_flip=0.25, color_jitter=jitters[i % 3], grayscale=0.2,
                gaussian_blur={"p": 0.5, "sigma": [0.1, 2.0]}, solarize={"p": 0.3, "threshold": 0.5}, random_erasing=erasings[i // 2 % 2])
    row = [0.0] * 24
    row[4], row[11:14], row[17] = w, [1.0] * 3, 2.0
    for name, crop in CROPS.items():
        if name in view:
            crop(row, draw, h, w, size, view[name])
    row[9] = coin(draw, 1, 0.5) + 2 * coin(draw, 3, 0.25)
    color_jitter(row, draw, view["color_jitter"])
    row[15] = float(coin(draw, 4, 0.2))
    gaussian_blur(row, draw, view["gaussian_blur"])
    if coin(draw, 6, 0.3):
        row[17] = 0.5
    random_erasing(row, draw, size, view["random_erasing"])
    draw = dict(zip(("Seed", "Epoch", "Sample", "View"), draw))
    rows.append({"h": h, "w": w, "draw": draw, "spec": dict(view, size=size), "row": [float(v) for v in row]})

with open("rows.json", "w") as f:
    f.write('{"made_by": "ssl/views/testdata/rows.py, torch %s, torchvision %s",\n"rows": [\n' % (torch.__version__, torchvision.__version__))
    f.write(",\n".join(json.dumps(r) for r in rows) + "\n]}\n")
