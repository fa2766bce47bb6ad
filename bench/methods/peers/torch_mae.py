"""The masked autoencoder of torch_ssl.py."""
import torch
from torch import nn

from torch_methods import Method
from torch_vit import Block


def sin_cos(width, side):
    """Fixed positions [1 1+side*side width]: zeros for the class token, then of each patch the column in the first half and the row in the second."""
    row, column = (x.flatten().float() for x in torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"))
    omega = 10000 ** (-torch.arange(width // 4) / (width // 4))
    parts = [f(at[:, None] * omega) for at in (column, row) for f in (torch.sin, torch.cos)]
    return torch.cat([torch.zeros(1, width), torch.cat(parts, 1)])[None]


class MAE(Method):
    """The encoder is a vision transformer with fixed positions and Xavier's initial values."""

    def build(self, dim, _):
        net, vit, width = self.net, self.r["vit"], self.r["decoder"]["width"]
        self.kept, self.patch = int(net.grid**2 * (1 - self.r["mask"])), vit["patch"]
        del net.positions
        net.register_buffer("positions", sin_cos(dim, net.grid))
        self.register_buffer("decoder_positions", sin_cos(width, net.grid))
        self.mask, self.embed = nn.Parameter(0.02 * torch.randn(1, 1, width)), nn.Linear(dim, width)
        self.blocks = nn.Sequential(*[Block(width, self.r["decoder"]["heads"], 0.0) for _ in range(self.r["decoder"]["depth"])])
        self.norm, self.predict = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, self.patch**2 * net.patches.in_channels)
        nn.init.xavier_uniform_(net.patches.weight.data.view(dim, -1))
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                nn.init.zeros_(m.bias)

    def loss(self, x, _):
        x, net, p = self.paint.normalize(self.paint.view(x)), self.net, self.patch
        n, patches, rows = len(x), net.grid**2, torch.arange(len(x))[:, None]
        order = torch.rand(n, patches).argsort(1)
        tokens = net.patches(x).flatten(2).transpose(1, 2) + net.positions[:, 1:]
        tokens = torch.cat([(net.cls + net.positions[:, :1]).expand(n, -1, -1), tokens[rows, order[:, :self.kept]]], 1)
        tokens = self.embed(net.norm(net.blocks(tokens)))
        shuffled = torch.cat([tokens[:, 1:], self.mask.expand(n, patches - self.kept, -1)], 1)
        tokens = torch.cat([tokens[:, :1], shuffled[rows, order.argsort(1)]], 1) + self.decoder_positions
        predicted = self.predict(self.norm(self.blocks(tokens)))[:, 1:]
        target = x.unfold(2, p, p).unfold(3, p, p).permute(0, 2, 3, 4, 5, 1).reshape(n, patches, -1)
        if self.r["norm_pixels"]:
            target = (target - target.mean(2, keepdim=True)) / (target.var(2, keepdim=True) + 1e-6).sqrt()
        removed = order[:, self.kept:]
        return (predicted[rows, removed] - target[rows, removed]).pow(2).mean()
