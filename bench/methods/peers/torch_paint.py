"""Augmented views of a batch of gray images, computed for all images at once with the semantics of torchvision."""
import math

import torch
import torch.nn.functional as F


def weights(start, length, out, side, cubic):
    """Returns matrices [N out side] that resize pixels start … start+length−1 like torchvision's antialiased resize (bicubic: a = −0.5)."""
    start, length = start.view(-1, 1, 1).float(), length.view(-1, 1, 1).float()
    scale = length / out
    j = torch.arange(side).float().view(1, 1, -1)
    x = ((j + 0.5 - start - (torch.arange(out).float().view(1, -1, 1) + 0.5) * scale) / scale.clamp(min=1)).abs()
    if cubic:
        w = torch.where(x < 1, (1.5 * x - 2.5) * x * x + 1, (((-0.5 * x + 2.5) * x - 4) * x + 2) * (x < 2))
    else:
        w = (1 - x).clamp(min=0)
    w = w * ((j >= start) & (j < start + length))
    return w / w.sum(2, keepdim=True)


def crop(images, out, scale, cubic):
    """RandomResizedCrop: the first of ten random areas and aspect ratios that fits, else the whole image."""
    n, side = len(images), images.shape[1]
    area = side * side * torch.empty(n, 10).uniform_(*scale)
    ratio = torch.empty(n, 10).uniform_(math.log(3 / 4), math.log(4 / 3)).exp()
    w, h = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (w > 0) & (w <= side) & (h > 0) & (h <= side)
    first, whole = fits.int().argmax(1, keepdim=True), ~fits.any(1)
    w, h = (v.gather(1, first).squeeze(1).masked_fill(whole, side) for v in (w, h))
    left, top = ((torch.rand(n) * (side - v + 1)).floor() for v in (w, h))
    return weights(top, h, out, side, cubic) @ images @ weights(left, w, out, side, cubic).transpose(1, 2)


def zoom_sequence(images, r):
    """Returns frames [frames][N H W] that zoom into each image with a moving center. Windows have whole pixels; resizing is bilinear."""
    n, side, frames = len(images), images.shape[1], r["frames"]
    first, zoom = side * torch.empty(n).uniform_(*r["start"]), torch.empty(n).uniform_(*r["zoom"])
    last = first / zoom ** (frames - 1)
    starts = [first / 2 + torch.rand(n) * (side - first) for _ in range(2)]
    drifts = [(torch.rand(n) - 0.5) * (first - last) for _ in range(2)]
    out = []
    for t in range(frames):
        size = (first / zoom ** t).round()
        rows, columns = (torch.minimum((a + t / (frames - 1) * d - size / 2).round().clamp(min=0), side - size) for a, d in zip(starts, drifts))
        out.append(weights(rows, size, side, side, False) @ images @ weights(columns, size, side, side, False).transpose(1, 2))
    return out


def blur(x, sigma, kernel=9):
    """Returns x [N H W] after a Gaussian blur of sigma [N] pixels with reflected borders."""
    d = torch.arange(kernel) - kernel // 2
    g = torch.exp(-d * d / (2 * sigma.view(-1, 1) ** 2))
    g = (g / g.sum(1, keepdim=True)).view(len(x), 1, kernel, 1)
    x = F.pad(x.unsqueeze(0), [kernel // 2] * 4, mode="reflect")
    return F.conv2d(F.conv2d(x, g, groups=len(g)), g.transpose(2, 3), groups=len(g))[0]


def window(images, corners, side):
    """Returns the window of each image [N H W] at its corner [N 2]."""
    rows, columns = (c.view(-1, 1) + torch.arange(side) for c in corners.t())
    return images[torch.arange(len(images)).view(-1, 1, 1), rows.unsqueeze(2), columns.unsqueeze(1)]


def contrast(x, f):
    return (f * x + (1 - f) * x.mean((1, 2), keepdim=True)).clamp(0, 1)


def coin(n, p):
    return (torch.rand(n) < p).view(-1, 1, 1)


class Painter:
    """Paints views of images [N H W] in 0 … 1."""

    def __init__(self, recipe, mean, std):
        self.r, self.mean, self.std = recipe, mean, std

    def normalize(self, x):
        return ((x - self.mean) / self.std).unsqueeze(1)

    def view(self, x, size=None, scale=None, solarize=0):
        n, side, pad = len(x), x.shape[1], self.r.get("pad")
        if pad is None:
            x = crop(x, size or side, scale or self.r["scale"], self.r.get("cubic", False))
        elif pad > 0:
            x = window(F.pad(x, [pad] * 4), torch.randint(0, 2 * pad + 1, (n, 2)), side)
        x = self.jitter(torch.where(coin(n, 0.5), x.flip(2), x))
        return torch.where(coin(n, solarize) & (x >= 0.5), 1 - x, x)

    def jitter(self, x):
        if "jitter" not in self.r:
            return x
        n = len(x)
        b, c = (torch.empty(n, 1, 1).uniform_(1 - self.r["jitter"], 1 + self.r["jitter"]) for _ in range(2))
        jittered = torch.where(coin(n, 0.5), contrast((x * b).clamp(0, 1), c), (contrast(x, c) * b).clamp(0, 1))
        return torch.where(coin(n, 0.8), jittered, x)

    def pair(self, x):
        return [self.normalize(self.view(x)), self.normalize(self.view(x, solarize=self.r.get("solarize", 0)))]

    def frames(self, x):
        return [blur(self.jitter(f), torch.empty(len(x)).uniform_(*self.r["sigma"])) for f in zoom_sequence(x, self.r)]

    def locals(self, x):
        size = round(x.shape[1] * 18 / 32)
        return [self.normalize(self.view(x, size, (0.08, 0.5))) for _ in range(self.r["locals"])]
