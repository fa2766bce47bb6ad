"""Golden results of every op, forward and backward, on odd shapes: kernels/testdata/ops.json.

Run: /usr/bin/python3 tools/golden/ops.py (Debian's python3-torch). The schema is in goldenfile.py, the functions are in opfunctions.py.
"""
import torch

from goldenfile import draw, dump, result, spec
from opfunctions import KINK, OPS, UnfitDraw


def run(op, name, attrs, inputs, wanted, dtype):
    """Outputs and gradients of sum(cotangent * first output) for one dtype."""
    t = {s["name"]: draw(name, s, dtype, s["name"] in wanted) for s in inputs}
    outputs = OPS[op](t, attrs)
    if not wanted:
        return outputs, {}, []
    of, y = next(iter(outputs.items()))
    cotangent = spec("d" + of, y.shape, of=of)
    (y * draw(name, cotangent, dtype)).sum().backward()
    return {k: v.detach() for k, v in outputs.items()}, {k: t[k].grad for k in wanted}, [cotangent]


def case(op, name, attrs, inputs, wanted, ints=()):
    for suffix in ("", "_b", "_c", "_d", "_e"):
        try:
            return case_of_streams(op, name + suffix, attrs, inputs, wanted, ints)
        except UnfitDraw:
            pass
    raise SystemExit("golden: %s: every draw is within %g of a kink, or below ReLU's: make the shape smaller" % (name, KINK))


def case_of_streams(op, name, attrs, inputs, wanted, ints):
    numeric = dict(attrs)
    attrs = dict(attrs, **{i["name"]: i["data"] for i in ints})
    y, g, cotangents = run(op, name, attrs, inputs, wanted, torch.float64)
    y32, g32, _ = run(op, name, attrs, inputs, wanted, torch.float32)
    return {"op": op, "name": name, "attrs": numeric, "inputs": inputs, "ints": list(ints), "cotangents": cotangents,
            "outputs": [result(name, k, y[k], y32[k]) for k in y], "grads": [result(name, k, g[k], g32[k]) for k in g]}


def conv_cases():
    for n, h, w, c, k, r, s, stride, pad in [
            (1, 5, 7, 1, 1, 3, 3, 1, 1), (1, 5, 4, 3, 5, 1, 1, 1, 0), (3, 6, 5, 3, 7, 3, 3, 2, 1), (1, 7, 9, 5, 8, 3, 3, 1, 0),
            (5, 5, 6, 8, 8, 1, 1, 2, 0), (1, 9, 8, 3, 8, 7, 7, 2, 3), (3, 8, 7, 5, 7, 5, 5, 1, 2), (3, 7, 5, 8, 17, 3, 3, 2, 1),
            (5, 6, 7, 16, 17, 3, 3, 1, 1), (1, 6, 6, 16, 8, 5, 5, 2, 2), (1, 3, 3, 8, 8, 3, 3, 1, 1), (3, 1, 1, 8, 5, 3, 3, 1, 1),
            (1, 3, 5, 3, 1, 3, 3, 1, 2), (1, 4, 9, 3, 5, 1, 3, 1, 0), (3, 8, 8, 1, 8, 3, 3, 2, 0), (3, 16, 13, 16, 16, 3, 3, 1, 1)]:
        name = "conv2d_n%d_%dx%d_c%d_k%d_%dx%d_s%d_p%d" % (n, h, w, c, k, r, s, stride, pad)
        yield case("conv2d", name, {"stride": stride, "pad": pad}, [spec("x", (n, h, w, c)), spec("w", (k, r, s, c))], ["x", "w"])


def depthwise_cases():
    for n, h, w, c, r, s, pad in [(1, 5, 4, 1, 3, 3, 1), (2, 9, 8, 5, 7, 7, 3), (3, 2, 3, 8, 7, 7, 3), (1, 6, 17, 9, 5, 3, 1), (2, 16, 12, 6, 7, 7, 3)]:
        yield case("depthwise_conv2d", "depthwise_n%d_%dx%d_c%d_%dx%d_p%d" % (n, h, w, c, r, s, pad), {"pad": pad},
                   [spec("x", (n, h, w, c)), spec("w", (c, r, s, 1))], ["x", "w"])


