"""The methods of `marr pretrain` in PyTorch: trains one with the same recipe and number of steps, evaluates it, and prints one line of JSON.

    python3 torch_ssl.py --method byol --train x.npy y.npy --test x.npy y.npy --epochs 4 --seed 0 [--set momentum=0.9 ...]

Images are uint8 [N H W C], labels are integers [N]. The script matches marr in: ResNet-10 with the strided stem and width 16, torchvision's
initialization; AdamW without decay (Adam) at 2e-3, or SGD with momentum 0.9; warm-up over 10 % of the steps, then cosine to 0; the last
incomplete batch of an epoch is dropped; the views of the method's preset for images up to 64 px, resized with torchvision's antialiasing;
one forward pass and one set of batch statistics per view (SimCLR and DINO: per size of view, in DINO's head of all views); EMA after the optimizer, with momentum rising to
1 (MoCo v2: constant); evaluation of the online network (DINO: the teacher) on unaugmented images; k-NN (cosine, T 0.07), linear probe and linear10 as in ssl/eval,
with other random draws; RankMe of the test images.
"""
import argparse
import copy
import itertools
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet as zoo

from torch_eval import features, knn, linear, linear10, rank
from torch_paint import Painter, window

WIDTH = 16
BASE = dict(optimizer="adamw", lr=2e-3, batch=256, warmup=0.1, weight_decay=0.0, cubic=False, solarize=0.0, saturation=0.0, hue=0.0, gray=0.0,
            backbone_bn=True)  # of every method
# Views: scale of the crop, bicubic resizing, strengths of the jitter (of brightness and contrast, of saturation, of hue), probabilities of gray and, in the
# second view, of solarize; or padding by pad pixels and a crop of the size of the image.
RECIPES = {
    "simclr": dict(scale=(0.2, 1), jitter=0.4, temperature=0.2, hidden=128, out=64),
    "byol": dict(momentum=0.99, scale=(0.08, 1), cubic=True, jitter=0.4, solarize=0.2, hidden=256, out=64),
    "simsiam": dict(scale=(0.2, 1), jitter=0.4, hidden=256, out=256, bottleneck=64, scheduled=False),
    "barlow": dict(scale=(0.08, 1), cubic=True, jitter=0.4, solarize=0.2, hidden=512, out=512, weight=0.0051),
    "vicreg": dict(scale=(0.08, 1), cubic=True, jitter=0.4, solarize=0.2, hidden=512, out=512, invariance=25, variance=25, covariance=1),
    "dino": dict(momentum=0.99, scale=(0.2, 1), cubic=True, jitter=0.4, solarize=0.2, locals=0, hidden=256, bottleneck=64, prototypes=256,
                 student_temperature=0.1, teacher_temperature=0.04, center=0.9, clip=0.0, freeze=0.05, head_bn=False),
    "mocov2": dict(momentum=0.99, scale=(0.2, 1), jitter=0.4, temperature=0.2, queue=1024, hidden=128, out=64, symmetric=False),
    "mocov3": dict(momentum=0.99, scale=(0.2, 1), jitter=0.4, solarize=0.2, temperature=0.2, hidden=256, out=64, bottleneck=256),
    "nnclr": dict(scale=(0.2, 1), jitter=0.4, temperature=0.1, queue=1024, hidden=128, out=64, bottleneck=256),
    "swav": dict(scale=(0.2, 1), cubic=True, jitter=0.8, locals=6, hidden=128, out=64, prototypes=256, temperature=0.1, epsilon=0.05, freeze=0.01),
    "jigsaw": dict(pad=0, hidden=64, gap=2, normalize=True),
    "order": dict(frames=3, start=(0.8, 1), zoom=(1.15, 1.4), jitter=0.4, sigma=(0.1, 1.5), hidden=128),
    "rotation": dict(pad=4), "supervised": dict(pad=4),
}


