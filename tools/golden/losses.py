"""Losses of the methods, and what they compare."""
import math

import torch
import torch.nn.functional as F

from opfunctions import sigreg

CENTRE = 0.9  # momentum of the center of DINO


def cosine(p, z):
    return F.cosine_similarity(p, z.detach(), dim=1).mean()


def byol_loss(p1, p2, z1, z2):
    return 4 - 2 * cosine(p1, z2) - 2 * cosine(p2, z1)


def simsiam_loss(p1, p2, z1, z2):
    return -(cosine(p1, z2) + cosine(p2, z1)) / 2


def off_diagonal(c):
    n = len(c)
    return c.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


def barlow_loss(z1, z2, bn, weight):
    c = bn(z1).T @ bn(z2) / len(z1)
    on_diag = (torch.diagonal(c) - 1).pow(2).sum()
    return on_diag + weight * off_diagonal(c).pow(2).sum()


def vicreg_loss(x, y, sim_coeff, std_coeff, cov_coeff, relu=F.relu):
    repr_loss = F.mse_loss(x, y)
    x, y = x - x.mean(dim=0), y - y.mean(dim=0)
    std_x, std_y = torch.sqrt(x.var(dim=0) + 0.0001), torch.sqrt(y.var(dim=0) + 0.0001)
    std_loss = torch.mean(relu(1 - std_x)) / 2 + torch.mean(relu(1 - std_y)) / 2
    cov_x, cov_y = (x.T @ x) / (len(x) - 1), (y.T @ y) / (len(x) - 1)
    cov_loss = off_diagonal(cov_x).pow(2).sum().div(x.shape[1]) + off_diagonal(cov_y).pow(2).sum().div(x.shape[1])
    return sim_coeff * repr_loss + std_coeff * std_loss + cov_coeff * cov_loss


def dino_loss(students, teachers, centre, tau):
    """Mean over pairs of different views. The center is that of the previous step."""
    p = [F.softmax((t - centre) / tau["teacher_temperature"], dim=1).detach() for t in teachers]
    q = [F.log_softmax(s / tau["student_temperature"], dim=1) for s in students]
    pairs = [(a, b) for i, a in enumerate(p) for j, b in enumerate(q) if i != j]
    return sum(-(a * b).sum(1).mean() for a, b in pairs) / len(pairs)


def new_centre(centre, teachers):
    return CENTRE * centre + (1 - CENTRE) * torch.cat(teachers).mean(0)


def lejepa_regularizer(z, directions):
    """MINIMAL.md of rbalestr-lab/lejepa, with given directions [S D]; z [V N D]."""
    return torch.stack([sigreg({"u": view @ directions.t()}, {})["loss"] for view in z]).mean()


def visreg_projections(z, directions):
    mean = z.mean(dim=1, keepdim=True)
    std = (z - mean).norm(dim=1).div(math.sqrt(z.shape[1])).clamp_min(1e-6)
    return mean, std, ((z - mean) / std.detach().unsqueeze(1)) @ directions.t()


def visreg_regularizer(z, directions):
    """HaiyuWu/visreg, losses/visreg.py, with given directions [S D]; z [V N D]."""
    (mean, std, p), n = visreg_projections(z, directions), z.shape[1]
    target = math.sqrt(2) * torch.erfinv(2 * torch.arange(1, n + 1, dtype=z.dtype) / (n + 1) - 1)
    shape = (p.sort(dim=1).values - target.view(1, n, 1)).pow(2).mean()
    return mean.pow(2).mean() + (std - 1).pow(2).mean() + shape


def joint_loss(z, directions, globals_, weight, regularizer):
    return (1 - weight) * (z[:globals_].mean(0) - z).square().mean() + weight * regularizer(z, directions)


def cross_entropy_of_rows(a, b, temperature):
    """Row n of a and row n of b belong to one image (facebookresearch/moco-v3, builder.py, contrastive_loss)."""
    return F.cross_entropy(a @ b.t() / temperature, torch.arange(len(a)))


def unit(x):
    return F.normalize(x, dim=1)


def sinkhorn(scores):
    """facebookresearch/swav, main_swav.py, distributed_sinkhorn on one device."""
    q = torch.exp((scores - scores.max()) / 0.05).t()
    prototypes, samples = q.shape
    q = q / q.sum()
    for _ in range(3):
        q = q / q.sum(1, keepdim=True) / prototypes
        q = q / q.sum(0, keepdim=True) / samples
    return (q * samples).t()