def pool_cases():
    for n, h, w, c, k, stride, pad in [
            (1, 5, 7, 1, 3, 2, 1), (2, 6, 5, 5, 2, 2, 0), (1, 7, 6, 3, 3, 1, 1), (2, 5, 6, 4, 2, 3, 1), (1, 6, 9, 5, 5, 2, 2), (3, 4, 3, 8, 1, 2, 0)]:
        yield case("max_pool2d", "max_pool2d_n%d_%dx%d_c%d_k%d_s%d_p%d" % (n, h, w, c, k, stride, pad), {"kernel": k, "stride": stride, "pad": pad},
                   [spec("x", (n, h, w, c))], ["x"])


def batchnorm_cases():
    shapes = [((3, 4, 5, 8), -1, 1), ((5, 3), -1, 1), ((1, 5, 7, 1), -2, 1), ((3, 1, 1, 5), -1, 1), ((3, 3, 5, 17), 9, 11), ((33, 16), -1, 3)]
    for shape, lo, hi in shapes:
        for residual in (0, 1):
            for rectify in (0, 1):
                c = shape[-1:]
                size = "x".join(map(str, shape)) + ("_residual" if residual else "") + ("_relu" if rectify else "")
                common = [spec("x", shape, lo, hi), spec("gamma", c, 0.5, 1.5), spec("beta", c)]
                extra = [spec("residual", shape)] if residual else []
                wanted = ["x", "gamma", "beta"] + (["residual"] if residual else [])
                attrs = {"eps": 1e-5, "relu": rectify}
                yield case("batchnorm_train", "batchnorm_train_" + size, dict(attrs, momentum=0.1),
                           common + [spec("running_mean", c), spec("running_var", c, 0.5, 2)] + extra, wanted)
                if len(shape) == 4:
                    yield case("batchnorm_infer", "batchnorm_infer_" + size, attrs,
                               common + [spec("mean", c), spec("var", c, 0.5, 2)] + extra, wanted)


def matrix_cases():
    for m, k, n in [(3, 5, 7), (1, 8, 1), (17, 33, 5), (8, 1, 16), (65, 31, 33)]:
        for ta in (0, 1):
            for tb in (0, 1):
                yield case("matmul", "matmul_%dx%dx%d_%d%d" % (m, k, n, ta, tb), {"trans_a": ta, "trans_b": tb},
                           [spec("a", (k, m) if ta else (m, k)), spec("b", (n, k) if tb else (k, n))], ["a", "b"])
    for n, c, k in [(3, 5, 7), (1, 8, 1), (5, 16, 10), (33, 17, 64)]:
        for bias in (0, 1):
            more = [spec("bias", (k,))] if bias else []
            yield case("linear", "linear_%dx%dx%d%s" % (n, c, k, "_bias" if bias else ""), {},
                       [spec("x", (n, c)), spec("w", (k, c))] + more, ["x", "w"] + ["bias"] * bias)
    for shape in [(5, 7), (3, 2, 3, 5)]:
        yield case("bias", "bias_" + "x".join(map(str, shape)), {}, [spec("x", shape), spec("b", shape[-1:])], ["x", "b"])


def elementwise_cases():
    for shape in [(1, 1), (5, 7), (3, 4, 5, 8), (1, 3, 3, 17)]:
        size = "x".join(map(str, shape))
        yield case("relu", "relu_" + size, {}, [spec("x", shape)], ["x"])
        yield case("add", "add_" + size, {}, [spec("a", shape), spec("b", shape)], ["a", "b"])
    for shape in [(3, 5, 7, 8), (1, 1, 1, 5), (5, 3, 4, 17)]:
        yield case("global_avg_pool", "global_avg_pool_" + "x".join(map(str, shape)), {}, [spec("x", shape)], ["x"])
    for tail in [(3, 2, 5), (7,)]:
        size = "x".join(map(str, tail))
        yield case("concat", "concat_2_1_3x" + size, {}, [spec("x%d" % i, (n,) + tail) for i, n in enumerate((2, 1, 3))], ["x0", "x1", "x2"])
        for lo, hi in [(0, 2), (2, 5), (4, 5)]:
            yield case("slice", "slice_%d_%d_of_5x%s" % (lo, hi, size), {"from": lo, "to": hi}, [spec("x", (5,) + tail)], ["x"])


