"""Augmented views of a batch of images [N C H W], gray or in color, computed for all images at once with the semantics of torchvision."""
import math

import torch
import torch.nn.functional as F


def weights(start, length, out, side, cubic):
    """Returns matrices [N 1 out side] that resize pixels start … start+length−1 like torchvision's antialiased resize (bicubic: a = −0.5)."""
    start, length = start.view(-1, 1, 1).float(), length.view(-1, 1, 1).float()
    scale = length / out
    j = torch.arange(side).float().view(1, 1, -1)
    x = ((j + 0.5 - start - (torch.arange(out).float().view(1, -1, 1) + 0.5) * scale) / scale.clamp(min=1)).abs()
    if cubic:
        w = torch.where(x < 1, (1.5 * x - 2.5) * x * x + 1, (((-0.5 * x + 2.5) * x - 4) * x + 2) * (x < 2))
    else:
        w = (1 - x).clamp(min=0)
    w = w * ((j >= start) & (j < start + length))
    return (w / w.sum(2, keepdim=True)).unsqueeze(1)


def crop(images, out, scale, cubic):
    """RandomResizedCrop: the first of ten random areas and aspect ratios that fits, else the whole image."""
    n, side = len(images), images.shape[2]
    area = side * side * torch.empty(n, 10).uniform_(*scale)
    ratio = torch.empty(n, 10).uniform_(math.log(3 / 4), math.log(4 / 3)).exp()
    w, h = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (w > 0) & (w <= side) & (h > 0) & (h <= side)
    first, whole = fits.int().argmax(1, keepdim=True), ~fits.any(1)
    w, h = (v.gather(1, first).squeeze(1).masked_fill(whole, side) for v in (w, h))
    left, top = ((torch.rand(n) * (side - v + 1)).floor() for v in (w, h))
    return weights(top, h, out, side, cubic) @ images @ weights(left, w, out, side, cubic).transpose(2, 3)


def zoom_sequence(images, r):
    """Returns frames [frames][N C H W] that zoom into each image with a moving center. Windows have whole pixels; resizing is bilinear."""
    n, side, frames = len(images), images.shape[2], r["frames"]
    first, zoom = side * torch.empty(n).uniform_(*r["start"]), torch.empty(n).uniform_(*r["zoom"])
    last = first / zoom ** (frames - 1)
    starts = [first / 2 + torch.rand(n) * (side - first) for _ in range(2)]
    drifts = [(torch.rand(n) - 0.5) * (first - last) for _ in range(2)]
    out = []
    for t in range(frames):
        size = (first / zoom ** t).round()
        rows, columns = (torch.minimum((a + t / (frames - 1) * d - size / 2).round().clamp(min=0), side - size) for a, d in zip(starts, drifts))
        out.append(weights(rows, size, side, side, False) @ images @ weights(columns, size, side, side, False).transpose(2, 3))
    return out


