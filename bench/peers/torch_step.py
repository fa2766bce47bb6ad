"""Measures the SimCLR training step of `marr bench step` in PyTorch and prints one line of JSON.

    python3 torch_step.py --arch resnet18 --stem cifar --width 64 --batch 256 --size 32 --steps 10 [--amp] [--device cuda|cpu]
    python3 torch_step.py --arch vit-tiny --patch 4 --embed-dim 192 --depth 12 --heads 3 --grid 8 --pool cls --batch 256 --size 32 --steps 10

The step matches marr's in: network (basic blocks, bottlenecks or a vision transformer, no classifier), projector (dim, dim, 64), batch statistics
over both views together, NT-Xent with temperature 0.2 on normalized embeddings, Adam; the host gathers gray uint8 images of 32 px and copies them to the
device, which paints two views of each. In fp32, TF32 is off. cuDNN runs in benchmark mode, Adam is fused if torch supports it.
The comparison favors PyTorch: crops are bilinear without antialiasing, jitter has a fixed order, gradients are not checked for infinities, and
the loss is not read back. On a CPU, PyTorch uses one thread or all, whichever is faster. --amp: autocast to half precision with loss scaling and
channels last, on CUDA only.
"""
import argparse
import json
import math
import os
import time

import torch
import torch.nn.functional as F
from torch import nn

from torch_vit import ViT

BLOCKS = {"resnet10": [1, 1, 1, 1], "resnet18": [2, 2, 2, 2], "resnet34": [3, 4, 6, 3], "resnet50": [3, 4, 6, 3]}
TRANSFORMERS = ["vit-base", "vit-small", "vit-tiny"]
SOURCE, CHANNELS, EMBEDDING, TEMPERATURE, WARM = 32, 1, 64, 0.2, 3


def conv(channels, out, kernel, stride=1):
    return nn.Sequential(nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out))


class Block(nn.Module):
    """torchvision's BasicBlock, or its Bottleneck if expansion is 4."""

    def __init__(self, channels, mid, stride, expansion):
        super().__init__()
        out = mid * expansion
        if expansion == 1:
            layers = [conv(channels, mid, 3, stride), nn.ReLU(True), conv(mid, out, 3)]
        else:
            layers = [conv(channels, mid, 1), nn.ReLU(True), conv(mid, mid, 3, stride), nn.ReLU(True), conv(mid, out, 1)]
        self.body = nn.Sequential(*layers)
        self.down = conv(channels, out, 1, stride) if stride != 1 or channels != out else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.down(x), True)


def resnet(arch, stem, width):
    """Returns the layers and the width of their features."""
    expansion = 4 if arch == "resnet50" else 1
    layers = [conv(CHANNELS, width, 7 if stem == "imagenet" else 3, 1 if stem == "cifar" else 2), nn.ReLU(True)]
    if stem == "imagenet":
        layers.append(nn.MaxPool2d(3, 2, 1))
    channels = width
    for stage, blocks in enumerate(BLOCKS[arch]):
        for b in range(blocks):
            layers.append(Block(channels, width << stage, 2 if stage and not b else 1, expansion))
            channels = (width << stage) * expansion
    return [*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()], channels


def network(o):
    if o.arch in TRANSFORMERS:
        layers, dim = [ViT(CHANNELS, o.patch, o.embed_dim, o.depth, o.heads, o.grid, o.pool, o.drop_path)], o.embed_dim
    else:
        layers, dim = resnet(o.arch, o.stem, o.width)
    return nn.Sequential(*layers, nn.Linear(dim, dim, bias=False), nn.BatchNorm1d(dim), nn.ReLU(True), nn.Linear(dim, EMBEDDING))


def ntxent(z):
    z = F.normalize(z.float(), dim=1)
    n = z.shape[0] // 2
    logits = (z @ z.t() / TEMPERATURE).masked_fill(torch.eye(2 * n, dtype=torch.bool, device=z.device), -1e9)
    return F.cross_entropy(logits, (torch.arange(2 * n, device=z.device) + n) % (2 * n))


def uniform(n, low, high):
    return torch.empty(n, 1, 1, 1).uniform_(low, high)


