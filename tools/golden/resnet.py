"""Golden features, gradients and running statistics of ResNets: net/testdata/resnet.json.

Run: /usr/bin/python3 tools/golden/resnet.py. The schema is in goldenfile.py. One forward in training mode on 4 images, with running
statistics of 0 and 1 and a batch-norm momentum of 0.1; loss = sum(dfeatures * features). Parameters are inputs, by torchvision's names
(conv1.weight, layer2.0.downsample.0.weight, ...; their ranges are in networks.py); gradients have the same names.
"""
import sys

import torch

from goldenfile import draw, dump, result, spec
from networks import fill, from_torch, parameter_specs, resnet, running, to_torch, watch_kinks, widest_margin

# Each name has the widest margin to a kink among 60 names; "resnet.py search" prints the margins.
CASES = {"resnet18_24": ("cifar", 64, (32, 32)), "resnet34_50": ("cifar", 8, (20, 16)), "resnet50_18": ("imagenet", 8, (48, 40))}


class Case:
    def __init__(self, name, stem, width, size):
        self.name, self.arch, self.stem, self.width = name, name.split("_")[0], stem, width
        self.images = spec("images", (4, *size, 3))

    def net(self):
        return resnet(self.arch, self.stem, self.width)

    def forward(self, dtype):
        net = self.net().to(dtype).train()
        fill(net, self.name, parameter_specs(net))
        margin = watch_kinks(net)
        return net, net(to_torch(draw(self.name, self.images, dtype))), margin()

    def cotangent(self, features):
        return spec("dfeatures", features.shape, of="features")

    def run(self, dtype):
        net, features, margin = self.forward(dtype)
        (features * draw(self.name, self.cotangent(features), dtype)).sum().backward()
        outputs = dict({"features": features.detach()}, **running(net))
        return outputs, {k: from_torch(p.grad) for k, p in net.named_parameters()}, margin

    def golden(self):
        outputs, grads, margin = self.run(torch.float64)
        outputs32, grads32, _ = self.run(torch.float32)
        return {
            "op": self.arch, "name": self.name, "attrs": {"eps": 1e-5, "momentum": 0.1, "width": self.width, "kink_margin": float("%.2g" % margin)},
            "inputs": [self.images] + parameter_specs(self.net()), "cotangents": [self.cotangent(outputs["features"])],
            "outputs": [result(self.name, k, v, outputs32[k], full=k == "features") for k, v in outputs.items()],
            "grads": [result(self.name, k, v, grads32[k], full=False) for k, v in grads.items()]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:] == ["search"]:
        with torch.no_grad():
            for name, shape in CASES.items():
                widest_margin(name.split("_")[0] + "_", 60, lambda name: Case(name, *shape).forward(torch.float64)[2])
    else:
        dump("net/testdata/resnet.json", [Case(name, *shape).golden() for name, shape in CASES.items()])
