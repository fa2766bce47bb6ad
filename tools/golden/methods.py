"""Golden losses, gradients and training of the methods other than SimCLR: ssl/testdata/{byol,simsiam,barlow,vicreg,dino,rotation,
jigsaw,order,supervised,mocov2,mocov3,nnclr,swav,lejepa,visreg,mae,diet,distill}.json.

Run: /usr/bin/python3 tools/golden/methods.py [method ...]; "methods.py search [method ...]" prints the numbers by which the names of the cases were chosen
(training.search). The schema is in goldenfile.py. A step has N = "batch" images; rows i and i+N of "views<t>"
[2N 16 16 1] are the two views of image i. "grads" are all gradients of the first step, before clipping and freezing. EMA parameters are
p' <- m p' + (1-m) p after the optimizer, m_k = 1 - (1-ema)(cos(pi k/K)+1)/2 at step k = 0 ... K-1; they start as copies, and their running
statistics come from their own forward passes in training mode. Names are torchvision's, those of EMA networks after a prefix.

op "byol_loss"     inputs p1, p2, z1, z2 [N D]; loss = mean(2 - 2cos(p1, z2)) + mean(2 - 2cos(p2, z1)).
op "simsiam_loss"  the same inputs; loss = -mean cos(p1, z2)/2 - mean cos(p2, z1)/2. Gradients for p1 and p2; z is constant in both.
op "dino_loss"     inputs t1, t2 (teacher), s1, s2, ... (student) [N K] logits, "centre" [K]; outputs "loss", "new_centre"; gradients for s.
op "barlow_loss"   inputs z1, z2 [N D]; facebookresearch/barlowtwins, main.py.
op "vicreg_loss"   the same inputs; facebookresearch/vicreg, main_vicreg.py.
op "lejepa_loss", "visreg_loss" inputs z1, z2, ... [N D] of "views" views, of which the first "globals" are global, and directions [S D].
op "byol_train"    one forward per view, in the order of the views; projector.{0,1,3}, predictor.{0,1,3}; "target." + names.
op "simsiam_train" as byol_train; projector.{0,1,3,4,6,7} (no biases in 0, 3 and 6, no scale and bias in 7), predictor.{0,1,3}.
op "barlow_train", "vicreg_train" as byol_train; projector.{0,1,3,4,6} without biases in 0, 3 and 6; Barlow Twins: bn without scale and shift.
op "dino_train"    both views in one forward of the student's backbone, "locals<t>" [N*locals 10 10 1] of all local views (view by view) in
                   another, the features of all of them in one forward of its head; both views in one forward of the teacher. head.{0,2,4}.weight/bias, exact GELU, head.last.weight (used with normalized rows); if "normed" is 1,
                   a batch norm precedes each GELU and the linear layer before it has no bias: head.{0,1,3,4,6};
                   "teacher." + names; "centre" [K] from zeros. Clipped per parameter to norm "clip": g clip/(norm + 1e-6). head.last has
                   no gradient in the first "frozen" steps: no weight decay, no moments; AdamW's bias correction counts later steps only.
                   "koleo" times KoLeo of the student's features of each view is added (facebookresearch/dinov2, loss/koleo_loss.py).
op "mocov2_train"  as byol_train, but without a predictor and with a constant m; projector.{0,2}. "queue" [K D] are the keys before the first step and, as an
                   output, after the last: step t replaces rows (t M + i) mod K, i = 0 ... M-1, M = N, or 2 N if "symmetric" is 1.
op "mocov3_train"  as byol_train; projector and predictor without biases; if "predictor_norm" is 1, the predictor ends in a batch norm without scale and bias.
op "nnclr_train"   as byol_train, but without target; projector.{0,1,3,4,6,7}, "queue" as in mocov2_train.
op "swav_train"    views and locals as in dino_train; projector.{0,1,3}, prototypes.weight (used with normalized rows, without gradient in the first "frozen"
                   steps). If "queue" is above 0, "queue1" and "queue2" [K D] hold z of the global views; they are used once all rows were replaced.
op "lejepa_train", "visreg_train" views and locals as in dino_train, all features in one forward of projector.{0,1,3,4,6}, without biases in 0 and 3;
                   "directions<t>" [S D] are the directions of step t.
op "mae_train"     views [N 16 16 1], "noise<t>" [N 16]: the patches of the smallest numbers are visible; names of models_mae.py. The fixed positions are
                   outputs.
op "diet_train"    views [N 16 16 1], "targets<t>" [N] are the indices of the images; head.weight; label smoothing "smoothing".
op "distill_train" views [N 16 16 1], "teacher<t>" [N D]; projector.weight/bias; "queue" as in mocov2_train, with the normalized rows of the teacher.
op "rotation_train" views [N 16 16 1], "targets<t>" [N]; head.weight, head.bias.
op "jigsaw_train"  views [N*4 10 10 1]: the tiles of image i are rows 4i ... 4i+3, in one batch-norm population; head.0 without bias, head.1
                   batch norm over all tiles, ReLU, concatenation of the tiles of an image [N 4*hidden], head.3 to permutations. If
                   "normalised" is 1, each tile is normalized first: minus its mean, divided by its standard deviation (biased) + 1e-3.
op "order_train"   views [N*3 16 16 1]: rows N*f ... N*f+N-1 are frame f of all images; the head of jigsaw_train, without normalization.
op "supervised_train" views [N 16 16 1], "targets<t>" [N], -1 for an image without a label, which does not count; head.weight, head.bias.
"""
import sys

