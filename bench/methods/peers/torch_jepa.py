"""The methods of torch_ssl.py that regularize the distribution of the embeddings."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from torch_methods import Method
from torch_nets import norm_mlp


class LeJEPA(Method):
    def build(self, dim, _):
        h, out = self.r["hidden"], self.r["out"]
        self.projector = norm_mlp([dim, h, h, out])
        self.projector[-1] = nn.Linear(h, out)

    def projections(self, z):
        return z @ F.normalize(torch.randn(z.shape[-1], self.r["slices"]), dim=0)

    def regularizer(self, z):
        """SIGReg of each view, by the trapezoidal rule over 0 … 3, doubled."""
        t = torch.linspace(0, 3, 17)
        normal = torch.exp(-t * t / 2)
        angles = self.projections(z).unsqueeze(-1) * t
        error = (angles.cos().mean(1) - normal).square() + angles.sin().mean(1).square()
        return z.shape[1] * 2 * torch.trapezoid(error * normal, t).mean()

    def loss(self, x, _):
        views, small = self.paint.pair(x), self.paint.locals(x)
        f = torch.cat([self.net(torch.cat(v)) for v in (views, small) if v])
        z = torch.stack(self.projector(f).chunk(len(views) + len(small)))
        distance = (z[:2].mean(0) - z).square().mean()
        return (1 - self.r["weight"]) * distance + self.r["weight"] * self.regularizer(z)


class VISReg(LeJEPA):
    def regularizer(self, z):
        n, mean = z.shape[1], z.mean(1, keepdim=True)
        std = (z - mean).square().mean(1, keepdim=True).clamp(min=1e-12).sqrt()
        quantiles = math.sqrt(2) * torch.erfinv(2 * torch.arange(1, n + 1) / (n + 1) - 1)
        shape = self.projections((z - mean) / std.detach()).sort(1).values - quantiles.view(1, n, 1)
        return mean.square().mean() + (std - 1).square().mean() + shape.square().mean()