def blur(x, sigma, kernel=9):
    """Returns x [N C H W] after a Gaussian blur of sigma [N] pixels with reflected borders."""
    n, c, h, w = x.shape
    d = torch.arange(kernel) - kernel // 2
    g = torch.exp(-d * d / (2 * sigma.view(-1, 1) ** 2))
    g = (g / g.sum(1, keepdim=True)).view(n, 1, kernel, 1).repeat_interleave(c, 0)
    x = F.pad(x.reshape(1, n * c, h, w), [kernel // 2] * 4, mode="reflect")
    return F.conv2d(F.conv2d(x, g, groups=n * c), g.transpose(2, 3), groups=n * c).view(n, c, h, w)


def window(images, corners, side):
    """Returns the window of each image [N C H W] at its corner [N 2]."""
    rows, columns = (c.view(-1, 1) + torch.arange(side) for c in corners.t())
    return images.movedim(1, 3)[torch.arange(len(images)).view(-1, 1, 1), rows.unsqueeze(2), columns.unsqueeze(1)].movedim(3, 1)


def luma(x):
    return (x * torch.tensor([0.2989, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True) if x.shape[1] == 3 else x


def blend(x, other, f):
    return (f * x + (1 - f) * other).clamp(0, 1)


def turn_hue(x, turns):
    """Returns colors x [N 3 H W] with their hue turned around the color wheel: HSV to RGB is v - c max(0, min(k, 4 - k, 1)) with k = (5 + 6 hue) mod 6 for
    red, 3 for green and 1 for blue in place of 5."""
    value, (r, g, b) = x.amax(1, keepdim=True), x.split(1, 1)
    chroma = value - x.amin(1, keepdim=True)
    hue = torch.where(value == r, g - b, torch.where(value == g, 2 * chroma + b - r, 4 * chroma + r - g)) / chroma.clamp(min=1e-12)
    k = (torch.tensor([5.0, 3.0, 1.0]).view(1, 3, 1, 1) + hue + 6 * turns) % 6
    return value - chroma * torch.minimum(k, 4 - k).clamp(0, 1)


JITTER = {  # of images [N C H W] by factors [N 1 1 1]
    "brightness": lambda x, f: (x * f).clamp(0, 1),
    "contrast": lambda x, f: blend(x, luma(x).mean((1, 2, 3), keepdim=True), f),
    "saturation": lambda x, f: blend(x, luma(x), f),
    "hue": turn_hue,
}


def coin(n, p):
    return (torch.rand(n) < p).view(-1, 1, 1, 1)


class Painter:
    """Paints views of images [N C H W] in 0 … 1. mean and std are those of each channel [C]."""

    def __init__(self, recipe, mean, std):
        self.r, self.mean, self.std = recipe, mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)

    def normalize(self, x):
        return (x - self.mean) / self.std

    def view(self, x, size=None, scale=None, solarize=0):
        n, side, pad = len(x), x.shape[2], self.r.get("pad")
        if pad is None:
            x = crop(x, size or side, scale or self.r["scale"], self.r.get("cubic", False))
        elif pad > 0:
            x = window(F.pad(x, [pad] * 4), torch.randint(0, 2 * pad + 1, (n, 2)), side)
        x = self.jitter(torch.where(coin(n, 0.5), x.flip(3), x))
        return torch.where(coin(n, solarize) & (x >= 0.5), 1 - x, x)

    def jitter(self, x):
        """Color jitter of most images, its ops in a random order for each image, then gray for some."""
        if "jitter" in self.r:
            n, strength = len(x), dict.fromkeys(("brightness", "contrast"), self.r["jitter"])
            strength.update({op: self.r[op] for op in ("saturation", "hue") if self.r[op] > 0})
            order, jittered = torch.rand(n, len(strength)).argsort(1), x.clone()
            for at in range(len(strength)):
                for i, (op, s) in enumerate(strength.items()):
                    chosen = order[:, at] == i
                    f = torch.empty(int(chosen.sum()), 1, 1, 1).uniform_(-s, s)
                    jittered[chosen] = JITTER[op](jittered[chosen], f if op == "hue" else 1 + f)
            x = torch.where(coin(n, self.r["jitter_p"]), jittered, x)
        return torch.where(coin(len(x), self.r["gray"]), luma(x), x)

    def erase(self, x):
        """RandomErasing of normalized images with value 0: the first of ten random boxes that fits inside the image, else none."""
        n, side = len(x), x.shape[2]
        area = side * side * torch.empty(n, 10).uniform_(*self.r["erase_scale"])
        ratio = torch.empty(n, 10).uniform_(*(math.log(v) for v in self.r["erase_ratio"])).exp()
        h, w = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
        fits = (h < side) & (w < side)
        first = fits.int().argmax(1, keepdim=True)
        h, w = (v.gather(1, first).view(-1, 1, 1, 1) for v in (h, w))
        top, left = ((torch.rand(n, 1, 1, 1) * (side - v + 1)).floor() for v in (h, w))
        i, j = torch.arange(side).view(1, 1, -1, 1), torch.arange(side).view(1, 1, 1, -1)
        inside = (i >= top) & (i < top + h) & (j >= left) & (j < left + w)
        return x.masked_fill(inside & coin(n, self.r["erase"]) & fits.any(1).view(-1, 1, 1, 1), 0)

    def pair(self, x):
        return [self.normalize(self.view(x)), self.normalize(self.view(x, solarize=self.r.get("solarize", 0)))]

    def frames(self, x):
        return [blur(self.jitter(f), torch.empty(len(x)).uniform_(*self.r["sigma"])) for f in zoom_sequence(x, self.r)]

    def locals(self, x):
        size = round(x.shape[2] * 18 / 32)
        return [self.normalize(self.view(x, size, (0.08, 0.5))) for _ in range(self.r["locals"])]
