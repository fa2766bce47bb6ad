"""PyTorch's functions of the ops: OPS, by the names of the golden cases. A function maps tensors in marr's layouts and attributes to outputs by name."""
import math

import torch
import torch.nn.functional as F

# The smallest allowed distance of a ReLU input from zero, and of the largest number in a pooling window from the second largest, so that
# float32 and finite differences stay on the same side of every kink.
KINK = 2e-4


class UnfitDraw(Exception):
    """An input is nearer than KINK to a kink, or all ReLU inputs are negative. Another name of the case gives other streams."""


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def relu(x):
    if x.detach().abs().min() < KINK or x.detach().max() < 0:
        raise UnfitDraw
    return F.relu(x)


def conv2d(t, a):
    return {"y": nhwc(F.conv2d(nchw(t["x"]), nchw(t["w"]), stride=int(a["stride"]), padding=int(a["pad"])))}


def depthwise_conv2d(t, a):
    return {"y": nhwc(F.conv2d(nchw(t["x"]), nchw(t["w"]), padding=int(a["pad"]), groups=len(t["w"])))}


def max_pool2d(t, a):
    k, stride, pad = int(a["kernel"]), int(a["stride"]), int(a["pad"])
    x = nchw(t["x"])
    if k > 1:
        windows = F.unfold(F.pad(x.detach(), [pad] * 4, value=-9), k, stride=stride).unflatten(1, (x.shape[1], k * k))
        top = windows.topk(2, dim=2).values
        if (top[:, :, 0] - top[:, :, 1]).min() < KINK:
            raise UnfitDraw
    return {"y": nhwc(F.max_pool2d(x, k, stride, pad))}


def after_norm(y, t, a):
    if "residual" in t:
        y = y + t["residual"]
    return relu(y) if a["relu"] else y


def channels_second(x):
    return nchw(x) if x.dim() == 4 else x


def channels_last(x):
    return nhwc(x) if x.dim() == 4 else x


def batchnorm_train(t, a):
    """Returns y, the running statistics after one step, and the batch mean and variance (biased) of the normalization."""
    rm, rv = t["running_mean"].detach().clone(), t["running_var"].detach().clone()
    y = F.batch_norm(channels_second(t["x"]), rm, rv, t["gamma"], t["beta"], training=True, momentum=a["momentum"], eps=a["eps"])
    flat = t["x"].detach().reshape(-1, t["x"].shape[-1])
    return {"y": after_norm(channels_last(y), t, a), "mean": flat.mean(0), "var": flat.var(0, unbiased=False),
            "new_running_mean": rm, "new_running_var": rv}


def batchnorm_infer(t, a):
    y = F.batch_norm(channels_second(t["x"]), t["mean"], t["var"], t["gamma"], t["beta"], training=False, eps=a["eps"])
    return {"y": after_norm(channels_last(y), t, a)}


def matmul(t, a):
    left = t["a"].t() if a["trans_a"] else t["a"]
    right = t["b"].t() if a["trans_b"] else t["b"]
    return {"y": left @ right}


def ntxent(t, a):
    """Mean over 2N rows; rows i and i+N are two views. The denominator excludes the row itself and includes the positive."""
    z = t["z"]
    n = z.shape[0] // 2
    logits = (z @ z.t() / a["temperature"]).masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    return {"loss": F.cross_entropy(logits, (torch.arange(2 * n) + n) % (2 * n)).reshape(1)}


def decoupled_ntxent(t, a):
    """The same loss with a denominator that excludes the positive too."""
    z = t["z"]
    n = z.shape[0] // 2
    logits, other = z @ z.t() / a["temperature"], (torch.arange(2 * n) + n) % (2 * n)
    masked = torch.eye(2 * n, dtype=torch.bool) | F.one_hot(other).bool()
    return {"loss": (logits.masked_fill(masked, float("-inf")).logsumexp(1) - logits[torch.arange(2 * n), other]).mean().reshape(1)}


def center(t, a):
    """DINO's teacher (main_dino.py, DINOLoss), for a sequence of batches: probabilities with the previous center, then the update of the center."""
    c = torch.zeros_like(t["x0"][:1])
    for name in sorted(t):
        y = F.softmax((t[name] - c) / a["temperature"], dim=-1)
        c = c * a["momentum"] + torch.sum(t[name], dim=0, keepdim=True) / len(t[name]) * (1 - a["momentum"])
    return {"y": y, "center": c[0]}


