"""The methods of `marr pretrain` in PyTorch: trains one with the same recipe and number of steps, evaluates it, and prints one line of JSON.

    python3 torch_ssl.py --method byol --train x.npy y.npy --test x.npy y.npy --epochs 4 --seed 0 [--set momentum=0.9 ...]

Images are uint8 [N H W C], labels are integers [N]. The script matches marr in: ResNet-10 with the strided stem, width 16 and torchvision's
initialization, or a vision transformer; AdamW or SGD with momentum 0.9; a linear warm-up, then cosine to 0; weight decay along a cosine; the last
incomplete batch of an epoch is dropped; the views of the method's preset for images up to 64 px, resized with torchvision's antialiasing;
one forward pass and one set of batch statistics per view (SimCLR, DINO, SwAV, LeJEPA and VISReg: per size of view, in the head of all
views); EMA after the optimizer, with momentum rising to 1 (MoCo v2: constant); evaluation of the online network (DINO: the teacher) on unaugmented images; k-NN (cosine,
T 0.07), linear probe and linear10 as in ssl/eval, with other random draws; RankMe of the test images.
"""
import argparse
import json
import math
import os
import time

import numpy as np
import torch

from torch_eval import features, knn, linear, linear10, rank
from torch_jepa import LeJEPA, VISReg
from torch_mae import MAE
from torch_methods import DINO, NNCLR, BarlowTwins, BYOL, MoCoV2, MoCoV3, SimCLR, SimSiam, SwAV, VICReg
from torch_paint import Painter
from torch_pretext import DIET, Jigsaw, Order, Rotation, Supervised

# Of every method. vit: the arguments of torch_vit.ViT, or None for a ResNet-10.
BASE = dict(optimizer="adamw", lr=2e-3, beta2=0.999, batch=256, warmup=0.1, weight_decay=0.0, weight_decay_end=0.0, cubic=False, solarize=0.0,
            saturation=0.0, hue=0.0, gray=0.0, jitter_p=0.8, backbone_bn=True, vit=None)
# Views: scale of the crop, bicubic resizing, strengths of the jitter (of brightness and contrast, of saturation, of hue) and its probability, probabilities of
# gray and, in the second view, of solarize, probability of erasing with the ranges of area and aspect ratio; or padding by pad pixels and a crop of the size
# of the image.
RECIPES = {
    "simclr": dict(scale=(0.2, 1), jitter=0.4, temperature=0.2, hidden=128, out=64),
    "byol": dict(momentum=0.99, scale=(0.08, 1), cubic=True, jitter=0.4, solarize=0.2, hidden=256, out=64),
    "simsiam": dict(scale=(0.2, 1), jitter=0.4, hidden=256, out=256, bottleneck=64, scheduled=False),
    "barlow": dict(scale=(0.08, 1), cubic=True, jitter=0.4, solarize=0.2, hidden=512, out=512, weight=0.0051),
    "vicreg": dict(scale=(0.08, 1), cubic=True, jitter=0.4, solarize=0.2, hidden=512, out=512, invariance=25, variance=25, covariance=1),
    "dino": dict(momentum=0.99, scale=(0.2, 1), cubic=True, jitter=0.4, solarize=0.2, locals=0, hidden=256, bottleneck=64, prototypes=256,
                 student_temperature=0.1, teacher_temperature=0.04, center=0.9, clip=0.0, freeze=0.05, head_bn=False),
    "mocov2": dict(momentum=0.99, scale=(0.2, 1), jitter=0.4, temperature=0.2, queue=1024, hidden=128, out=64, symmetric=False),
    "mocov3": dict(momentum=0.99, scale=(0.2, 1), jitter=0.4, solarize=0.2, temperature=0.2, hidden=256, out=64, bottleneck=256, layers=2,
                   predictor_bn=False),
    "nnclr": dict(scale=(0.2, 1), jitter=0.4, temperature=0.1, queue=1024, hidden=128, out=64, bottleneck=256),
    "swav": dict(scale=(0.2, 1), cubic=True, jitter=0.8, locals=6, hidden=128, out=64, prototypes=256, temperature=0.1, epsilon=0.05, freeze=0.01),
    "lejepa": dict(scale=(0.2, 1), jitter=0.4, locals=6, hidden=512, out=64, weight=0.02, slices=256),
    "visreg": dict(scale=(0.2, 1), jitter=0.4, locals=6, hidden=512, out=64, weight=0.6, slices=256),
    "diet": dict(scale=(0.08, 1), jitter=0.4, jitter_p=0.3, erase=0.25, erase_scale=(0.02, 0.33), erase_ratio=(0.3, 3.3), smoothing=0.8, images=10000),
    "mae": dict(scale=(0.2, 1), cubic=True, mask=0.75, norm_pixels=True, decoder=dict(width=32, depth=4, heads=1)),
    "jigsaw": dict(pad=0, hidden=64, gap=2, normalize=True),
    "order": dict(frames=3, start=(0.8, 1), zoom=(1.15, 1.4), jitter=0.4, sigma=(0.1, 1.5), hidden=128),
    "rotation": dict(pad=4), "supervised": dict(pad=4),
}

