"""Methods that classify: what was done to an image, which image it is, or its label."""
import torch
import torch.nn.functional as F
from torch import nn

from networks import SmallResNet
from training import ADAMW, BATCH, WIDTH, Method, targets, view_specs


class Rotation(Method):
    op, case_name, classes, views = "rotation_train", "rotation_15", 4, view_specs(BATCH)

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.head = nn.Linear(net.dim, Rotation.classes)
        return net

    def loss(self, t):
        return F.cross_entropy(self.net.head(self.net.features(self.images(t))), torch.tensor(targets(self.case, t, self.classes)))


class Supervised(Rotation):
    op, case_name, classes, lowest = "supervised_train", "supervised_26", 5, -1

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.head = nn.Linear(net.dim, Supervised.classes)
        return net

    def loss(self, t):
        labels = torch.tensor(targets(self.case, t, self.classes, self.lowest))
        return F.cross_entropy(self.net.head(self.net.features(self.images(t))), labels, ignore_index=-1)


class DIET(Rotation):
    op, case_name, classes, more, attrs = "diet_train", "diet_7", 20, {"smoothing": 0.8}, dict(ADAMW, weight_decay=0.05)

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.head = nn.Linear(net.dim, DIET.classes, bias=False)
        return net

    def loss(self, t):
        logits = self.net.head(self.net.features(self.images(t)))
        return F.cross_entropy(logits, torch.tensor(targets(self.case, t, self.classes)), label_smoothing=0.8)


class Jigsaw(Method):
    op, case_name, classes, views = "jigsaw_train", "jigsaw_2", 24, view_specs(4 * BATCH, 10)
    more = {"tiles": 4, "hidden": 20}

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.head = nn.Sequential(nn.Linear(net.dim, 20, bias=False), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(4 * 20, Jigsaw.classes))
        return net

    def loss(self, t):
        tiles = self.net.head[:3](self.net.features(self.images(t)))
        return F.cross_entropy(self.net.head[3](tiles.reshape(BATCH, -1)), torch.tensor(targets(self.case, t, self.classes)))


class NormalisedJigsaw(Jigsaw):
    case_name, more = "jigsaw_normalised_6", dict(Jigsaw.more, normalised=1)

    def images(self, t):
        std, mean = torch.std_mean(super().images(t), (1, 2, 3), unbiased=False, keepdim=True)
        return (super().images(t) - mean) / (std + 1e-3)


class Order(Jigsaw):
    op, case_name, classes, views, more = "order_train", "order_3", 6, view_specs(3 * BATCH), {"hidden": 20}

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.head = nn.Sequential(nn.Linear(net.dim, 20, bias=False), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(3 * 20, Order.classes))
        return net

    def loss(self, t):
        frames = self.net.head[:3](self.net.features(self.images(t)))
        together = frames.reshape(3, BATCH, -1).transpose(0, 1).reshape(BATCH, -1)
        return F.cross_entropy(self.net.head[3](together), torch.tensor(targets(self.case, t, self.classes)))