def off_diagonal(c):
    """As in main.py of facebookresearch/barlowtwins and main_vicreg.py of facebookresearch/vicreg."""
    n = len(c)
    return c.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


def correlation_loss(t, a):
    """Barlow Twins (main.py, BarlowTwins.forward)."""
    c = t["c"]
    return {"loss": ((torch.diagonal(c) - 1).pow(2).sum() + a["lambda"] * off_diagonal(c).pow(2).sum()).reshape(1)}


def covariance_loss(t, a):
    """VICReg (main_vicreg.py, VICReg.forward) of one view's covariance."""
    c = t["c"]
    std = torch.sqrt(torch.diagonal(c) + 0.0001)
    return {"loss": (a["variance"] * torch.sum(F.relu(1 - std)) + a["covariance"] * off_diagonal(c).pow(2).sum()).reshape(1)}


def koleo(t, a):
    """DINOv2 (facebookresearch/dinov2, loss/koleo_loss.py), whose caller normalizes the rows here. Minus infinity masks the diagonal, there -1."""
    x = t["x"]
    dots = (x @ x.t()).detach().fill_diagonal_(-float("inf"))
    top = dots.topk(min(2, len(x) - 1), dim=1).values
    if len(x) > 2 and (top[:, 0] - top[:, 1]).min() < KINK:
        raise UnfitDraw
    return {"loss": -torch.log(F.pairwise_distance(x, x[dots.argmax(1)], p=2, eps=1e-8) + 1e-8).mean().reshape(1)}


def sigreg(t, a):
    """LeJEPA (rbalestr-lab/lejepa, lejepa/univariate/epps_pulley.py): mean over slices."""
    x = t["u"]
    knots = torch.linspace(0, 3, 17, dtype=x.dtype)
    phi, weights = torch.exp(-knots**2 / 2), torch.full((17,), 2 * 3 / 16, dtype=x.dtype)
    weights[[0, -1]] = 3 / 16
    angle = x.unsqueeze(-1) * knots
    err = (angle.cos().mean(0) - phi) ** 2 + angle.sin().mean(0) ** 2
    return {"loss": (err @ (weights * phi) * len(x)).mean().reshape(1)}


def moments(x):
    """The mean of each column and its deviation, as in losses/visreg.py of HaiyuWu/visreg."""
    mean = x.mean(dim=0, keepdim=True)
    return mean, (x - mean).norm(dim=0).div(math.sqrt(len(x))).clamp_min(1e-6)


def moment_loss(t, a):
    mean, std = moments(t["x"])
    return {"loss": (mean.pow(2).mean() + (std - 1).pow(2).mean()).reshape(1)}


def normal_scores(t, a):
    """van der Waerden's scores: the target that losses/visreg.py of HaiyuWu/visreg subtracts from the sorted numbers, in their own order."""
    x, n = t["x"], t["x"].shape[1]
    ranks = x.argsort(dim=1, stable=True).argsort(dim=1).to(x.dtype)
    return {"y": math.sqrt(2) * torch.erfinv(2 * (ranks + 1) / (n + 1) - 1)}