def view(images, size):
    """Returns one view of each image [N C H W] in 0 … 1: crop 0.2-1, flip, brightness and contrast 0.4 at p 0.8, normalized."""
    n, device = images.shape[0], images.device
    area, ratio = torch.empty(n).uniform_(0.2, 1), torch.exp(torch.empty(n).uniform_(math.log(3 / 4), math.log(4 / 3)))
    w, h = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    x, y = (1 - w) * (2 * torch.rand(n) - 1), (1 - h) * (2 * torch.rand(n) - 1)
    flip, jitter, zero = 1 - 2 * (torch.rand(n) < 0.5).float(), (torch.rand(n) < 0.8).float().view(n, 1, 1, 1), torch.zeros(n)
    theta = torch.stack([w * flip, zero, x, zero, h, y], 1).view(n, 2, 3).to(device, non_blocking=True)
    bright = (1 + jitter * (uniform(n, 0.6, 1.4) - 1)).to(device, non_blocking=True)
    contrast = (1 + jitter * (uniform(n, 0.6, 1.4) - 1)).to(device, non_blocking=True)
    v = F.grid_sample(images, F.affine_grid(theta, [n, CHANNELS, size, size], align_corners=False), padding_mode="border", align_corners=False)
    v = (v * bright).clamp(0, 1)
    v = (v * contrast + (1 - contrast) * v.mean((1, 2, 3), keepdim=True)).clamp(0, 1)
    return (v - 0.3) / 0.3


class Trainer:
    def __init__(self, o, device):
        self.o, self.device = o, device
        self.layout = torch.channels_last if o.amp else torch.contiguous_format
        self.net = network(o).to(device, memory_format=self.layout).train()
        try:
            self.adam = torch.optim.Adam(self.net.parameters(), lr=2e-3, fused=device == "cuda")
        except (TypeError, RuntimeError):
            self.adam = torch.optim.Adam(self.net.parameters(), lr=2e-3)
        self.scaler = torch.cuda.amp.GradScaler() if o.amp else None
        self.images = torch.randint(0, 256, (4 * o.batch, CHANNELS, SOURCE, SOURCE), dtype=torch.uint8)

    def views(self):
        chosen = self.images[torch.randperm(len(self.images))[:self.o.batch]]
        if self.device == "cuda":
            chosen = chosen.pin_memory()
        chosen = chosen.to(self.device, non_blocking=True).float() / 255
        return torch.cat([view(chosen, self.o.size) for _ in range(2)]).contiguous(memory_format=self.layout)

    def step(self, x):
        self.adam.zero_grad(set_to_none=True)
        if self.scaler is None:
            ntxent(self.net(x)).backward()
            self.adam.step()
            return
        with torch.autocast("cuda", dtype=torch.float16):
            loss = ntxent(self.net(x))
        self.scaler.scale(loss).backward()
        self.scaler.step(self.adam)
        self.scaler.update()

    def time(self, views):
        """Returns milliseconds per step."""
        for i in range(WARM + self.o.steps):
            if i == WARM:
                self.wait()
                start = time.perf_counter()
            self.step(views())
        self.wait()
        return 1e3 * (time.perf_counter() - start) / self.o.steps

    def choose_threads(self, most):
        """Uses one thread or all, whichever is faster: on a loaded machine, threads that wait for each other are slower."""
        took = {}
        for n in {1, most}:
            torch.set_num_threads(n)
            self.step(self.views())
            start = time.perf_counter()
            self.step(self.views())
            took[n] = time.perf_counter() - start
        torch.set_num_threads(min(took, key=took.get))

    def wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()


def resident():
    """Returns the peak resident memory of this program. getrusage would include the parent program."""
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")) * 1024


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--arch", default="resnet18", choices=sorted(BLOCKS) + TRANSFORMERS)
    p.add_argument("--stem", default="cifar", choices=["cifar", "imagenet", "strided"])
    p.add_argument("--pool", default="cls", choices=["cls", "mean"])
    p.add_argument("--drop-path", type=float, default=0.0)
    for name, value in (("width", 64), ("patch", 4), ("embed-dim", 192), ("depth", 12), ("heads", 3), ("grid", 8)):
        p.add_argument("--" + name, type=int, default=value)
    for name, value in (("batch", 256), ("size", 32), ("steps", 10), ("threads", len(os.sched_getaffinity(0)))):
        p.add_argument("--" + name, type=int, default=value)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--amp", action="store_true")
    o = p.parse_args()
    if o.amp and o.device != "cuda":
        p.error("--amp needs CUDA")
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    before = resident()
    t = Trainer(o, o.device)
    if o.device == "cpu":
        t.choose_threads(o.threads)
    ms = t.time(t.views)
    if o.device == "cuda":
        memory, name = torch.cuda.max_memory_allocated(), torch.cuda.get_device_name()
    else:
        memory, name = resident() - before, "cpu"
    fixed = t.views()
    bare = t.time(lambda: fixed)
    print(json.dumps({
        "name": "AMP, channels last" if o.amp else "fp32, TF32 off", "torch": torch.__version__, "device": name, "threads": torch.get_num_threads(),
        "views_per_s": 2e3 * o.batch / ms, "ms_per_step": ms, "ms_per_step_without_views": bare, "peak_memory_bytes": memory,
        "included": "gather, upload, two views, forward, backward, Adam"}))


if __name__ == "__main__":
    main()
