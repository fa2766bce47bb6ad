"""The methods of torch_ssl.py that compare views of an image."""
import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

from torch_nets import backbone, mlp, norm_mlp, plain_norm, without_drop_path


def off_diagonal(c):
    return c.flatten()[:-1].view(len(c) - 1, len(c) + 1)[:, 1:].flatten()


def cosine(p, z):
    return F.cosine_similarity(p, z.detach(), dim=1).mean()


class Method(nn.Module):
    """loss(images, labels) of one step; chosen: the indices of the images. accuracies collects the accuracy of a pretext task at each step."""
    constant_momentum = False

    def __init__(self, recipe, paint, classes):
        super().__init__()
        self.r, self.paint, self.net, self.accuracies = recipe, paint, backbone(recipe, paint.mean.numel()), []
        self.build(self.net.dim, classes)
        self.copy = without_drop_path(copy.deepcopy(self)).requires_grad_(False) if "momentum" in recipe else None

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
        self.projector = norm_mlp([dim, h, h, out], plain_norm(out))
        self.predictor = mlp(out, self.r["bottleneck"], out)

    def loss(self, x, _):
        z = [self.projector(self.net(v)) for v in self.paint.pair(x)]
        p = [self.predictor(v) for v in z]
        return -(cosine(p[0], z[1]) + cosine(p[1], z[0])) / 2


class BarlowTwins(Method):
    def build(self, dim, _):
        h, out = self.r["hidden"], self.r["out"]
        self.projector, self.bn = norm_mlp([dim, h, h, out]), plain_norm(out)

    def loss(self, x, _):
        a, b = (self.bn(self.projector(self.net(v))) for v in self.paint.pair(x))
        c = a.T @ b / len(x)
        return (torch.diagonal(c) - 1).pow(2).sum() + self.r["weight"] * off_diagonal(c).pow(2).sum()


class VICReg(Method):
    def build(self, dim, _):
        h = self.r["hidden"]
        self.projector = norm_mlp([dim, h, h, self.r["out"]])

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
        self.projector = norm_mlp([dim] + [h] * (self.r["layers"] - 1) + [out], plain_norm(out))
        self.predictor = norm_mlp([out, self.r["bottleneck"], out], *([plain_norm(out)] if self.r["predictor_bn"] else []))

    def loss(self, x, _):
        views, tau = self.paint.pair(x), self.r["temperature"]
        q = [unit(self.predictor(self.projector(self.net(v)))) for v in views]
        with torch.no_grad():
            k = [unit(self.copy.projector(self.copy.net(v))) for v in views]
        return 2 * tau * (in_batch(q[0], k[1], tau) + in_batch(q[1], k[0], tau))


class NNCLR(Method):
    def build(self, dim, _):
        h, out = self.r["hidden"], self.r["out"]
        self.projector = norm_mlp([dim, h, h, out], nn.BatchNorm1d(out))
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
