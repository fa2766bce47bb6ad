"""Trains small networks, healthy and collapsing, and writes the metrics of package watch: python3 runs.py [NAME ...] > runs.json

Each run: 2,048 images of the embedded Fashion-MNIST, batch 128, 320 steps of Adam (lr 1e-3 after 20 steps of warm-up), four convolutions
with batch norm, seed 0. A row of the file measures the training batch every 10 steps. The definitions are those of doc.go.
"""
import copy
import gzip
import json
import math
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

STEPS, EVERY, BATCH, IMAGES, K = 320, 10, 128, 2048, 256
COLUMNS = ["step", "std", "rank", "cosine", "entropy", "marginal", "accuracy", "width"]


def images():
    raw = gzip.open(os.path.join(os.path.dirname(__file__), "../../data/fashion.idx.gz")).read()
    axes = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    x = np.frombuffer(raw, np.uint8, offset=4 + 4 * axes, count=IMAGES * 784)
    assert shape[-2:] == [28, 28], shape
    return torch.tensor(x.reshape(IMAGES, 1, 28, 28) / 255.0, dtype=torch.float32)


def views(x, easy=False):
    """A random crop of 40 to 100 % of the area, flipped, brighter or darker; easy: the image with a little noise."""
    n = len(x)
    if easy:
        return (x - 0.3) / 0.35 + 0.01 * torch.randn_like(x)
    side = torch.empty(n).uniform_(0.4, 1).sqrt()
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = side * flip, side
    theta[:, :, 2] = (torch.rand(n, 2) * 2 - 1) * (1 - side)[:, None]
    y = F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False)
    return (y * torch.empty(n, 1, 1, 1).uniform_(0.6, 1.4) - 0.3) / 0.35


def backbone(bn=True):
    layers, c = [], 1
    for i, w in enumerate([16, 32, 64, 64]):
        layers += [nn.Conv2d(c, w, 3, 1 if i == 3 else 2, 1), nn.BatchNorm2d(w) if bn else nn.Identity(), nn.ReLU()]
        c = w
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def mlp(a, hidden, b, bn=True):
    return nn.Sequential(nn.Linear(a, hidden), nn.BatchNorm1d(hidden) if bn else nn.Identity(), nn.ReLU(), nn.Linear(hidden, b))


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 64))
        self.w = nn.Parameter(torch.randn(K, 64))

    def forward(self, x):
        return F.normalize(self.f(x)) @ F.normalize(self.w).T


def contrastive(z1, z2, t=0.2):
    z = F.normalize(torch.cat([z1, z2]))
    s = (z @ z.T / t).fill_diagonal_(-1e9)
    y = (torch.arange(len(z)) + len(z1)) % len(z)
    return F.cross_entropy(s, y), (s.argmax(1) == y).float().mean().item()


def negcos(p, z):
    return 2 - 2 * F.cosine_similarity(p, z.detach()).mean()


def off_diagonal(c):
    return c - torch.diag(torch.diagonal(c))


def barlow(z1, z2):
    a, b = [(z - z.mean(0)) / torch.sqrt(z.var(0, unbiased=False) + 1e-5) for z in (z1, z2)]
    c = a.T @ b / len(a)
    return (torch.diagonal(c) - 1).pow(2).sum() + 0.0051 * off_diagonal(c).pow(2).sum()


def vicreg(z1, z2):
    loss = 25 * F.mse_loss(z1, z2)
    for z in (z1, z2):
        c = torch.cov(z.T)
        loss = loss + 25 / 2 * F.relu(1 - torch.sqrt(torch.diagonal(c) + 1e-4)).mean() + off_diagonal(c).pow(2).sum() / z.shape[1]
    return loss


def entropy(p):
    return -(p * p.clamp_min(1e-30).log()).sum(-1)


def measure(z, teacher, accuracy):
    z = F.normalize(z.detach().double())
    n = len(z)
    s = torch.linalg.svdvals(z)
    p = s / s.sum() + 1e-7
    row = [z.std(0).mean(), entropy(p).exp(), ((z.sum(0) ** 2).sum() - n) / (n * (n - 1))]
    if teacher is None:
        row += [None, None]
    else:
        t = teacher.double()
        row += [entropy(t).mean(), entropy(t.mean(0))]
    return [float(f"{float(v):.5g}") if v is not None else None for v in row + [accuracy]]


