"""Golden features and gradients of vision transformers: net/testdata/vit.json.

Run: /usr/bin/python3 tools/golden/vit.py. The schema is in goldenfile.py. The network is timm's VisionTransformer (timm/models/vision_transformer.py)
with dynamic_img_size and num_classes=0, written again in plain PyTorch, since timm is not needed for more; loss = sum(dfeatures * features).
Positions of another grid are interpolated by torch.nn.functional.interpolate, as DINO does (facebookresearch/dino, vision_transformer.py,
interpolate_pos_encoding), with the size in place of its scale_factor. Parameters are inputs, by timm's names; gradients have the same names.
"""
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from goldenfile import draw, dump, result, spec
from networks import fill, from_torch, parameter_specs, to_torch


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-2, -1) * (d // self.heads) ** -0.5).softmax(-1)
        return self.proj((a @ v).transpose(1, 2).reshape(n, t, d))


class Mlp(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(dim, eps=1e-6), Attention(dim, heads)
        self.norm2, self.mlp = nn.LayerNorm(dim, eps=1e-6), Mlp(dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, patch, channels, dim):
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, patch, patch)

    def forward(self, x):
        return self.proj(x)


class ViT(nn.Module):
    def __init__(self, patch, dim, depth, heads, grid, mean, channels=3):
        super().__init__()
        self.grid, self.mean = grid, mean
        self.cls_token, self.pos_embed = nn.Parameter(torch.zeros(1, 1, dim)), nn.Parameter(torch.zeros(1, 1 + grid * grid, dim))
        self.patch_embed = PatchEmbed(patch, channels, dim)
        self.blocks, self.norm = nn.ModuleList([Block(dim, heads) for _ in range(depth)]), nn.LayerNorm(dim, eps=1e-6)

    def positions(self, h, w):
        if (h, w) == (self.grid, self.grid):
            return self.pos_embed
        grid = self.pos_embed[:, 1:].reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, size=(h, w), mode="bicubic", align_corners=False)
        return torch.cat([self.pos_embed[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], 1)

    def forward(self, x):
        x = self.patch_embed(x)
        h, w = x.shape[2:]
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], 1) + self.positions(h, w)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return x[:, 1:].mean(1) if self.mean else x[:, 0]


# name: side of a patch, width, depth, heads, side of the grid of positions, mean of the patch tokens, size of the images
CASES = {
    "vit_patch4_cls": (4, 32, 2, 2, 4, False, (16, 16)),
    "vit_patch2_mean": (2, 24, 2, 3, 5, True, (10, 10)),
    "vit_patch4_smaller": (4, 32, 2, 1, 4, False, (9, 12)),  # the last row of pixels is unused
    "vit_patch2_larger_mean": (2, 24, 1, 2, 3, True, (14, 8)),
}


def check_torchvision():
    """Asserts that ViT computes what torchvision's VisionTransformer does, whose names net/vitnames.go maps to timm's."""
    ours = ViT(4, 32, 2, 2, 4, False).double()
    fill(ours, "torchvision", parameter_specs(ours))
    theirs = torchvision.models.VisionTransformer(image_size=16, patch_size=4, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=128).double().eval()
    theirs.heads = nn.Identity()
    names = [("encoder.pos_embedding", "pos_embed"), ("class_token", "cls_token"), ("conv_proj", "patch_embed.proj"), ("encoder.ln.", "norm."),
             ("encoder.layers.encoder_layer_", "blocks."), ("ln_1", "norm1"), ("ln_2", "norm2"), ("self_attention.in_proj_", "attn.qkv."),
             ("self_attention.out_proj", "attn.proj"), ("mlp.0", "mlp.fc1"), ("mlp.3", "mlp.fc2")]
    values = ours.state_dict()

    def timm(name):
        for a, b in names:
            name = name.replace(a, b)
        return name

    theirs.load_state_dict({name: values.pop(timm(name)) for name in theirs.state_dict()})
    x = to_torch(draw("torchvision", spec("images", (3, 16, 16, 3)), torch.float64))
    assert not values and (ours(x) - theirs(x)).abs().max() < 1e-12


def golden(name, patch, dim, depth, heads, grid, mean, size):
    images, cotangent = spec("images", (3, *size, 3)), spec("dfeatures", (3, dim), of="features")

    def run(dtype):
        net = ViT(patch, dim, depth, heads, grid, mean).to(dtype)
        specs = parameter_specs(net)
        fill(net, name, specs)
        features = net(to_torch(draw(name, images, dtype)))
        (features * draw(name, cotangent, dtype)).sum().backward()
        return specs, features.detach(), {k: from_torch(p.grad) for k, p in net.named_parameters()}

    specs, features, grads = run(torch.float64)
    _, features32, grads32 = run(torch.float32)
    return {"op": "vit", "name": name, "attrs": {"patch": patch, "embed-dim": dim, "depth": depth, "heads": heads, "grid": grid, "mean": int(mean)},
            "inputs": [images] + specs, "cotangents": [cotangent], "outputs": [result(name, "features", features, features32, full=True)],
            "grads": [result(name, k, v, grads32[k], full=False) for k, v in grads.items()]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    check_torchvision()
    dump("net/testdata/vit.json", [golden(name, *shape) for name, shape in CASES.items()])