import torch
import torch.nn.functional as F
from torch import nn

from dino import DINO, KoLeoDINO, MultiCrop, NormedMultiCrop
from goldenfile import draw, dump, spec
from losses import (CENTRE, barlow_loss, byol_loss, cross_entropy_of_rows, dino_loss, joint_loss, lejepa_regularizer,
                    new_centre, simsiam_loss, sinkhorn, unit, vicreg_loss, visreg_projections, visreg_regularizer)
from masked import MAE
from networks import SmallResNet, norm_mlp, projector
from pretext import DIET, Jigsaw, NormalisedJigsaw, Order, Rotation, Supervised
from siamese import BYOL, EMA, SLOW, Apart, BarlowTwins, SimSiam, VICReg, WithEMA
from training import ADAMW, BATCH, STEPS, WIDTH, Method, loss_case, search, train_case, view_specs


class Queued(Apart):
    """Has queues whose first rows are streams."""
    length, queues = 40, ["queue"]
    views = Apart.views + [spec("queue", (40, 24), -0.3, 0.3)]

    def __init__(self, case, dtype):
        super().__init__(case, dtype)
        self.queue = {s["name"]: draw(case, s, dtype) for s in self.views if s["name"] in self.queues}

    def push(self, t, name, rows):
        self.queue[name][(t * len(rows) + torch.arange(len(rows))) % self.length] = rows.detach()

    def state(self):
        return dict(super().state(), **self.queue)


class MoCoV3(Apart, WithEMA):
    op, case_name, attrs, tau = "mocov3_train", "mocov3_11", SLOW, 0.2
    more = {"hidden": 48, "embedding": 24, "predictor_hidden": 40, "layers": 2, "temperature": 0.2, "ema": EMA}

    def __init__(self, case, dtype):
        super().__init__(case, dtype)
        self.target = self.copied("target.", without=["predictor"])

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector, net.predictor = norm_mlp([nn.BatchNorm1d(24, affine=False)], net.dim, 48, 24), norm_mlp([], 24, 40, 24)
        return net

    def loss(self, t):
        views = self.pair(t)
        q = [unit(self.net.predictor(self.net.projector(self.net.features(v)))) for v in views]
        k = [unit(self.target.projector(self.target.features(v))).detach() for v in views]
        return 2 * self.tau * (cross_entropy_of_rows(q[0], k[1], self.tau) + cross_entropy_of_rows(q[1], k[0], self.tau))


