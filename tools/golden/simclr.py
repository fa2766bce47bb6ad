"""Golden loss, gradient and training of SimCLR: ssl/testdata/simclr.json.

Run: /usr/bin/python3 tools/golden/simclr.py. The schema is in goldenfile.py. Cases:

op "simclr_loss": input "z" [2N D], not normalised; outputs "loss" [1]; gradient of the loss for z, through the normalisation.
op "simclr_train": ten steps of the network of networks.py from parameters in "inputs" (torchvision's names; projector.0.weight,
projector.1.weight, projector.1.bias, projector.3.weight, projector.3.bias), running statistics 0 and 1. Step t takes the input
"views<t>" [16 16 16 1] in one forward (one batch-norm population): rows i and i+8 are the two views of image i. Weight decay
applies to every parameter, scales and biases too. Outputs: "loss" [10], every parameter and running statistic after step 10,
as norm and projections, parameters with "moved" = ||p_10 - p_0|| too. "grads": all gradients of the first step.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F

from goldenfile import draw, dump, number, result, spec
from networks import SimCLRNet, fill, from_torch, parameter_specs, running, to_torch, watch_kinks, widest_margin

STEPS, BATCH, SIZE, WIDTH, EMBEDDING, TEMPERATURE = 10, 8, 16, 8, 64, 0.2
VIEWS = [spec("views%d" % t, (2 * BATCH, SIZE, SIZE, 1)) for t in range(STEPS)]
SGD = {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4}
ADAMW = {"lr": 2e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0}
SGD_NAME, ADAMW_NAME = "simclr_sgd_5", "simclr_adamw_34"  # the widest margin to a kink of 40 names; "simclr.py search" shows them


def ntxent(z, temperature):
    """Mean over 2N on normalised z; self is masked, the positive stays in the denominator."""
    z = F.normalize(z, dim=1)
    n = z.shape[0] // 2
    logits = (z @ z.t() / temperature).masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(logits, (torch.arange(2 * n) + n) % (2 * n))


def loss_case(n, d, temperature):
    name, s = "simclr_loss_%dx%d_t%g" % (n, d, temperature), spec("z", (2 * n, d))
    values = []
    for dtype in (torch.float64, torch.float32):
        z = draw(name, s, dtype, grad=True)
        loss = ntxent(z, temperature)
        loss.backward()
        values.append((loss.detach().reshape(1), z.grad))
    (loss, dz), (loss32, dz32) = values
    return {"op": "simclr_loss", "name": name, "attrs": {"temperature": temperature}, "inputs": [s],
            "outputs": [result(name, "loss", loss, loss32)], "grads": [result(name, "z", dz, dz32)]}


def network():
    return SimCLRNet(WIDTH, 1, EMBEDDING)


def optimizer(attrs, params):
    if "momentum" in attrs:
        return torch.optim.SGD(params, lr=attrs["lr"], momentum=attrs["momentum"], weight_decay=attrs["weight_decay"])
    return torch.optim.AdamW(params, lr=attrs["lr"], betas=(attrs["beta1"], attrs["beta2"]), eps=attrs["eps"], weight_decay=attrs["weight_decay"])


def train(name, attrs, dtype):
    """Losses, final state, distance moved by each parameter, first gradients, margin to the nearest ReLU kink in all steps."""
    net = network().to(dtype).train()
    fill(net, name, parameter_specs(net))
    margin, start = watch_kinks(net), {k: from_torch(p) for k, p in net.named_parameters()}
    opt, losses, grads = optimizer(attrs, net.parameters()), [], {}
    for s in VIEWS:
        opt.zero_grad()
        loss = ntxent(net(to_torch(draw(name, s, dtype))), TEMPERATURE)
        loss.backward()
        grads = grads or {k: from_torch(p.grad) for k, p in net.named_parameters()}
        opt.step()
        losses.append(loss.item())
    end = {k: from_torch(p) for k, p in net.named_parameters()}
    moved = {k: float((end[k] - start[k]).norm()) for k in end}
    return np.array(losses), dict(end, **running(net)), moved, grads, margin()


def train_case(name, attrs):
    losses, state, moved, grads, margin = train(name, attrs, torch.float64)
    losses32, state32, moved32, grads32, _ = train(name, attrs, torch.float32)
    outputs = [result(name, "loss", losses, losses32)] + [result(name, k, v, state32[k], full=False) for k, v in state.items()]
    for r in outputs:
        if r["name"] in moved:
            a, b = moved[r["name"]], moved32[r["name"]]
            r["moved"], r["moved_float32_distance"] = number(a), float("%.2g" % (abs(a - b) / a))
    print(name, "losses", " ".join("%.4f" % v for v in losses))
    print(name, "moved: float32 at most %.1e away (%s)" % max((r["moved_float32_distance"], r["name"]) for r in outputs if "moved" in r))
    more = {"temperature": TEMPERATURE, "steps": STEPS, "batch": BATCH, "width": WIDTH, "embedding": EMBEDDING,
            "eps_bn": 1e-5, "momentum_bn": 0.1, "kink_margin": float("%.2g" % margin)}
    return {"op": "simclr_train", "name": name, "attrs": dict(more, **attrs), "inputs": parameter_specs(network()) + VIEWS,
            "outputs": outputs, "grads": [result(name, k, v, grads32[k], full=False) for k, v in grads.items()]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:] == ["search"]:
        for stem, attrs in (("simclr_sgd_", SGD), ("simclr_adamw_", ADAMW)):
            widest_margin(stem, 40, lambda name: train(name, attrs, torch.float64)[-1])
    else:
        dump("ssl/testdata/simclr.json", [
            loss_case(5, 7, 0.2), loss_case(5, 7, 0.5), train_case(SGD_NAME, SGD), train_case(ADAMW_NAME, ADAMW)])
