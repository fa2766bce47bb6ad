"""DINO, with its head and with views of two sizes."""
import torch
import torch.nn.functional as F
from torch import nn

from losses import CENTRE, dino_loss, new_centre, unit
from networks import SmallResNet
from siamese import EMA, WithEMA
from training import ADAMW, BATCH, WIDTH, view_specs


class Head(nn.Sequential):
    """DINO's head: three linear layers with GELU, L2 normalization, and a linear layer with normalized rows (weight_norm with fixed g = 1)."""

    def __init__(self, inside, hidden, bottleneck, prototypes, norm=False):
        norms = [[nn.BatchNorm1d(hidden)] if norm else [] for _ in range(2)]
        super().__init__(nn.Linear(inside, hidden, not norm), *norms[0], nn.GELU(), nn.Linear(hidden, hidden, not norm), *norms[1], nn.GELU(),
                         nn.Linear(hidden, bottleneck))
        self.last = nn.Linear(bottleneck, prototypes, bias=False)

    def forward(self, x):
        for layer in list(self)[:-1]:
            x = layer(x)
        return F.linear(F.normalize(x, dim=1), F.normalize(self.last.weight, dim=1))


class DINO(WithEMA):
    locals, prototypes, tau = 0, 32, {"student_temperature": 0.1, "teacher_temperature": 0.04}
    op, case_name, attrs = "dino_train", "dino_19", dict(ADAMW, weight_decay=0.04)
    more = dict(tau, hidden=40, bottleneck=16, prototypes=prototypes, ema=EMA, centre_momentum=CENTRE, clip=3, frozen=3, locals=0)

    def __init__(self, case, dtype):
        super().__init__(case, dtype)
        self.teacher, self.centre = self.copied("teacher."), torch.zeros(self.prototypes, dtype=dtype)

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.head = Head(net.dim, 40, 16, DINO.prototypes)
        return net

    def loss(self, t):
        globals_ = self.images(t)
        sizes = [globals_] + ([self.images(t, "locals")] if self.locals else [])
        self.features = torch.cat([self.net.features(v) for v in sizes])
        students = self.net.head(self.features).split(BATCH)
        self.logits = self.teacher.head(self.teacher.features(globals_)).split(BATCH)
        return dino_loss(students, self.logits, self.centre, self.tau)

    def before(self, t, opt):
        for p in self.net.parameters():
            norm = p.grad.norm()
            self.clipped = getattr(self, "clipped", 0) + int(norm > self.more["clip"])
            p.grad *= min(1, self.more["clip"] / (norm + 1e-6))
        if t < self.more["frozen"]:
            self.net.head.last.weight.grad = None

    def after(self, t):
        super().after(t)
        self.centre = new_centre(self.centre, self.logits)

    def state(self):
        return dict(super().state(), centre=self.centre)


class MultiCrop(DINO):
    locals, case_name, more = 2, "dino_locals_17", dict(DINO.more, locals=2)
    views = DINO.views + view_specs(2 * BATCH, 10, "locals")


class KoLeoDINO(DINO):
    case_name, more = "dino_koleo_21", dict(DINO.more, koleo=0.1)

    def loss(self, t):
        loss = super().loss(t)
        return loss + sum(0.1 * self.koleo(unit(f)) for f in self.features.split(BATCH))

    def koleo(self, x):
        """The gap between the two greatest similarities of a row is the distance to a kink."""
        dots = (x @ x.t()).detach().fill_diagonal_(-2)
        top = dots.topk(2, dim=1).values
        self.gap = min(getattr(self, "gap", 1), float((top[:, 0] - top[:, 1]).min()))
        return -torch.log(F.pairwise_distance(x, x[dots.argmax(1)], p=2, eps=1e-8) + 1e-8).mean()

    def margin(self):
        return self.gap


class NormedMultiCrop(MultiCrop):
    case_name, more = "dino_normed_locals_13", dict(MultiCrop.more, normed=1)

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.head = Head(net.dim, 40, 16, DINO.prototypes, norm=True)
        return net
