"""Masked autoencoders."""
import torch
from torch import nn

from goldenfile import spec
from training import BATCH, SGD, STEPS, Method, view_specs
from vit import Block, ViT


def sin_cos(dim, side):
    """Fixed positions of MAE (util/pos_embed.py): zeros for the class token, then of each patch the column in the first half and the row in the second."""
    row, column = (x.flatten().double() for x in torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"))
    omega = 10000 ** (-torch.arange(dim // 4).double() / (dim // 4))
    parts = [f(at[:, None] * omega) for at in (column, row) for f in (torch.sin, torch.cos)]
    return torch.cat([torch.zeros(1, dim).double(), torch.cat(parts, 1)])[None]


class MaskedAutoencoder(ViT):
    """The encoder is vit.ViT, and a decoder of the same blocks follows. Names are those of models_mae.py."""

    def __init__(self, dim, width, side, numbers):
        super().__init__(4, dim, 2, 2, side, True, channels=1)
        del self.pos_embed
        self.register_buffer("pos_embed", sin_cos(dim, side))
        self.register_buffer("decoder_pos_embed", sin_cos(width, side))
        self.mask_token, self.decoder_embed = nn.Parameter(torch.zeros(1, 1, width)), nn.Linear(dim, width)
        self.decoder_blocks, self.decoder_norm = nn.ModuleList([Block(width, 2)]), nn.LayerNorm(width, eps=1e-6)
        self.decoder_pred = nn.Linear(width, numbers)

    def predict(self, x, order, kept):
        """Returns predictions of all patches. order has a random order of the patches of each image, whose first `kept` are visible."""
        n, patches = order.shape
        rows = torch.arange(n)[:, None]
        x = self.patch_embed(x).flatten(2).transpose(1, 2) + self.pos_embed[:, 1:]
        x = torch.cat([(self.cls_token + self.pos_embed[:, :1]).expand(n, -1, -1), x[rows, order[:, :kept]]], 1)
        for block in self.blocks:
            x = block(x)
        x = self.decoder_embed(self.norm(x))
        shuffled = torch.cat([x[:, 1:], self.mask_token.expand(n, patches - kept, -1)], 1)
        x = torch.cat([x[:, :1], shuffled[rows, order.argsort(1)]], 1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.decoder_norm(x))[:, 1:]


class MAE(Method):
    op, case_name, attrs, patches = "mae_train", "mae_0", dict(SGD, lr=0.02), 16  # Adam would follow the rounding of keys' biases, whose gradient is 0
    more = {"patch": 4, "embed-dim": 32, "depth": 2, "heads": 2, "grid": 4, "decoder_dim": 24, "decoder_depth": 1, "decoder_heads": 2, "mask_ratio": 0.75, "norm_pix": 1}
    views = view_specs(BATCH) + [spec("noise%d" % t, (BATCH, 16), 0, 1) for t in range(STEPS)]

    @staticmethod
    def network():
        return MaskedAutoencoder(32, 24, 4, 16)

    def loss(self, t):
        images, noise = self.images(t), self.images(t, "noise")
        kept = int(self.patches * (1 - self.more["mask_ratio"]))
        order = noise.argsort(1)
        target = images.unfold(2, 4, 4).unfold(3, 4, 4).reshape(BATCH, self.patches, 16)  # [N 1 row column y x]
        target = (target - target.mean(2, keepdim=True)) / (target.var(2, keepdim=True) + 1e-6).sqrt()
        removed = torch.ones_like(noise).scatter(1, order[:, :kept], 0)
        errors = (self.net.predict(images, order, kept) - target).pow(2).mean(2)
        return (errors * removed).sum() / removed.sum()

    def margin(self):
        return 1  # there is no kink

    def state(self):
        return dict(super().state(), pos_embed=self.net.pos_embed, decoder_pos_embed=self.net.decoder_pos_embed)
