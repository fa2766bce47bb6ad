"""Parameters drawn by torchvision itself, with torch's own generator: testdata/samples.bin.gz.

Run in this folder: /usr/bin/python3 samples.py (Debian's python3-torchvision). The file is one line of JSON (versions, names, n), then
for each name n numbers, sorted, as little-endian float32, the four bytes of a number in four planes.
"""
import gzip
import json

import numpy
import torch
import torchvision
from torchvision import transforms as T

N, SIDE, VIEW = 10000, 4000, 224
torch.manual_seed(20)
big = torch.empty((1, 1, 1)).expand(3, SIDE, SIDE)  # rounding to pixels is negligible in it
view = torch.empty((1, 1, 1)).expand(3, VIEW, VIEW)
samples = {}


def record(prefix, **values):
    for name, v in values.items():
        samples.setdefault(prefix + name, []).append(float(v))


for _ in range(N):
    for name, scale in ("", (0.2, 1.0)), ("local ", (0.05, 0.14)):
        i, j, h, w = T.RandomResizedCrop.get_params(big, scale, (3 / 4, 4 / 3))
        record(name, area=h * w / SIDE**2, ratio=w / h, top=i, left=j)
    i, j, _, _ = T.RandomCrop.get_params(big[:, :3000, :3500], (500, 500))
    record("random crop ", y=i, x=j)
    order, *f = T.ColorJitter.get_params((0.2, 1.8), (0.6, 1.4), (0.8, 1.2), (-0.1, 0.1))
    code = sum((int(op) + 1) << 3 * k for k, op in enumerate(order))
    record("", order=code, brightness=f[0], contrast=f[1], saturation=f[2], hue=f[3])
    record("", sigma=T.GaussianBlur.get_params(0.1, 2.0))
    i, j, h, w, v = T.RandomErasing.get_params(view, (0.02, 0.33), (0.3, 3.3), [0.0])
    if v.dim() != 3 or v.shape[1:] != (1, 1):
        i = j = h = w = 0
    record("erase ", top=i, left=j, height=h, width=w)

# Coins: torchvision's own decision, seen by what it does to a picture of two pixels.
two = torch.tensor([0.25, 0.75]).expand(3, 1, 2).clone()
two[0] = 0.5
invert = torch.nn.Module()
invert.forward = lambda x: 1 - x
coins = {"horizontal flip": T.RandomHorizontalFlip(0.5), "vertical flip": T.RandomVerticalFlip(0.25),
         "jitter p": T.RandomApply([invert], 0.8), "gray": T.RandomGrayscale(0.2), "blur p": T.RandomApply([invert], 0.1),
         "solarize p": T.RandomSolarize(0.5, 0.3), "erase p": T.RandomErasing(0.7, (0.5, 0.5), (1, 1))}
pictures = {"vertical flip": two.transpose(1, 2), "erase p": torch.ones(3, 8, 8)}
for name, op in coins.items():
    x = pictures.get(name, two)
    samples[name] = [float(not torch.equal(op(x), x)) for _ in range(N)]

head = {"made_by": "ssl/views/testdata/samples.py, torch %s, torchvision %s" % (torch.__version__, torchvision.__version__),
        "n": N, "names": list(samples)}
with open("samples.bin.gz", "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", compresslevel=9, filename="", mtime=0) as z:
    z.write(json.dumps(head).encode() + b"\n")
    for values in samples.values():
        z.write(numpy.sort(numpy.array(values, "<f4")).view("u1").reshape(N, 4).T.tobytes())