def token_cases():
    for shape, to in [((3, 2, 5, 8), (3, 10, 8)), ((6, 5), (2, 3, 5)), ((2, 3, 4), (2, 12))]:
        yield case("reshape", "reshape_%s_to_%s" % tuple("x".join(map(str, s)) for s in (shape, to)), {"d%d" % i: d for i, d in enumerate(to)},
                   [spec("x", shape)], ["x"])
    for n, t, d in [(1, 1, 1), (3, 5, 7), (2, 4, 12)]:
        size = "%dx%dx%d" % (n, t, d)
        x = spec("x", (n, t, d))
        yield case("prepend_token", "prepend_token_" + size, {}, [x, spec("token", (1, 1, d))], ["x", "token"])
        yield case("add_positions", "add_positions_" + size, {}, [x, spec("p", (1, t, d))], ["x", "p"])
        yield case("scale_samples", "scale_samples_" + size, {}, [x, spec("s", (n,))], ["x"])
        yield case("slice_tokens", "slice_tokens_" + size, {"from": t // 2, "to": t}, [x], ["x"])
    for name, fill, index in [("kept", [], [4, 1, 0, 3, 2, 0]), ("restored", ["fill"], [5, 1, -1, 0, 2, 4, 3, 6, 4, 3, 2, 1, 0, 9])]:
        yield case("gather_tokens", "gather_tokens_" + name, {}, [spec("x", (2, 5, 7))] + [spec(k, (1, 1, 7)) for k in fill], ["x"] + fill,
                   [{"name": "index", "data": index}])


def patch_cases():
    for h, w, c, p, index in [(5, 7, 1, 2, [5, 0, 3, 2]), (8, 12, 3, 4, [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0])]:
        for normalize in (0, 1):
            yield case("patches", "patches_%dx%dx%d_p%d_%d" % (h, w, c, p, normalize), {"side": p, "normalize": normalize}, [spec("x", (2, h, w, c))], [],
                       [{"name": "index", "data": index}])


def loss_cases():
    for n, d, scale in [(5, 7, 1), (3, 128, 1), (1, 2, 1), (4, 33, 1e-3)]:
        yield case("l2normalize", "l2normalize_%dx%d_%g" % (n, d, scale), {}, [spec("x", (n, d), -scale, scale)], ["x"])
    for n, d, temperature, scale in [(5, 33, 1, 2), (1, 2, 0.5, 1), (7, 10, 0.2, 1), (3, 129, 0.07, 1), (4, 17, 1, 80)]:
        for op in ("softmax", "log_softmax"):
            yield case(op, "%s_%dx%d_t%g_%g" % (op, n, d, temperature, scale), {"temperature": temperature},
                       [spec("x", (n, d), -scale, scale)], ["x"])
    for k, targets, scale in [(10, [3, -1, 0, 9, 9, -1], 2), (2, [0, 1, 1, 0, 1], 1), (33, [32], 3), (7, [6, 0, 5], 60)]:
        yield case("cross_entropy", "cross_entropy_%dx%d" % (len(targets), k), {},
                   [spec("logits", (len(targets), k), -scale, scale)], ["logits"], [{"name": "targets", "data": targets}])
        yield case("smoothed_cross_entropy", "smoothed_cross_entropy_%dx%d" % (len(targets), k), {"smoothing": 0.8},
                   [spec("logits", (len(targets), k), -scale, scale)], ["logits"], [{"name": "targets", "data": targets}])
    for n, d, temperature in [(2, 3, 1), (3, 5, 0.2), (5, 7, 0.5), (8, 33, 0.1), (33, 64, 0.2)]:
        a = d**-0.5  # the norm of a row is at most 1, as for normalized embeddings
        for op in ("ntxent", "decoupled_ntxent"):
            yield case(op, "%s_%dx%d_t%g" % (op, n, d, temperature), {"temperature": temperature}, [spec("z", (2 * n, d), -a, a)], ["z"])


def method_cases():
    for shape in [(1, 1), (5, 7), (33, 64)]:
        size = "x".join(map(str, shape))
        yield case("gelu", "gelu_" + size, {}, [spec("x", shape, -4, 4)], ["x"])
        yield case("scale", "scale_" + size, {"scale": -0.25}, [spec("x", shape)], ["x"])
        yield case("scale_columns", "scale_columns_" + size, {}, [spec("x", shape), spec("s", shape[-1:])], ["x", "s"])
        yield case("add_scaled", "add_scaled_" + size, {"scale": -0.5}, [spec("a", shape), spec("b", shape)], ["a", "b"])
    for n, c, k in [(3, 5, 7), (1, 8, 1), (33, 17, 64)]:
        yield case("normalized_linear", "normalized_linear_%dx%dx%d" % (n, c, k), {}, [spec("x", (n, c)), spec("w", (k, c))], ["x", "w"])
    for n, d, scale in [(1, 2, 1), (5, 7, 1), (33, 64, 1e-3)]:
        for op in ("cosine_loss", "negative_cosine"):
            inputs = [spec("p", (n, d), -scale, scale), spec("z", (n, d))]
            yield case(op, "%s_%dx%d" % (op, n, d), {}, inputs, ["p", "z"])
            yield case(op, "%s_%dx%d_stopped" % (op, n, d), {"stopped": 1}, inputs, ["p"])
    for n, k, temperature, scale in [(1, 2, 1, 1), (5, 7, 0.1, 1), (3, 129, 0.1, 3), (4, 17, 1, 60)]:
        yield case("soft_cross_entropy", "soft_cross_entropy_%dx%d_t%g" % (n, k, temperature), {"temperature": temperature},
                   [spec("logits", (n, k), -scale, scale), spec("targets", (n, k), 0, 2 / k)], ["logits"])
    for n, k, temperature in [(1, 1, 1), (5, 7, 0.04), (33, 129, 0.07)]:
        yield case("center", "center_%dx%d" % (n, k), {"temperature": temperature, "momentum": 0.9}, [spec("x%d" % i, (n, k)) for i in range(3)], [])


def correlation_cases():
    for n, d in [(2, 1), (5, 7), (33, 64)]:
        yield case("center_columns", "center_columns_%dx%d" % (n, d), {}, [spec("x", (n, d))], ["x"])
        yield case("mean_square", "mean_square_%dx%d" % (n, d), {}, [spec("x", (n, d))], ["x"])
        yield case("moment_loss", "moment_loss_%dx%d" % (n, d), {}, [spec("x", (n, d), -2, 3)], ["x"])
        yield case("inverse_deviations", "inverse_deviations_%dx%d" % (n, d), {}, [spec("x", (n, d), -2, 3)], [])
        yield case("normal_scores", "normal_scores_%dx%d" % (n, d), {}, [spec("x", (n, d))], [])
    for n, s, size in [(2, 1, 1), (5, 7, 2), (33, 64, 4)]:
        yield case("sigreg", "sigreg_%dx%d_%g" % (n, s, size), {}, [spec("u", (n, s), -size, size)], ["u"])
    for d in (2, 5, 33):
        yield case("correlation_loss", "correlation_loss_%d" % d, {"lambda": 0.0051}, [spec("c", (d, d))], ["c"])
        yield case("covariance_loss", "covariance_loss_%d" % d, {"variance": 12.5 / d, "covariance": 1 / d}, [spec("c", (d, d), 0.1, 1.9)], ["c"])


def queue_cases():
    for n, m, own in [(2, 3, 0), (5, 5, 0), (5, 33, 0), (1, 2, 1), (5, 9, 1), (7, 130, 1)]:
        yield case("info_nce", "info_nce_%dx%d_%d" % (n, m, own), {"only_own": own}, [spec("x", (n, m), -5, 5)], ["x"])
    for n, k, d in [(1, 1, 1), (5, 7, 3), (9, 130, 16)]:
        yield case("nearest_rows", "nearest_rows_%dx%dx%d" % (n, k, d), {}, [spec("x", (n, d)), spec("candidates", (k, d))], [])
    for n, d in [(2, 3), (5, 7), (16, 33)]:
        yield case("koleo", "koleo_%dx%d" % (n, d), {}, [spec("x", (n, d))], ["x"])
    for n, k, epsilon in [(1, 1, 1), (5, 7, 0.05), (40, 12, 0.1)]:
        yield case("sinkhorn", "sinkhorn_%dx%d_%g" % (n, k, epsilon), {"epsilon": epsilon}, [spec("x", (n, k))], [])


def attention_cases():
    for n, tokens, heads, width, scale in [(1, 1, 1, 12, 1), (2, 5, 3, 12, 1), (1, 37, 2, 32, 2), (2, 65, 1, 12, 3), (3, 7, 2, 12, 6)]:
        yield case("attention", "attention_%dx%d_h%d_w%d_%g" % (n, tokens, heads, width, scale), {"heads": heads},
                   [spec("qkv", (n, tokens, 3 * heads * width), -scale, scale)], ["qkv"])


def optimizer_cases():
    """Three steps from zero moments; of those clipped at 3.3 one is longer, and 1e-6 is the epsilon beside the norm."""
    for n, scale, decay, clip in [(5, 1, 0, 0), (33, 1, 0.01, 0), (17, 1e-6, 0.01, 0), (34, 1, 0.01, 3.3), (19, 1e-6, 0, 1e-6)]:
        inputs = [spec("p", (n,))] + [spec("g%d" % i, (n,), -scale, scale) for i in range(3)]
        size, more = "%d_g%g_wd%g" % (n, scale, decay) + ("_clip%g" % clip if clip else ""), {"clip": clip} if clip else {}
        for variant, nesterov in ("sgd", 0), ("nesterov", 1):
            yield case("sgd", "%s_%s" % (variant, size),
                       dict({"lr": 0.1, "momentum": 0.9, "weight_decay": decay, "nesterov": nesterov}, **more), inputs, [])
        for variant, coupled in ("adamw", 0), ("adam", 1):
            yield case("adamw", "%s_%s" % (variant, size),
                       dict({"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": decay, "coupled": coupled}, **more), inputs, [])
    for n, scale, decay, lr in [(5, 1, 0, 0.5), (33, 1, 0.01, 0.5), (17, 1e-6, 0.01, 0.5), (34, 1, 0.1, 0.001), (9, 0, 0.1, 0.5)]:
        for size, low in ("", -1), ("_of_zeros", 0):
            inputs = [spec("p", (n,), low, -low)] + [spec("g%d" % i, (n,), -scale, scale) for i in range(3)]
            for op, eta in ("lars", 0.001), ("larc", 0.02):
                yield case(op, "%s_%d_g%g_wd%g_lr%g%s" % (op, n, scale, decay, lr, size),
                           {"lr": lr, "momentum": 0.9, "weight_decay": decay, "eta": eta}, inputs, [])


if __name__ == "__main__":
    torch.set_num_threads(1)
    groups = (conv_cases, depthwise_cases, pool_cases, batchnorm_cases, matrix_cases, elementwise_cases, loss_cases, method_cases, correlation_cases, queue_cases,
              attention_cases, token_cases, patch_cases, optimizer_cases)
    dump("kernels/testdata/ops.json", [c for g in groups for c in g()])
