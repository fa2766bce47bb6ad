"""Golden features, gradients and running statistics of ResNet-18 with the cifar stem: net/testdata/resnet18.json.

Run: /usr/bin/python3 tools/golden/resnet18.py. The schema is in goldenfile.py. One forward in training mode on 4 images, from running
statistics 0 and 1 and batch-norm momentum 0.1, loss = sum(dfeatures * features). Parameters are inputs, by torchvision's names
(conv1.weight, layer2.0.downsample.0.weight, ...; the rule for their ranges is in networks.py); gradients carry the same names.
"""
import sys

import torch

from goldenfile import draw, dump, result, spec
from networks import fill, from_torch, parameter_specs, resnet18_cifar, running, to_torch, watch_kinks, widest_margin

CASE = "resnet18_24"  # the widest margin to a kink of 60 names; "resnet18.py search" shows them
IMAGES = spec("images", (4, 32, 32, 3))
COTANGENT = spec("dfeatures", (4, 512), of="features")


def forward(case, dtype):
    net = resnet18_cifar().to(dtype).train()
    fill(net, case, parameter_specs(net))
    margin = watch_kinks(net)
    return net, net(to_torch(draw(case, IMAGES, dtype))), margin()


def run(dtype):
    net, features, margin = forward(CASE, dtype)
    (features * draw(CASE, COTANGENT, dtype)).sum().backward()
    outputs = dict({"features": features.detach()}, **running(net))
    return outputs, {k: from_torch(p.grad) for k, p in net.named_parameters()}, margin


def write():
    outputs, grads, margin = run(torch.float64)
    outputs32, grads32, _ = run(torch.float32)
    dump("net/testdata/resnet18.json", [{
        "op": "resnet18", "name": CASE, "attrs": {"eps": 1e-5, "momentum": 0.1, "width": 64, "kink_margin": float("%.2g" % margin)},
        "inputs": [IMAGES] + parameter_specs(resnet18_cifar()), "cotangents": [COTANGENT],
        "outputs": [result(CASE, k, v, outputs32[k], full=k == "features") for k, v in outputs.items()],
        "grads": [result(CASE, k, v, grads32[k], full=False) for k, v in grads.items()]}])


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:] == ["search"]:
        with torch.no_grad():
            widest_margin("resnet18_", 60, lambda case: forward(case, torch.float64)[2])
    else:
        write()