def run(kind, bn=True, predictor=True, easy=False, stop=True, centre=True, sharp=0.04, momentum=0.99, out=64):
    torch.manual_seed(0)
    x = images()
    dino = kind == "dino"
    if kind == "rotation":
        online = nn.Sequential(backbone(bn), nn.Linear(64, 4))
    elif dino:
        online = nn.Sequential(backbone(bn), Head())
    elif kind in ("barlow", "vicreg"):
        online = nn.Sequential(backbone(bn), mlp(64, 256, 256, bn)[:3], mlp(256, 256, 256, bn))
    elif kind == "simsiam":
        online = nn.Sequential(backbone(bn), mlp(64, 128, out), nn.BatchNorm1d(out, affine=False))
    else:
        online = nn.Sequential(backbone(bn), mlp(64, 128, out, bn))
    q = mlp(out, 64, out, bn) if predictor else nn.Identity()
    target = copy.deepcopy(online)
    params = list(online.parameters()) + list(q.parameters())
    opt = torch.optim.Adam(params, lr=1e-3)
    c, rows, order = torch.zeros(K), [], None
    for step in range(STEPS):
        at = step % (IMAGES // BATCH)
        if at == 0:
            order = torch.randperm(IMAGES)
        batch = x[order[at * BATCH : (at + 1) * BATCH]]
        v1, v2 = views(batch, easy), views(batch, easy)
        accuracy, teacher = None, None
        if kind == "simclr":
            z1, z2 = online(v1), online(v2)
            loss, accuracy = contrastive(z1, z2)
        elif kind == "rotation":
            y = torch.randint(4, (BATCH,))
            v = torch.stack([torch.rot90(a, int(k), (1, 2)) for a, k in zip(v1, y)])
            z1 = online[0](v)
            s = online[1](z1)
            loss, accuracy = F.cross_entropy(s, y), (s.argmax(1) == y).float().mean().item()
        elif kind in ("barlow", "vicreg"):
            z1, z2 = online(v1), online(v2)
            loss = barlow(z1, z2) if kind == "barlow" else vicreg(z1, z2)
        elif kind == "simsiam":
            z1, z2 = online(v1), online(v2)
            if stop:
                loss = negcos(q(z1), z2) + negcos(q(z2), z1)
            else:
                loss = 4 - 2 * F.cosine_similarity(q(z1), z2).mean() - 2 * F.cosine_similarity(q(z2), z1).mean()
        elif kind == "byol":
            z1, z2 = online(v1), online(v2)
            with torch.no_grad():
                t1, t2 = target(v1), target(v2)
            loss = negcos(q(z1), t2) + negcos(q(z2), t1)
        else:
            s1, s2 = online(v1), online(v2)
            with torch.no_grad():
                t1, t2 = target(v1), target(v2)
                p1, p2 = [((t - c) / sharp).softmax(1) for t in (t1, t2)]
                if centre:
                    c = 0.9 * c + 0.1 * torch.cat([t1, t2]).mean(0)
            loss = -0.5 * ((p1 * (s2 / 0.1).log_softmax(1)).sum(1).mean() + (p2 * (s1 / 0.1).log_softmax(1)).sum(1).mean())
            teacher, z1 = p1, s1
        if step % EVERY == 0:
            if dino:
                with torch.no_grad():
                    z1 = online[1].f(online[0](v1))
            rows.append([step] + measure(z1, teacher, accuracy) + [z1.shape[1]])
        opt.param_groups[0]["lr"] = 1e-3 * min(1, (step + 1) / 20)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for a, b in zip(target.parameters(), online.parameters()):
                a.lerp_(b, 1 - momentum)
    return rows


RUNS = {
    "simclr": dict(kind="simclr"),
    "byol": dict(kind="byol"),
    "simsiam": dict(kind="simsiam"),
    "byol, 256 wide": dict(kind="byol", out=256),
    "simsiam, 256 wide": dict(kind="simsiam", out=256),
    "barlow": dict(kind="barlow"),
    "vicreg": dict(kind="vicreg"),
    "dino": dict(kind="dino"),
    "rotation": dict(kind="rotation"),
    "simclr, views too easy": dict(kind="simclr", easy=True),
    "byol without predictor": dict(kind="byol", predictor=False, momentum=0.9),
    "byol without predictor and batch norm": dict(kind="byol", predictor=False, bn=False, momentum=0.9),
    "simsiam without stop-gradient": dict(kind="simsiam", stop=False),
    "simsiam without predictor": dict(kind="simsiam", predictor=False),
    "dino without centre": dict(kind="dino", centre=False),
    "dino without sharpening": dict(kind="dino", sharp=0.1),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    names = sys.argv[1:] or list(RUNS)
    runs = {}
    for name in names:
        runs[name] = run(**RUNS[name])
        print(name, *["\t".join(f"{v}" for v in r) for r in runs[name][::4]], sep="\n", file=sys.stderr)
    body = ",\n".join(f'    {json.dumps(n)}: [\n' + ",\n".join("      " + json.dumps(r) for r in rows) + "]" for n, rows in runs.items())
    print(f'{{\n  "made_by": "runs.py, PyTorch {torch.__version__}",\n  "images": {BATCH}, "prototypes": {K}, "steps": {STEPS},')
    print(f'  "columns": {json.dumps(COLUMNS)},\n  "runs": {{\n{body}\n  }}\n}}')