class Affine(nn.Module):
    """Scale and shift per channel, in place of batch norm."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


def backbone(norm, channels):
    net = zoo.ResNet(zoo.BasicBlock, [1, 1, 1, 1], norm_layer=norm)
    net.conv1, net.bn1, net.maxpool, net.fc = nn.Conv2d(channels, WIDTH, 3, 2, 1, bias=False), norm(WIDTH), nn.Identity(), nn.Identity()
    net.inplanes = WIDTH
    for i in range(4):
        setattr(net, "layer%d" % (i + 1), net._make_layer(zoo.BasicBlock, WIDTH << i, 1, stride=1 if i == 0 else 2))
    for m in net.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
    return net


def mlp(features, hidden, out):
    return nn.Sequential(nn.Linear(features, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, out))


def deep_mlp(features, hidden, out):
    first, second = (list(mlp(d, hidden, hidden))[:3] for d in (features, hidden))
    return nn.Sequential(*first, *second, nn.Linear(hidden, out, bias=False))


def off_diagonal(c):
    return c.flatten()[:-1].view(len(c) - 1, len(c) + 1)[:, 1:].flatten()


def cosine(p, z):
    return F.cosine_similarity(p, z.detach(), dim=1).mean()


class Method(nn.Module):
    """loss(images, labels) of one step. accuracies collects the accuracy of a pretext task at each step."""
    constant_momentum = False

    def __init__(self, recipe, paint, classes, dim=8 * WIDTH):
        super().__init__()
        self.r, self.paint, self.net, self.accuracies = recipe, paint, backbone(nn.BatchNorm2d if recipe["backbone_bn"] else Affine, paint.mean.numel()), []
        self.build(dim, classes)
        self.copy = copy.deepcopy(self).requires_grad_(False) if "momentum" in recipe else None

    def make_queue(self):
        self.register_buffer("queue", F.normalize(torch.randn(self.r["queue"], self.r["out"]), dim=1))
        self.next = 0

    def push(self, rows):
        """Replaces the oldest rows of a copy, since the backward pass needs the queue as it was."""
        self.queue = self.queue.clone()
        self.queue[(self.next + torch.arange(len(rows))) % len(self.queue)] = rows.detach()
        self.next = (self.next + len(rows)) % len(self.queue)

    def classify(self, logits, target):
        self.accuracies.append((logits.argmax(1) == target).float().mean().item())
        return F.cross_entropy(logits, target)

    def update_ema(self, k, steps):
        """Updates the EMA of the parameters. The copy computes its own running statistics."""
        if self.copy is not None:
            m = self.r["momentum"] if self.constant_momentum else 1 - (1 - self.r["momentum"]) * (math.cos(math.pi * k / steps) + 1) / 2
            with torch.no_grad():
                for p, now in zip(self.copy.parameters(), [p for n, p in self.named_parameters() if not n.startswith("copy.")]):
                    p.lerp_(now, 1 - m)

    def change_gradients(self, progress):
        """Changes the gradients. progress is the fraction of completed steps."""


class SimCLR(Method):
    def build(self, dim, _):
        self.projector = mlp(dim, self.r["hidden"], self.r["out"])

    def loss(self, x, _):
        z = F.normalize(self.projector(self.net(torch.cat(self.paint.pair(x)))), dim=1)
        n = len(x)
        logits = (z @ z.t() / self.r["temperature"]).masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
        return F.cross_entropy(logits, (torch.arange(2 * n) + n) % (2 * n))


class BYOL(Method):
    def build(self, dim, _):
        self.projector, self.predictor = (mlp(d, self.r["hidden"], self.r["out"]) for d in (dim, self.r["out"]))

    def loss(self, x, _):
        views = self.paint.pair(x)
        p = [self.predictor(self.projector(self.net(v))) for v in views]
        with torch.no_grad():
            z = [self.copy.projector(self.copy.net(v)) for v in views]
        return 4 - 2 * cosine(p[0], z[1]) - 2 * cosine(p[1], z[0])


class SimSiam(Method):
    def build(self, dim, _):
        h, out = self.r["hidden"], self.r["out"]
        self.projector = nn.Sequential(*deep_mlp(dim, h, out), nn.BatchNorm1d(out, affine=False))
        self.predictor = mlp(out, self.r["bottleneck"], out)

    def loss(self, x, _):
        z = [self.projector(self.net(v)) for v in self.paint.pair(x)]
        p = [self.predictor(v) for v in z]
        return -(cosine(p[0], z[1]) + cosine(p[1], z[0])) / 2


class BarlowTwins(Method):
    def build(self, dim, _):
        self.projector, self.bn = deep_mlp(dim, self.r["hidden"], self.r["out"]), nn.BatchNorm1d(self.r["out"], affine=False)

    def loss(self, x, _):
        a, b = (self.bn(self.projector(self.net(v))) for v in self.paint.pair(x))
        c = a.T @ b / len(x)
        return (torch.diagonal(c) - 1).pow(2).sum() + self.r["weight"] * off_diagonal(c).pow(2).sum()


class VICReg(Method):
    def build(self, dim, _):
        self.projector = deep_mlp(dim, self.r["hidden"], self.r["out"])

    def loss(self, x, _):
        a, b = (self.projector(self.net(v)) for v in self.paint.pair(x))
        loss = self.r["invariance"] * F.mse_loss(a, b)
        for z in (a, b):
            c = torch.cov(z.T)
            loss = loss + self.r["variance"] * F.relu(1 - torch.sqrt(torch.diagonal(c) + 1e-4)).mean() / 2
            loss = loss + self.r["covariance"] * off_diagonal(c).pow(2).sum() / z.shape[1]
        return loss


def unit(x):
    return F.normalize(x, dim=1)


def in_batch(a, b, temperature):
    return F.cross_entropy(a @ b.t() / temperature, torch.arange(len(a)))


class MoCoV2(Method):
    constant_momentum = True

    def build(self, dim, _):
        self.projector = nn.Sequential(nn.Linear(dim, self.r["hidden"]), nn.ReLU(), nn.Linear(self.r["hidden"], self.r["out"]))
        self.make_queue()

    def direction(self, view, other):
        q = unit(self.projector(self.net(view)))
        with torch.no_grad():
            k = unit(self.copy.projector(self.copy.net(other)))
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ self.queue.t()], 1) / self.r["temperature"]
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long)), k

    def loss(self, x, _):
        a, b = self.paint.pair(x)
        losses, keys = zip(*[self.direction(*v) for v in ([(a, b), (b, a)] if self.r["symmetric"] else [(a, b)])])
        self.push(torch.cat(keys))
        return sum(losses)


class MoCoV3(Method):
    def build(self, dim, _):
        h, out = self.r["hidden"], self.r["out"]
        self.projector = nn.Sequential(*list(mlp(dim, h, h))[:3], nn.Linear(h, out, bias=False), nn.BatchNorm1d(out, affine=False))
        self.predictor = nn.Sequential(*list(mlp(out, self.r["bottleneck"], out))[:3], nn.Linear(self.r["bottleneck"], out, bias=False))

    def loss(self, x, _):
        views, tau = self.paint.pair(x), self.r["temperature"]
        q = [unit(self.predictor(self.projector(self.net(v)))) for v in views]
        with torch.no_grad():
            k = [unit(self.copy.projector(self.copy.net(v))) for v in views]
        return 2 * tau * (in_batch(q[0], k[1], tau) + in_batch(q[1], k[0], tau))


class NNCLR(Method):
    def build(self, dim, _):
        h, out = self.r["hidden"], self.r["out"]
        first, second = (list(mlp(d, h, h))[:3] for d in (dim, h))
        self.projector = nn.Sequential(*first, *second, nn.Linear(h, out, bias=False), nn.BatchNorm1d(out))
        self.predictor = mlp(out, self.r["bottleneck"], out)
        self.make_queue()

    def loss(self, x, _):
        z = [self.projector(self.net(v)) for v in self.paint.pair(x)]
        p, neighbors = [unit(self.predictor(v)) for v in z], [self.queue[(unit(v.detach()) @ self.queue.t()).argmax(1)] for v in z]
        self.push(unit(z[0]))
        return (in_batch(neighbors[0], p[1], self.r["temperature"]) + in_batch(neighbors[1], p[0], self.r["temperature"])) / 2


class SwAV(Method):
    def build(self, dim, _):
        self.projector, self.prototypes = mlp(dim, self.r["hidden"], self.r["out"]), nn.Linear(self.r["out"], self.r["prototypes"], bias=False)

    def codes(self, scores):
        """The assignments of swav/main_swav.py, distributed_sinkhorn, on one device."""
        q = torch.exp((scores - scores.max()) / self.r["epsilon"])
        for _ in range(3):
            q = q / q.sum(0, keepdim=True)
            q = q / q.sum(1, keepdim=True)
        return q

    def loss(self, x, _):
        views, small = self.paint.pair(x), self.paint.locals(x)
        f = torch.cat([self.net(torch.cat(v)) for v in (views, small) if v])
        scores = F.linear(unit(self.projector(f)), unit(self.prototypes.weight)).chunk(len(views) + len(small))
        q, p = [self.codes(s.detach()) for s in scores[:2]], [F.log_softmax(s / self.r["temperature"], dim=1) for s in scores]
        pairs = [-(a * b).sum(1).mean() for i, a in enumerate(q) for j, b in enumerate(p) if i != j]
        return sum(pairs) / len(pairs)

    def change_gradients(self, progress):
        if progress < self.r["freeze"]:
            self.prototypes.weight.grad = None


class DINO(Method):
    def build(self, dim, _):
        h, b, normed = self.r["hidden"], self.r["bottleneck"], self.r["head_bn"]
        norms = [[nn.BatchNorm1d(h)] if normed else [] for _ in range(2)]
        self.head = nn.Sequential(nn.Linear(dim, h, not normed), *norms[0], nn.GELU(), nn.Linear(h, h, not normed), *norms[1], nn.GELU(), nn.Linear(h, b))
        for name, p in self.head.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(p)
            elif p.dim() > 1:
                nn.init.trunc_normal_(p, std=0.02)
        self.last = nn.Linear(b, self.r["prototypes"], bias=False)
        self.register_buffer("center", torch.zeros(self.r["prototypes"]))

    def logits(self, views, small=()):
        f = torch.cat([self.net(torch.cat(v)) for v in (views, small) if v])
        h = F.normalize(self.head(f), dim=1)
        return F.linear(h, F.normalize(self.last.weight, dim=1)).chunk(len(views) + len(small))

    def loss(self, x, _):
        views, small = self.paint.pair(x), self.paint.locals(x)
        with torch.no_grad():
            teacher = self.copy.logits(views)
        p = [F.softmax((t - self.center) / self.r["teacher_temperature"], dim=1) for t in teacher]
        q = [F.log_softmax(s / self.r["student_temperature"], dim=1) for s in self.logits(views, small)]
        self.center = self.r["center"] * self.center + (1 - self.r["center"]) * torch.cat(teacher).mean(0)
        pairs = [-(a * b).sum(1).mean() for i, a in enumerate(p) for j, b in enumerate(q) if i != j]
        return sum(pairs) / len(pairs)

    def change_gradients(self, progress):
        for p in (p for p in self.parameters() if p.grad is not None and self.r["clip"] > 0):
            nn.utils.clip_grad_norm_([p], self.r["clip"])
        if progress < self.r["freeze"]:
            self.last.weight.grad = None


class Rotation(Method):
    def build(self, dim, _):
        self.head = nn.Linear(dim, 4)

    def loss(self, x, _):
        rotations, x = torch.randint(0, 4, (len(x),)), self.paint.view(x)
        x = torch.stack([torch.rot90(v, int(k), (1, 2)) for v, k in zip(x, rotations)])
        return self.classify(self.head(self.net(self.paint.normalize(x))), rotations)


class Jigsaw(Method):
    def build(self, dim, _):
        parts = self.r.get("frames", 4)
        self.permutations = torch.tensor(list(itertools.permutations(range(parts))))
        self.parts, self.head = nn.Sequential(*list(mlp(dim, self.r["hidden"], 1))[:3]), nn.Linear(parts * self.r["hidden"], len(self.permutations))

    def classify_permutation(self, x, target):
        return self.classify(self.head(self.parts(self.net(x)).view(len(target), -1)), target)

    def loss(self, x, _):
        n, cell, gap = len(x), x.shape[2] // 2, self.r["gap"]
        x, target = self.paint.view(x), torch.randint(0, 24, (n,))
        cells = self.permutations[target].reshape(-1)
        corners = cell * torch.stack([cells // 2, cells % 2], 1) + torch.randint(0, gap + 1, (4 * n, 2))
        tiles = self.paint.normalize(window(x.repeat_interleave(4, 0), corners, cell - gap))
        if self.r["normalize"]:
            std, mean = torch.std_mean(tiles, (1, 2, 3), unbiased=False, keepdim=True)
            tiles = (tiles - mean) / (std + 1e-3)
        return self.classify_permutation(tiles, target)


class Order(Jigsaw):
    def loss(self, x, _):
        frames, target = torch.stack(self.paint.frames(x), 1), torch.randint(0, len(self.permutations), (len(x),))
        return self.classify_permutation(self.paint.normalize(frames[torch.arange(len(x)).view(-1, 1), self.permutations[target]].flatten(0, 1)), target)


class Supervised(Method):
    def build(self, dim, classes):
        self.head = nn.Linear(dim, classes)

    def loss(self, x, labels):
        return self.classify(self.head(self.net(self.paint.normalize(self.paint.view(x)))), labels)


METHODS = {"simclr": SimCLR, "byol": BYOL, "simsiam": SimSiam, "barlow": BarlowTwins, "vicreg": VICReg, "dino": DINO, "mocov2": MoCoV2, "mocov3": MoCoV3,
           "nnclr": NNCLR, "swav": SwAV, "rotation": Rotation, "jigsaw": Jigsaw, "order": Order, "supervised": Supervised}


def train(m, r, x, labels, epochs):
    """Returns the mean loss of the last epoch.

    SimSiam's predictor has a constant learning rate unless "scheduled" is set. Weight decay skips 1-D parameters.
    """
    groups = {}
    for name, p in m.named_parameters():
        if p.requires_grad:
            groups.setdefault((isinstance(m, SimSiam) and not r["scheduled"] and name.startswith("predictor."), p.dim() == 1), []).append(p)
    groups = [{"params": ps, "constant": constant, "lr": r["lr"], "weight_decay": 0 if flat else r["weight_decay"]} for (constant, flat), ps in groups.items()]
    optimizer = torch.optim.SGD(groups, r["lr"], momentum=0.9) if r["optimizer"] == "sgd" else torch.optim.AdamW(groups)
    per, losses = len(x) // r["batch"], []
    steps, warm = epochs * per, round(r["warmup"] * epochs * per)
    for k in range(steps):
        if k % per == 0:
            order, losses, m.accuracies = torch.randperm(len(x)), [], []
        factor = (k + 1) / warm if k < warm else (1 + math.cos(math.pi * (k - warm) / (steps - warm))) / 2
        for g in optimizer.param_groups:
            g["lr"] = r["lr"] * (1 if g["constant"] else factor)
        chosen = order[k % per * r["batch"]:][:r["batch"]]
        loss = m.loss(x[chosen].float() / 255, labels[chosen])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        m.change_gradients(k / steps)
        optimizer.step()
        m.update_ema(k, steps)
        losses.append(loss.item())
    return float(np.mean(losses))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--method", choices=sorted(METHODS), required=True)
    for part in ("train", "test"):
        p.add_argument("--" + part, nargs=2, metavar=("IMAGES", "LABELS"), required=True)
    for name, value in (("epochs", 4), ("seed", 0), ("threads", len(os.sched_getaffinity(0)))):
        p.add_argument("--" + name, type=int, default=value)
    p.add_argument("--set", nargs="*", default=[], metavar="KEY=JSON", help="a setting of the method's recipe")
    o = p.parse_args()
    recipe = dict(BASE, **RECIPES[o.method])
    for key, value in (s.split("=", 1) for s in o.set):
        if key not in recipe:
            p.error("%s has no setting %s: its settings are %s" % (o.method, key, ", ".join(sorted(recipe))))
        recipe[key] = json.loads(value)
    torch.manual_seed(o.seed)
    torch.set_num_threads(o.threads)
    (x, y), (tx, ty) = ([torch.from_numpy(np.load(f)) for f in part] for part in (o.train, o.test))
    x, tx, y, ty = x.movedim(3, 1), tx.movedim(3, 1), y.long(), ty.long()
    paint, start = Painter(recipe, *(f(x.float(), (0, 2, 3)) / 255 for f in (torch.mean, torch.std))), time.perf_counter()
    m = METHODS[o.method](recipe, paint, int(y.max()) + 1).train()
    loss, took = train(m, recipe, x, y, o.epochs) if o.epochs else None, time.perf_counter() - start
    f, tf = (features(m.copy.net if o.method == "dino" else m.net, paint, images) for images in (x, tx))
    few, few_std = linear10(f, y, tf, ty)
    print(json.dumps({
        "method": o.method, "recipe": recipe, "epochs": o.epochs, "seed": o.seed, "torch": torch.__version__, "seconds": took, "loss": loss,
        "pretext": 100 * np.mean(m.accuracies) if m.accuracies else None, "knn1": knn(f, y, tf, ty, 1), "knn20": knn(f, y, tf, ty, 20),
        "linear": linear(f, y, tf, ty), "linear10": few, "linear10_std": few_std, "rank": rank(tf)}))


if __name__ == "__main__":
    main()