def attention(t, a):
    """DINO's layer (vision_transformer.py, Attention.forward) between the linear layers qkv and proj."""
    heads, (n, tokens, features) = int(a["heads"]), t["qkv"].shape
    width = features // 3 // heads
    q, k, v = t["qkv"].reshape(n, tokens, 3, heads, width).permute(2, 0, 3, 1, 4)
    weights = (q @ k.transpose(-2, -1) * width**-0.5).softmax(dim=-1)
    return {"y": (weights @ v).transpose(1, 2).reshape(n, tokens, features // 3)}


def cosine_loss(t, a):
    return {"loss": (2 - 2 * (F.normalize(t["p"], dim=1) * F.normalize(t["z"], dim=1)).sum(1)).mean().reshape(1)}


def normalized_linear(t, a):
    """A layer under torch.nn.utils.weight_norm with g = 1."""
    return {"y": F.linear(t["x"], torch._weight_norm(t["w"], t["w"].new_ones(len(t["w"]), 1), 0))}


def optimize(t, a, make):
    p = torch.nn.Parameter(t["p"].detach().clone())
    opt = make([p])
    for i in range(3):
        p.grad = t["g%d" % i].detach().clone()
        if "clip" in a:
            torch.nn.utils.clip_grad_norm_([p], a["clip"])
        opt.step()
    return p.detach(), opt.state[p]


def sgd(t, a):
    p, state = optimize(t, a, lambda ps: torch.optim.SGD(
        ps, lr=a["lr"], momentum=a["momentum"], weight_decay=a["weight_decay"], nesterov=a["nesterov"] == 1))
    return {"p": p, "buf": state["momentum_buffer"]}


def adamw(t, a):
    p, state = optimize(t, a, lambda ps: (torch.optim.Adam if a["coupled"] else torch.optim.AdamW)(
        ps, lr=a["lr"], betas=(a["beta1"], a["beta2"]), eps=a["eps"], weight_decay=a["weight_decay"]))
    return {"p": p, "m": state["exp_avg"], "v": state["exp_avg_sq"]}


def lars(t, a):
    """The LARS of facebookresearch/barlowtwins, main.py, for one parameter with more than one axis."""
    p, mu = t["p"], torch.zeros_like(t["p"])
    for i in range(3):
        dp = t["g%d" % i].add(p, alpha=a["weight_decay"])
        param_norm, update_norm, one = torch.norm(p), torch.norm(dp), torch.ones_like(torch.norm(p))
        q = torch.where(param_norm > 0., torch.where(update_norm > 0, a["eta"] * param_norm / update_norm, one), one)
        mu = mu * a["momentum"] + dp.mul(q)
        p = p.add(mu, alpha=-a["lr"])
    return {"p": p, "buf": mu}


def larc(t, a):
    """SGD behind the LARC of NVIDIA Apex, apex/parallel/LARC.py, with clip."""
    p = torch.nn.Parameter(t["p"].detach().clone())
    opt = torch.optim.SGD([p], lr=a["lr"], momentum=a["momentum"])
    for i in range(3):
        p.grad = t["g%d" % i].detach().clone()
        param_norm, grad_norm = torch.norm(p.data), torch.norm(p.grad.data)
        if param_norm != 0 and grad_norm != 0:
            adaptive_lr = a["eta"] * param_norm / (grad_norm + param_norm * a["weight_decay"] + 1e-8)
            p.grad.data += a["weight_decay"] * p.data
            p.grad.data *= min(adaptive_lr / a["lr"], 1)
        opt.step()
    return {"p": p.detach(), "buf": opt.state[p]["momentum_buffer"]}


def gather_tokens(t, a):
    """As MAE's decoder (models_mae.py, forward_decoder): the fill is appended as a further token, and each index outside the tokens means it."""
    n, tokens, d = t["x"].shape
    fill = t["fill"] if "fill" in t else t["x"].new_zeros(1, 1, d)
    index = torch.tensor(a["index"]).view(n, -1)
    index = torch.where((index < 0) | (index >= tokens), torch.full_like(index, tokens), index)
    return {"y": torch.gather(torch.cat([t["x"], fill.expand(n, 1, d)], 1), 1, index[:, :, None].expand(-1, -1, d))}


def info_nce(t, a):
    """MoCo's loss (facebookresearch/moco, builder.py): the positive beside the queue, label 0; without only_own the label is the row (moco-v3)."""
    x, rows = t["x"], torch.arange(len(t["x"]))
    if not a["only_own"]:
        return {"loss": F.cross_entropy(x, rows).reshape(1)}
    logits = torch.cat([x[rows, rows][:, None], x[:, len(x):]], 1)
    return {"loss": F.cross_entropy(logits, torch.zeros_like(rows)).reshape(1)}


def sinkhorn(t, a):
    """SwAV's distributed_sinkhorn (main_swav.py) on one device."""
    q = torch.exp(t["x"] / a["epsilon"]).t()
    samples, prototypes = q.shape[1], q.shape[0]
    q = q / q.sum()
    for _ in range(3):
        q = q / q.sum(1, keepdim=True) / prototypes
        q = q / q.sum(0, keepdim=True) / samples
    return {"y": (q * samples).t()}


def patches(t, a):
    """MAE (models_mae.py, patchify, and the target in forward_loss)."""
    p, x = int(a["side"]), t["x"]
    n, h, w, c = x.shape
    h, w = h // p, w // p
    y = torch.einsum("nhpwqc->nhwpqc", x[:, :h * p, :w * p].reshape(n, h, p, w, p, c)).reshape(n, h * w, p * p * c)
    y = torch.gather(y, 1, torch.tensor(a["index"]).view(n, -1, 1).expand(-1, -1, p * p * c))
    if a["normalize"]:
        y = (y - y.mean(dim=-1, keepdim=True)) / (y.var(dim=-1, keepdim=True) + 1.e-6) ** .5
    return {"y": y}


OPS = {
    "info_nce": info_nce, "sinkhorn": sinkhorn, "nearest_rows": lambda t, a: {"y": t["candidates"][(t["x"] @ t["candidates"].t()).argmax(1)]},
    "conv2d": conv2d, "depthwise_conv2d": depthwise_conv2d, "max_pool2d": max_pool2d, "batchnorm_train": batchnorm_train, "batchnorm_infer": batchnorm_infer, "matmul": matmul, "ntxent": ntxent, "decoupled_ntxent": decoupled_ntxent,
    "sgd": sgd, "adamw": adamw, "lars": lars, "larc": larc,
    "attention": attention, "center": center, "cosine_loss": cosine_loss, "normalized_linear": normalized_linear,
    "sigreg": sigreg, "koleo": koleo, "correlation_loss": correlation_loss, "covariance_loss": covariance_loss,
    "moment_loss": moment_loss, "inverse_deviations": lambda t, a: {"y": 1 / moments(t["x"])[1]}, "normal_scores": normal_scores,
    "center_columns": lambda t, a: {"y": t["x"] - t["x"].mean(dim=0)},
    "mean_square": lambda t, a: {"loss": F.mse_loss(t["x"], torch.zeros_like(t["x"])).reshape(1)},
    "gelu": lambda t, a: {"y": F.gelu(t["x"])},
    "scale": lambda t, a: {"y": a["scale"] * t["x"]},
    "scale_columns": lambda t, a: {"y": t["s"] * t["x"]},
    "add_scaled": lambda t, a: {"y": torch.add(t["a"], t["b"], alpha=a["scale"])},
    "negative_cosine": lambda t, a: {"loss": -F.cosine_similarity(t["p"], t["z"]).mean().reshape(1)},
    "soft_cross_entropy": lambda t, a: {"loss": F.cross_entropy(t["logits"] / a["temperature"], t["targets"]).reshape(1)},
    "relu": lambda t, a: {"y": relu(t["x"])},
    "add": lambda t, a: {"y": t["a"] + t["b"]},
    "global_avg_pool": lambda t, a: {"y": F.adaptive_avg_pool2d(nchw(t["x"]), 1).flatten(1)},
    "linear": lambda t, a: {"y": F.linear(t["x"], t["w"], t.get("bias"))},
    "bias": lambda t, a: {"y": t["x"] + t["b"]},
    "concat": lambda t, a: {"y": torch.cat([t[k] for k in sorted(t)], 0)},
    "slice": lambda t, a: {"y": t["x"][int(a["from"]):int(a["to"])]},
    "reshape": lambda t, a: {"y": t["x"].reshape([int(a[k]) for k in sorted(a)])},
    "prepend_token": lambda t, a: {"y": torch.cat([t["token"].expand(len(t["x"]), -1, -1), t["x"]], 1)},
    "slice_tokens": lambda t, a: {"y": t["x"][:, int(a["from"]):int(a["to"])]},
    "gather_tokens": gather_tokens, "patches": patches,
    "add_positions": lambda t, a: {"y": t["x"] + t["p"]},
    "scale_samples": lambda t, a: {"y": t["x"] * t["s"].view(-1, *[1] * (t["x"].dim() - 1))},
    "l2normalize": lambda t, a: {"y": F.normalize(t["x"], dim=1)},
    "softmax": lambda t, a: {"y": F.softmax(t["x"] / a["temperature"], 1)},
    "log_softmax": lambda t, a: {"y": F.log_softmax(t["x"] / a["temperature"], 1)},
    "cross_entropy": lambda t, a: {"loss": F.cross_entropy(t["logits"], torch.tensor(a["targets"]), ignore_index=-1).reshape(1)},
    "smoothed_cross_entropy": lambda t, a: {
        "loss": F.cross_entropy(t["logits"], torch.tensor(a["targets"]), ignore_index=-1, label_smoothing=a["smoothing"]).reshape(1)},
}