METHODS = {"simclr": SimCLR, "byol": BYOL, "simsiam": SimSiam, "barlow": BarlowTwins, "vicreg": VICReg, "dino": DINO, "mocov2": MoCoV2, "mocov3": MoCoV3,
           "nnclr": NNCLR, "swav": SwAV, "lejepa": LeJEPA, "visreg": VISReg, "diet": DIET, "mae": MAE, "rotation": Rotation, "jigsaw": Jigsaw, "order": Order,
           "supervised": Supervised}


def train(m, r, x, labels, epochs):
    """Returns the mean loss of the last epoch.

    SimSiam's predictor has a constant learning rate unless "scheduled" is set. Weight decay skips 1-D parameters.
    """
    groups = {}
    for name, p in m.named_parameters():
        if p.requires_grad:
            groups.setdefault((isinstance(m, SimSiam) and not r["scheduled"] and name.startswith("predictor."), p.dim() == 1), []).append(p)
    groups = [{"params": ps, "constant": constant, "flat": flat, "lr": r["lr"], "weight_decay": 0} for (constant, flat), ps in groups.items()]
    optimizer = torch.optim.SGD(groups, r["lr"], momentum=0.9) if r["optimizer"] == "sgd" else torch.optim.AdamW(groups, betas=(0.9, r["beta2"]))
    per, losses = len(x) // r["batch"], []
    steps, warm = epochs * per, round(r["warmup"] * epochs * per)
    for k in range(steps):
        if k % per == 0:
            order, losses, m.accuracies = torch.randperm(len(x)), [], []
        factor = (k + 1) / warm if k < warm else (1 + math.cos(math.pi * (k - warm) / (steps - warm))) / 2
        for g in optimizer.param_groups:
            g["lr"] = r["lr"] * (1 if g["constant"] else factor)
            if not g["flat"]:
                g["weight_decay"] = r["weight_decay_end"] + (r["weight_decay"] - r["weight_decay_end"]) * (1 + math.cos(math.pi * k / steps)) / 2
        chosen = order[k % per * r["batch"]:][:r["batch"]]
        m.chosen = chosen
        loss = m.loss(x[chosen].float() / 255, labels[chosen])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        m.change_gradients(k / steps)
        optimizer.step()
        m.update_ema(k, steps)
        losses.append(loss.item())
    return float(np.mean(losses))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--method", choices=sorted(METHODS), required=True)
    for part in ("train", "test"):
        p.add_argument("--" + part, nargs=2, metavar=("IMAGES", "LABELS"), required=True)
    for name, value in (("epochs", 4), ("seed", 0), ("threads", len(os.sched_getaffinity(0)))):
        p.add_argument("--" + name, type=int, default=value)
    p.add_argument("--set", nargs="*", default=[], metavar="KEY=JSON", help="a setting of the method's recipe")
    o = p.parse_args()
    recipe = dict(BASE, **RECIPES[o.method])
    for key, value in (s.split("=", 1) for s in o.set):
        if key not in recipe:
            p.error("%s has no setting %s: its settings are %s" % (o.method, key, ", ".join(sorted(recipe))))
        recipe[key] = json.loads(value)
    torch.manual_seed(o.seed)
    torch.set_num_threads(o.threads)
    (x, y), (tx, ty) = ([torch.from_numpy(np.load(f)) for f in part] for part in (o.train, o.test))
    x, tx, y, ty = x.movedim(3, 1), tx.movedim(3, 1), y.long(), ty.long()
    paint, start = Painter(recipe, *(f(x.float(), (0, 2, 3)) / 255 for f in (torch.mean, torch.std))), time.perf_counter()
    m = METHODS[o.method](recipe, paint, int(y.max()) + 1).train()
    loss, took = train(m, recipe, x, y, o.epochs) if o.epochs else None, time.perf_counter() - start
    f, tf = (features(m.copy.net if o.method == "dino" else m.net, paint, images) for images in (x, tx))
    few, few_std = linear10(f, y, tf, ty)
    print(json.dumps({
        "method": o.method, "recipe": recipe, "epochs": o.epochs, "seed": o.seed, "torch": torch.__version__, "seconds": took, "loss": loss,
        "pretext": 100 * np.mean(m.accuracies) if m.accuracies else None, "knn1": knn(f, y, tf, ty, 1), "knn20": knn(f, y, tf, ty, 20),
        "linear": linear(f, y, tf, ty), "linear10": few, "linear10_std": few_std, "rank": rank(tf)}))


if __name__ == "__main__":
    main()
