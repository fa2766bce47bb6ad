"""A vision transformer in PyTorch with the structure and the initial values of marr's net.ViT (facebookresearch/dino, vision_transformer.py)."""
import torch
import torch.nn.functional as F
from torch import nn


def attend(q, k, v):
    """Softmax attention of q, k, v [N H T D], by PyTorch's fused kernel if it has one."""
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v)
    return (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1) @ v


class DropPath(nn.Module):
    """Stochastic depth: in training, omits the branch for a fraction of the samples."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        if self.rate == 0 or not self.training:
            return x
        kept = torch.rand(len(x), 1, 1, device=x.device) >= self.rate
        return x * kept / (1 - self.rate)


class Block(nn.Module):
    def __init__(self, width, heads, rate):
        super().__init__()
        self.heads, self.drop = heads, DropPath(rate)
        self.norm1, self.qkv, self.proj = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2, self.fc1, self.fc2 = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.drop(self.proj(attend(q, k, v).transpose(1, 2).reshape(n, t, d)))
        return x + self.drop(self.fc2(F.gelu(self.fc1(self.norm2(x)))))


class ViT(nn.Module):
    """Maps images [N C H W] to the class token, or to the mean of the patch tokens, after the last norm."""

    def __init__(self, channels, patch, width, depth, heads, grid, pool="cls", drop_path=0.0, freeze_patches=False):
        super().__init__()
        self.grid, self.pool, self.dim = grid, pool, width
        self.patches = nn.Conv2d(channels, width, patch, patch).requires_grad_(not freeze_patches)
        self.cls, self.positions = (nn.Parameter(0.02 * torch.randn(1, n, width)) for n in (1, 1 + grid * grid))
        self.blocks = nn.Sequential(*[Block(width, heads, drop_path * i / max(1, depth - 1)) for i in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.trunc_normal_(m.weight, std=0.02)
                nn.init.zeros_(m.bias)

    def positions_for(self, h, w):
        if (h, w) == (self.grid, self.grid):
            return self.positions
        grid = self.positions[:, 1:].reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, size=(h, w), mode="bicubic", align_corners=False)
        return torch.cat([self.positions[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], 1)

    def forward(self, x):
        x = self.patches(x)
        positions = self.positions_for(*x.shape[2:])
        x = torch.cat([self.cls.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], 1) + positions
        x = self.norm(self.blocks(x))
        return x[:, 1:].mean(1) if self.pool == "mean" else x[:, 0]
