"""Golden features and gradients of ConvNeXts: net/testdata/convnext.json.

Run: /usr/bin/python3 tools/golden/convnext.py. The schema is in goldenfile.py. The network is timm's ConvNeXt (timm/models/convnext.py) with num_classes=0,
written again in plain PyTorch, since timm is not needed for more; loss = sum(dfeatures * features). Parameters are inputs, by timm's names; gradients have
the same names.
"""
import torch
import torchvision
from torch import nn

from goldenfile import draw, dump, result, spec
from networks import fill, from_torch, parameter_specs, to_torch
from vit import Mlp

DEPTHS = {"convnext-atto": (2, 2, 6, 2), "convnext-nano": (2, 2, 8, 2), "convnext-tiny": (3, 3, 9, 3)}


class LayerNorm2d(nn.LayerNorm):
    def __init__(self, dim):
        super().__init__(dim, eps=1e-6)

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.conv_dw = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm, self.mlp, self.gamma = nn.LayerNorm(dim, eps=1e-6), Mlp(dim), nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return x + (self.gamma * self.mlp(self.norm(self.conv_dw(x).permute(0, 2, 3, 1)))).permute(0, 3, 1, 2)


class Stage(nn.Module):
    def __init__(self, inside, dim, depth):
        super().__init__()
        self.downsample = nn.Identity() if inside is None else nn.Sequential(LayerNorm2d(inside), nn.Conv2d(inside, dim, 2, 2))
        self.blocks = nn.Sequential(*[Block(dim) for _ in range(depth)])

    def forward(self, x):
        return self.blocks(self.downsample(x))


class Head(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, x):
        return self.norm(x.mean((2, 3)))


class ConvNeXt(nn.Module):
    def __init__(self, depths, width, patch, channels=3):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, width, patch, patch), LayerNorm2d(width))
        self.stages = nn.Sequential(*[Stage(None if i == 0 else width << i - 1, width << i, depth) for i, depth in enumerate(depths)])
        self.head = Head(8 * width)

    def forward(self, x):
        return self.head(self.stages(self.stem(x)))


# name: size, width, side of the patches of the stem, size of the images
CASES = {
    "convnext_atto_patch2": ("convnext-atto", 8, 2, (16, 16)),
    "convnext_atto_patch1": ("convnext-atto", 5, 1, (9, 14)),  # pixels at the right and at the bottom are unused
    "convnext_tiny_patch4": ("convnext-tiny", 4, 4, (32, 48)),
}


def check_torchvision():
    """Asserts that ConvNeXt computes what torchvision's does, whose names net/convnextnames.go maps to timm's."""
    ours = ConvNeXt(DEPTHS["convnext-tiny"], 8, 4).double()
    fill(ours, "torchvision", parameter_specs(ours))
    sizes = [torchvision.models.convnext.CNBlockConfig(8 << i, 16 << i if i < 3 else None, depth) for i, depth in enumerate(DEPTHS["convnext-tiny"])]
    theirs = torchvision.models.ConvNeXt(sizes).double().eval()
    theirs.classifier[2] = nn.Identity()
    values = ours.state_dict()

    def timm(name):
        part, rest = name.split(".", 1)
        if part == "classifier":
            return "head.norm." + rest.split(".")[1]
        stage, at, rest = rest.split(".", 2)
        stage = int(stage)
        if stage == 0:
            return "stem.%s.%s" % (at, rest)
        if stage % 2 == 0:
            return "stages.%d.downsample.%s.%s" % (stage // 2, at, rest)
        for a, b in ("block.0", "conv_dw"), ("block.2", "norm"), ("block.3", "mlp.fc1"), ("block.5", "mlp.fc2"), ("layer_scale", "gamma"):
            rest = rest.replace(a, b)
        return "stages.%d.blocks.%s.%s" % (stage // 2, at, rest)

    theirs.load_state_dict({name: values.pop(timm(name)).reshape(v.shape) for name, v in theirs.state_dict().items()})
    x = to_torch(draw("torchvision", spec("images", (3, 64, 64, 3)), torch.float64))
    assert not values and (ours(x) - theirs(x)).abs().max() < 1e-12


def golden(name, arch, width, patch, size):
    images, cotangent = spec("images", (3, *size, 3)), spec("dfeatures", (3, 8 * width), of="features")

    def run(dtype):
        net = ConvNeXt(DEPTHS[arch], width, patch).to(dtype)
        specs = parameter_specs(net)
        fill(net, name, specs)
        features = net(to_torch(draw(name, images, dtype)))
        (features * draw(name, cotangent, dtype)).sum().backward()
        return specs, features.detach(), {k: from_torch(p.grad) for k, p in net.named_parameters()}

    specs, features, grads = run(torch.float64)
    _, features32, grads32 = run(torch.float32)
    return {"op": arch, "name": name, "attrs": {"width": width, "stem-patch": patch},
            "inputs": [images] + specs, "cotangents": [cotangent], "outputs": [result(name, "features", features, features32, full=True)],
            "grads": [result(name, k, v, grads32[k], full=False) for k, v in grads.items()]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    check_torchvision()
    dump("net/testdata/convnext.json", [golden(name, *shape) for name, shape in CASES.items()])
