"""The methods of torch_ssl.py that predict a class of each image: pretext tasks, its index, and the labels."""
import itertools

import torch
import torch.nn.functional as F
from torch import nn

from torch_methods import Method
from torch_nets import mlp
from torch_paint import window


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


class DIET(Method):
    def build(self, dim, _):
        self.head = nn.Linear(dim, self.r["images"], bias=False)

    def loss(self, x, _):
        logits = self.head(self.net(self.paint.erase(self.paint.normalize(self.paint.view(x)))))
        return F.cross_entropy(logits, self.chosen, label_smoothing=self.r["smoothing"])


class Supervised(Method):
    def build(self, dim, classes):
        self.head = nn.Linear(dim, classes)

    def loss(self, x, labels):
        return self.classify(self.head(self.net(self.paint.normalize(self.paint.view(x)))), labels)