class MoCoV3OfTransformers(MoCoV3):
    case_name, more = "mocov3_transformer_25", dict(MoCoV3.more, layers=3, predictor_norm=1)

    @staticmethod
    def network():
        net, last = SmallResNet(WIDTH, 1), lambda: [nn.BatchNorm1d(24, affine=False)]
        net.projector, net.predictor = norm_mlp(last(), net.dim, 48, 48, 24), norm_mlp(last(), 24, 40, 24)
        return net


class MoCoV2(Queued, WithEMA):
    op, case_name, attrs, symmetric = "mocov2_train", "mocov2_6", SLOW, False
    more = {"hidden": 48, "embedding": 24, "queue": 40, "temperature": 0.2, "ema": EMA}

    def __init__(self, case, dtype):
        super().__init__(case, dtype)
        self.target = self.copied("target.")

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector = nn.Sequential(nn.Linear(net.dim, 48), nn.ReLU(), nn.Linear(48, 24))
        return net

    def direction(self, view, other):
        q, k = unit(self.net.projector(self.net.features(view))), unit(self.target.projector(self.target.features(other))).detach()
        self.keys.append(k)
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ self.queue["queue"].clone().t()], 1) / 0.2
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))

    def loss(self, t):
        (a, b), self.keys = self.pair(t), []
        return self.direction(a, b) + self.direction(b, a) if self.symmetric else self.direction(a, b)

    def after(self, t):
        with torch.no_grad():
            for p, now in zip(self.target.parameters(), self.net.parameters()):
                p.copy_(EMA * p + (1 - EMA) * now)
        self.push(t, "queue", torch.cat(self.keys))


class SymmetricMoCoV2(MoCoV2):
    case_name, symmetric, more = "mocov2_symmetric_2", True, dict(MoCoV2.more, symmetric=1)


class NNCLR(Queued):
    op, case_name, attrs = "nnclr_train", "nnclr_0", SLOW
    more = {"hidden": 48, "embedding": 24, "predictor_hidden": 40, "queue": 40, "temperature": 0.5}

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector, net.predictor = norm_mlp([nn.BatchNorm1d(24)], net.dim, 48, 48, 24), projector(24, 40, 24)
        return net

    def loss(self, t):
        z = [self.net.projector(self.net.features(v)) for v in self.pair(t)]
        p, self.z = [unit(self.net.predictor(x)) for x in z], [unit(x).detach() for x in z]
        nn1, nn2 = [self.neighbors(x) for x in self.z]
        return (cross_entropy_of_rows(nn1, p[1], 0.5) + cross_entropy_of_rows(nn2, p[0], 0.5)) / 2

    def neighbors(self, z):
        similarities = z @ self.queue["queue"].t()
        top = similarities.topk(2, dim=1).values
        self.gap = min(getattr(self, "gap", 1), float((top[:, 0] - top[:, 1]).min()))
        return self.queue["queue"][similarities.argmax(1)]

    def margin(self):
        return self.gap

    def after(self, t):
        self.push(t, "queue", self.z[0])


class SwAV(Method):
    op, case_name, attrs, prototypes, frozen, locals = "swav_train", "swav_3", SLOW, 30, 2, 2
    more = {"hidden": 40, "embedding": 16, "prototypes": 30, "temperature": 0.1, "epsilon": 0.05, "frozen": 2, "locals": 2}
    views = Method.views + view_specs(2 * BATCH, 10, "locals")

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector, net.prototypes = projector(net.dim, 40, 16), nn.Linear(16, SwAV.prototypes, bias=False)
        return net

    def codes(self, t, i):
        return sinkhorn(self.scores[i].detach())

    def loss(self, t):
        features = [self.net.features(v) for v in (self.images(t), self.images(t, "locals"))]
        z = unit(self.net.projector(torch.cat(features)))
        self.z, self.scores = z.detach().split(BATCH), F.linear(z, unit(self.net.prototypes.weight)).split(BATCH)
        codes, loss = [self.codes(t, i) for i in range(2)], 0
        for i in range(2):
            others = [j for j in range(len(self.scores)) if j != i]
            loss += sum(-(codes[i] * F.log_softmax(self.scores[j] / 0.1, dim=1)).sum(1).mean() for j in others) / len(others) / 2
        return loss

    def before(self, t, opt):
        if t < self.frozen:
            self.net.prototypes.weight.grad = None


