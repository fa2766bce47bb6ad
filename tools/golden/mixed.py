"""How far PyTorch's mixed precision ends from float64: ssl/testdata/mixed.json.

Run: /usr/bin/python3 tools/golden/mixed.py. For golden training cases with a learning rate SLOWER times as low, {case: {"losses": ten, "loss": d,
"gradient": d}}: the float64 losses, and the relative distances from float64 of a float32 network under torch.autocast on the CPU, in bfloat16: of the ten losses, and
of all gradients of the first step together. At the full rate ten steps on a few images amplify any rounding of activations to a tenth of the loss.
"""
import json

import numpy as np
import torch

from methods import FILES
from simclr import SGD_NAME, SimCLR
from training import train


SLOWER = 20


def slower(method):
    class Slower(method):
        attrs = dict(method.attrs, lr=method.attrs["lr"] / SLOWER)
    return Slower


def under_autocast(method):
    class Autocast(method):
        def loss(self, t):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return super().loss(t).float()
    return Autocast


def distances(method, case):
    method = slower(method)
    losses, _, _, grads, _ = train(method, case, torch.float64)
    cast, _, _, cast_grads, _ = train(under_autocast(method), case, torch.float32)
    off = sum(float((cast_grads[k].double() - g).norm()) ** 2 for k, g in grads.items())
    size = sum(float(g.norm()) ** 2 for g in grads.values())
    return {"losses": losses.tolist(), "loss": float("%.3g" % (np.linalg.norm(cast - losses) / np.linalg.norm(losses))), "gradient": float("%.3g" % (off / size) ** 0.5)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    cases = [(SimCLR, SGD_NAME)] + [(m, m.case_name) for name in ("byol", "vicreg", "dino", "mocov3", "mae") for m in FILES[name][0]]
    with open("ssl/testdata/mixed.json", "w") as f:
        json.dump({"slower": SLOWER, "cases": {case: distances(m, case) for m, case in cases}}, f, indent=1)
        f.write("\n")
