"""Golden results of the norms that can replace batch norm, forward and backward: kernels/testdata/norms.json.

Run: /usr/bin/python3 tools/golden/norms.py (Debian's python3-torch). The schema is in goldenfile.py.
"""
import torch
import torch.nn.functional as F

from goldenfile import dump, spec
from opfunctions import OPS, after_norm, channels_last, channels_second
from ops import case


def group_norm(t, a):
    y = F.group_norm(channels_second(t["x"]), int(a["groups"]), t["gamma"], t["beta"], a["eps"])
    return {"y": after_norm(channels_last(y), t, a)}


def mean_norm(t, a):
    """Batch norm with a variance of 1. It subtracts the batch mean or, if "moving", the running mean, and then updates the running mean."""
    batch = t["x"].flatten(0, -2).mean(0)
    mean = t["running_mean"] if a["moving"] else batch
    y = t["gamma"] * (t["x"] - mean) / (1 + a["eps"]) ** 0.5 + t["beta"]
    running = torch.lerp(t["running_mean"], batch.detach(), a["momentum"])
    return {"y": after_norm(y, t, a), "new_running_mean": running, "new_running_var": t["running_var"]}


def layer_norm(t, a):
    return {"y": F.layer_norm(t["x"], t["x"].shape[-1:], t["gamma"], t["beta"], a["eps"])}


OPS.update(group_norm=group_norm, mean_norm=mean_norm, layer_norm=layer_norm)


def cases():
    for shape, groups, lo, hi in [((3, 4, 5, 8), 2, -1, 1), ((5, 3), 1, -1, 1), ((1, 5, 7, 1), 1, -2, 1), ((3, 3, 5, 17), 1, 9, 11),
                                  ((2, 3, 3, 24), 3, -1, 2), ((7, 64), 16, -1, 3)]:
        for more in (0, 1):  # residual and ReLU
            c, size = shape[-1:], "x".join(map(str, shape)) + ("_residual_relu" if more else "")
            norm = [spec("x", shape, lo, hi), spec("gamma", c, 0.5, 1.5), spec("beta", c)]
            extra = [spec("residual", shape)] if more else []
            wanted = ["x", "gamma", "beta"] + ["residual"] * more
            attrs = {"eps": 1e-5, "relu": more}
            yield case("group_norm", "group_norm_%s_%d" % (size, groups), dict(attrs, groups=groups), norm + extra, wanted)
            for moving in (0, 1) if groups < 3 and shape[-1] < 17 else ():
                yield case("mean_norm", "mean_norm_%s_%d" % (size, moving), dict(attrs, moving=moving, momentum=0.1),
                           norm + [spec("running_mean", c), spec("running_var", c, 1, 1)] + extra, wanted)
    for shape, lo, hi, eps in [((1, 3), -1, 1, 1e-6), ((3, 5, 12), -1, 1, 1e-6), ((5, 33), 9, 11, 1e-5), ((7, 192), -1, 3, 1e-6), ((4, 7), 0, 0.004, 1e-6)]:
        c = shape[-1:]
        yield case("layer_norm", "layer_norm_%s_%g" % ("x".join(map(str, shape)), eps), {"eps": eps},
                   [spec("x", shape, lo, hi), spec("gamma", c, 0.5, 1.5), spec("beta", c)], ["x", "gamma", "beta"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    dump("kernels/testdata/norms.json", list(cases()))