class QueuedSwAV(Queued, SwAV):
    case_name, batch, length, queues, more = "swav_queue_34", BATCH, 20, ["queue1", "queue2"], dict(SwAV.more, queue=20)
    views = SwAV.views + [spec("queue%d" % i, (20, 16), -0.3, 0.3) for i in (1, 2)]

    def codes(self, t, i):
        if t * BATCH < self.length:
            return super().codes(t, i)
        queued = F.linear(self.queue["queue%d" % (i + 1)], unit(self.net.prototypes.weight.detach()))
        return sinkhorn(torch.cat([queued, self.scores[i].detach()]))[-BATCH:]

    def after(self, t):
        for i in range(2):
            self.push(t, "queue%d" % (i + 1), self.z[i])


class LeJEPA(Method):
    """Two global and two local views."""
    op, case_name, attrs, regularizer = "lejepa_train", "lejepa_38", SLOW, staticmethod(lejepa_regularizer)
    more = {"hidden": 48, "embedding": 16, "lambda": 0.1, "slices": 12, "locals": 2}
    views = Method.views + view_specs(2 * BATCH, 10, "locals") + [spec("directions%d" % t, (12, 16), -0.4, 0.4) for t in range(STEPS)]

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector = norm_mlp([], net.dim, 48, 48, 16)
        net.projector[-1] = nn.Linear(48, 16)
        return net

    def loss(self, t):
        features = [self.net.features(v) for v in (self.images(t), self.images(t, "locals"))]
        self.z = self.net.projector(torch.cat(features)).view(4, BATCH, -1)
        self.directions = draw(self.case, next(s for s in self.views if s["name"] == "directions%d" % t), self.dtype)
        return joint_loss(self.z, self.directions, 2, self.more["lambda"], self.regularizer)


class VISReg(LeJEPA):
    op, case_name, regularizer, gap = "visreg_train", "visreg_2", staticmethod(visreg_regularizer), float("inf")
    more = dict(LeJEPA.more, **{"lambda": 0.6})

    def loss(self, t):
        loss = super().loss(t)
        p = visreg_projections(self.z.detach(), self.directions)[2].sort(dim=1).values
        self.gap = min(self.gap, float((p[:, 1:] - p[:, :-1]).min()))
        return loss

    def margin(self):
        return self.gap


class Distill(Queued):
    op, case_name, attrs, more = "distill_train", "distill_16", ADAMW, {"queue": 40, "temperature": 0.07}
    views = view_specs(Queued.batch) + [spec("queue", (40, 12), -0.3, 0.3)] + [spec("teacher%d" % t, (Queued.batch, 12)) for t in range(STEPS)]

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector = nn.Linear(net.dim, 12)
        return net

    def loss(self, t):
        self.teacher, student = unit(self.images(t, "teacher")), unit(self.net.projector(self.net.features(self.images(t))))
        queue = torch.cat([self.teacher, self.queue["queue"].clone()]) / 0.07
        p, log_q = F.softmax(self.teacher @ queue.t(), dim=1), F.log_softmax(student @ queue.t(), dim=1)
        return F.kl_div(log_q, p, reduction="batchmean")

    def after(self, t):
        self.push(t, "queue", self.teacher)


def pair_case(op, loss, n, d):
    inputs = [spec(k, (n, d)) for k in ("p1", "p2", "z1", "z2")]
    return loss_case(op, "%s_%dx%d" % (op, n, d), {}, inputs, loss, ["p1", "p2"])


def barlow_case(n, d, weight):
    return loss_case("barlow_loss", "barlow_loss_%dx%d" % (n, d), {"lambda": weight}, [spec("z1", (n, d)), spec("z2", (n, d))],
                     lambda z1, z2: barlow_loss(z1, z2, nn.BatchNorm1d(d, affine=False).to(z1.dtype), weight))


