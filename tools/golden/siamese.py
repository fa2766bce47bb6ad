"""Methods that compare two views, each in a forward pass of its own."""
import copy
import math

import torch
from torch import nn

from losses import barlow_loss, byol_loss, simsiam_loss, vicreg_loss
from networks import SmallResNet, norm_mlp, projector
from training import SGD, STEPS, WIDTH, Method, view_specs

EMA = 0.9
SLOW = dict(SGD, lr=0.01)  # contrastive losses of few images have large gradients


class Apart(Method):
    """One forward per view. Batch norm over eight samples in the deep layers amplifies rounding a hundredfold in ten steps; over sixteen
    samples it does not."""
    batch, views = 16, view_specs(2 * 16)

    def pair(self, t):
        return self.images(t).split(self.batch)


class WithEMA(Method):
    """Has one EMA copy of the network."""

    def copied(self, prefix, without=()):
        net = copy.deepcopy(self.net).requires_grad_(False)
        for part in without:
            delattr(net, part)
        self.copies[prefix] = net
        return net

    def after(self, t):
        m = 1 - (1 - EMA) * (math.cos(math.pi * t / STEPS) + 1) / 2
        with torch.no_grad():
            for net in self.copies.values():
                now = dict(self.net.named_parameters())
                for name, p in net.named_parameters():
                    p.copy_(m * p + (1 - m) * now[name])


class BYOL(Apart, WithEMA):
    op, case_name, more = "byol_train", "byol_12", {"hidden": 48, "embedding": 24, "predictor_hidden": 40, "ema": EMA}

    def __init__(self, case, dtype):
        super().__init__(case, dtype)
        self.target = self.copied("target.", without=["predictor"])

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector, net.predictor = projector(net.dim, 48, 24), projector(24, 40, 24)
        return net

    def loss(self, t):
        views = self.pair(t)
        p = [self.net.predictor(self.net.projector(self.net.features(v))) for v in views]
        return byol_loss(*p, *[self.target.projector(self.target.features(v)) for v in views])


class SimSiam(Apart):
    op, case_name, more = "simsiam_train", "simsiam_26", {"hidden": 48, "embedding": 24, "predictor_hidden": 16}

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector = norm_mlp([nn.BatchNorm1d(24, affine=False)], net.dim, 48, 48, 24)
        net.predictor = projector(24, 16, 24)
        return net

    def loss(self, t):
        z = [self.net.projector(self.net.features(v)) for v in self.pair(t)]
        return simsiam_loss(*[self.net.predictor(x) for x in z], *z)


class BarlowTwins(Apart):
    op, case_name, more, attrs = "barlow_train", "barlow_8", {"hidden": 48, "embedding": 24, "lambda": 0.0051}, dict(SGD, lr=0.001)

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector, net.bn = norm_mlp([], net.dim, 48, 48, 24), nn.BatchNorm1d(24, affine=False)
        return net

    def loss(self, t):
        z = [self.net.projector(self.net.features(v)) for v in self.pair(t)]
        return barlow_loss(*z, self.net.bn, self.more["lambda"])


class VICReg(Apart):
    op, case_name, attrs = "vicreg_train", "vicreg_6", dict(SGD, lr=0.002)
    more = {"hidden": 48, "embedding": 24, "invariance": 25, "variance": 25, "covariance": 1}

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector, net.hinge = norm_mlp([], net.dim, 48, 48, 24), nn.ReLU()  # a module, so that its kink is watched
        return net

    def loss(self, t):
        z = [self.net.projector(self.net.features(v)) for v in self.pair(t)]
        return vicreg_loss(*z, *[self.more[k] for k in ("invariance", "variance", "covariance")], relu=self.net.hinge)
