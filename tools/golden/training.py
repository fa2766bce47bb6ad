"""Ten golden training steps of a method in float64, with the distance of a float32 run. Parameters, views and targets are streams."""
import numpy as np
import torch

from goldenfile import draw, number, relative, result, spec
from networks import fill, from_torch, parameter_specs, running, to_torch, watch_kinks, widest_margin
from philox import uniform

STEPS, BATCH, SIZE, WIDTH = 10, 8, 16, 8
ROUNDING = 1e-13
SGD = {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4}
ADAMW = {"lr": 2e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0}


def view_specs(rows, size=SIZE, name="views"):
    return [spec("%s%d" % (name, t), (rows, size, size, 1)) for t in range(STEPS)]


class Method:
    """The base of the methods, which define the network, the loss of step t, and hooks around the optimizer. `copies` holds other networks by the
    prefix of their names.

    Parameters start from their streams, running statistics from 0 and 1. Weight decay applies to every parameter."""
    attrs, more, batch, views, classes, lowest = SGD, {}, BATCH, view_specs(2 * BATCH), 0, 0

    def __init__(self, case, dtype):
        self.case, self.dtype, self.net, self.copies = case, dtype, self.network().to(dtype).train(), {}
        fill(self.net, case, parameter_specs(self.net))

    def images(self, t, name="views"):
        return to_torch(draw(self.case, next(s for s in self.views if s["name"] == "%s%d" % (name, t)), self.dtype))

    def before(self, t, opt):
        """Runs between the backward pass and the optimizer."""

    def after(self, t):
        """Runs after the optimizer."""

    def margin(self):
        """Returns the distance to the nearest kink of the loss."""
        return float("inf")

    def state(self):
        nets = {"": self.net, **self.copies}
        return {prefix + k: v for prefix, net in nets.items() for k, v in dict(parameters(net), **running(net)).items()}


def targets(case, t, classes, lowest=0):
    """Returns integers in lowest … classes − 1, one per image."""
    return np.floor(uniform("%s/targets%d" % (case, t), (BATCH,), lowest, classes)).astype(int)


def parameters(net):
    return {k: from_torch(p) for k, p in net.named_parameters()}


def optimizer(attrs, params):
    if "momentum" in attrs:
        return torch.optim.SGD(params, lr=attrs["lr"], momentum=attrs["momentum"], weight_decay=attrs["weight_decay"])
    return torch.optim.AdamW(params, lr=attrs["lr"], betas=(attrs["beta1"], attrs["beta2"]), eps=attrs["eps"], weight_decay=attrs["weight_decay"])


def nudge(net, seed):
    """Changes every parameter by about one float32 rounding error, differently for each seed."""
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(1 + 1e-7 * torch.randn(p.shape, generator=noise, dtype=p.dtype))


def train(method, case, dtype, nudged=0):
    """Returns losses, final state, distance moved by each trained parameter, first gradients, and margin to the nearest kink in all steps."""
    m = method(case, dtype)
    if nudged:
        nudge(m.net, nudged)
    margin, start = watch_kinks(m.net), parameters(m.net)
    opt, losses, grads = optimizer(m.attrs, m.net.parameters()), [], {}
    for t in range(STEPS):
        opt.zero_grad()
        loss = m.loss(t)
        loss.backward()
        grads = grads or {k: from_torch(p.grad) for k, p in m.net.named_parameters()}
        m.before(t, opt)
        opt.step()
        m.after(t)
        losses.append(loss.item())
    moved = {k: float((p - start[k]).norm()) for k, p in parameters(m.net).items()}
    return np.array(losses), m.state(), moved, grads, min(margin(), m.margin())


def settled(values):
    """Replaces tensors that are only float64 rounding errors by zero: the gradient of a bias before a batch norm, the mean of centered values."""
    return {k: v * (float(v.norm()) > ROUNDING) for k, v in values.items()}


def train_case(method, case):
    losses, state, moved, grads, margin = train(method, case, torch.float64)
    state, grads = settled(state), settled(grads)
    losses32, state32, moved32, grads32, _ = train(method, case, torch.float32)
    outputs = [result(case, "loss", losses, losses32)] + [result(case, k, v, state32[k], full=False) for k, v in state.items()]
    for r in outputs:
        if r["name"] in moved and np.any(grads[r["name"]].numpy()):
            a, b = moved[r["name"]], moved32[r["name"]]
            r["moved"], r["moved_float32_distance"] = number(a), float("%.2g" % (abs(a - b) / a))
    print(case, "losses", " ".join("%.4f" % v for v in losses))
    print(case, "moved: float32 at most %.1e away (%s)" % max((r["moved_float32_distance"], r["name"]) for r in outputs if "moved" in r))
    more = dict(method.more, steps=STEPS, batch=method.batch, width=WIDTH, eps_bn=1e-5, momentum_bn=0.1, kink_margin=float("%.2g" % margin))
    ints = [{"name": "targets%d" % t, "data": targets(case, t, method.classes, method.lowest).tolist()} for t in range(STEPS) if method.classes]
    return {"op": method.op, "name": case, "attrs": dict(more, **method.attrs), "inputs": parameter_specs(method.network()) + method.views,
            **({"ints": ints} if ints else {}),
            "outputs": outputs, "grads": [result(case, k, v, grads32[k], full=False) for k, v in grads.items()]}


def loss_case(op, name, attrs, inputs, loss, differentiate=None):
    """Returns a case of a loss without a network. loss(**tensors) returns a scalar, or a dict with "loss". Gradients are with respect to the inputs in
    differentiate, by default all."""
    differentiate, values = differentiate or [s["name"] for s in inputs], []
    for dtype in (torch.float64, torch.float32):
        x = {s["name"]: draw(name, s, dtype, grad=s["name"] in differentiate) for s in inputs}
        out = loss(**x)
        out = dict(out) if isinstance(out, dict) else {"loss": out}
        out["loss"].backward()
        out["loss"] = out["loss"].reshape(1)
        values.append(({k: v.detach() for k, v in out.items()}, {k: x[k].grad for k in differentiate}))
    (out, grads), (out32, grads32) = values
    return {"op": op, "name": name, "attrs": attrs, "inputs": inputs, "outputs": [result(name, k, v, out32[k]) for k, v in out.items()],
            "grads": [result(name, k, v, grads32[k]) for k, v in grads.items()]}


def search(method, stem, tries=40):
    """Prints the margins to a kink of candidate names, and for the five widest the largest distance of float32 from float64 after training.

    The margin alone does not suffice: if errors grow from step to step, a run can still cross a kink. Choose a name for which six float32
    runs, from starts that differ by rounding errors, all end near the float64 run."""
    margins = widest_margin(stem, tries, lambda case: train(method, case, torch.float64)[-1])
    for case in sorted(margins, key=margins.get, reverse=True)[:5]:
        end, runs = settled(train(method, case, torch.float64)[1]), [train(method, case, torch.float32, seed)[1] for seed in range(6)]
        print(case, "%.2e" % margins[case], "float32 at most %.1e away" % max(
            relative(float((run[k].double() - v).norm()), float(v.norm())) for run in runs for k, v in end.items()), flush=True)