def vicreg_case(n, d, size, *weights):
    attrs = dict(zip(("invariance", "variance", "covariance"), weights))
    return loss_case("vicreg_loss", "vicreg_loss_%dx%d" % (n, d), attrs, [spec(k, (n, d), -size, size) for k in ("z1", "z2")],
                     lambda z1, z2: vicreg_loss(z1, z2, *weights))


def dino_case(n, k, locals_, tau=DINO.tau):
    students = ["s%d" % (i + 1) for i in range(2 + locals_)]
    inputs = [spec(name, (n, k)) for name in ["t1", "t2"] + students] + [spec("centre", (k,), -0.3, 0.3)]

    def loss(**x):
        teachers = [x["t1"], x["t2"]]
        return {"loss": dino_loss([x[s] for s in students], teachers, x["centre"], tau), "new_centre": new_centre(x["centre"], teachers)}
    attrs = dict(tau, centre_momentum=CENTRE, locals=locals_)
    return loss_case("dino_loss", "dino_loss_%dx%d_%d_locals" % (n, k, locals_), attrs, inputs, loss, students)


def joint_case(op, regularizer, views, globals_, n, d, slices, weight):
    """The directions are not unit vectors, which the loss does not require."""
    inputs = [spec("z%d" % (v + 1), (n, d), -2, 3) for v in range(views)] + [spec("directions", (slices, d), -0.5, 0.5)]
    attrs = {"lambda": weight, "slices": slices, "views": views, "globals": globals_}
    return loss_case(op, "%s_%dx%dx%d_%d" % (op, views, n, d, slices), attrs, inputs,
                     lambda directions, **z: joint_loss(torch.stack(list(z.values())), directions, globals_, weight, regularizer),
                     [s["name"] for s in inputs[:-1]])


FILES = {
    "byol": ([BYOL], lambda: [pair_case("byol_loss", byol_loss, 5, 7), pair_case("byol_loss", byol_loss, 3, 12)]),
    "simsiam": ([SimSiam], lambda: [pair_case("simsiam_loss", simsiam_loss, 4, 9), pair_case("simsiam_loss", simsiam_loss, 3, 12)]),
    "barlow": ([BarlowTwins], lambda: [barlow_case(5, 7, 0.0051), barlow_case(16, 3, 0.5)]),
    "vicreg": ([VICReg], lambda: [vicreg_case(5, 7, 1, 25, 25, 1), vicreg_case(16, 3, 2, 2, 3, 5)]),
    "dino": ([DINO, MultiCrop, NormedMultiCrop, KoLeoDINO], lambda: [dino_case(5, 11, 0), dino_case(4, 7, 2)]),
    "mocov2": ([MoCoV2, SymmetricMoCoV2], lambda: []),
    "mocov3": ([MoCoV3, MoCoV3OfTransformers], lambda: []),
    "nnclr": ([NNCLR], lambda: []),
    "swav": ([SwAV, QueuedSwAV], lambda: []),
    "lejepa": ([LeJEPA], lambda: [joint_case("lejepa_loss", lejepa_regularizer, 3, 2, 5, 7, 8, 0.02), joint_case("lejepa_loss", lejepa_regularizer, 2, 2, 33, 12, 4, 0.5)]),
    "visreg": ([VISReg], lambda: [joint_case("visreg_loss", visreg_regularizer, 3, 2, 5, 7, 9, 0.6), joint_case("visreg_loss", visreg_regularizer, 2, 2, 33, 12, 4, 0.9)]),
    "mae": ([MAE], lambda: []),
    "diet": ([DIET], lambda: []),
    "distill": ([Distill], lambda: []),
    "rotation": ([Rotation], lambda: []),
    "jigsaw": ([Jigsaw, NormalisedJigsaw], lambda: []),
    "order": ([Order], lambda: []),
    "supervised": ([Supervised], lambda: []),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    names = sys.argv[1:]
    searching = names[:1] == ["search"]
    for name in names[searching:] or FILES:
        methods, losses = FILES[name]
        if searching:
            for m in methods:
                search(m, m.case_name.rstrip("0123456789"))
        else:
            dump("ssl/testdata/%s.json" % name, losses() + [train_case(m, m.case_name) for m in methods])
