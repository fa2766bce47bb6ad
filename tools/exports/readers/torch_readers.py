"""Loads a safetensors file into PyTorch: torch_readers.py FILE IMAGES FEATURES N C H W (see tools/exports/readers.go).

ResNets are torchvision's and vision transformers timm's, by the code of README.md and export/README.md.
"""
import json
import sys

import numpy
import torch
import torchvision


def load(path):
    raw = bytearray(open(path, "rb").read())
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    meta, weights = header.pop("__metadata__"), {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        weights[name] = torch.frombuffer(raw, dtype=torch.float32, offset=start + begin, count=(end - begin) // 4).reshape(t["shape"])
    return meta, weights


def group_norm(width):
    return torch.nn.GroupNorm(next(n for n in range(min(32, width // 4), 0, -1) if n == 1 or width % (4 * n) == 0), width)


def network(meta):
    of = lambda key: int(meta["marr." + key])
    if not meta["marr.arch"].startswith("vit"):
        net = getattr(torchvision.models, meta["marr.arch"])(norm_layer=group_norm if meta["marr.norm"] == "group" else None)
        net.fc = torch.nn.Identity()
        return net
    try:
        import timm
    except ImportError:
        sys.exit("timm is not installed")
    return timm.models.vision_transformer.VisionTransformer(
        img_size=of("grid") * of("patch"), patch_size=of("patch"), embed_dim=of("embed-dim"), depth=of("depth"), num_heads=of("heads"), num_classes=0,
        fc_norm=False, global_pool="token" if meta["marr.pool"] == "cls" else "avg")


print(f"{torch.__version__}, torchvision {torchvision.__version__}", flush=True)
file, images, features, *dims = sys.argv[1:]
meta, weights = load(file)
net = network(meta)
net.load_state_dict(weights, strict=True)
net.eval()
with torch.no_grad():
    y = net(torch.from_numpy(numpy.fromfile(images, "<f4").reshape([int(d) for d in dims])))
y.numpy().astype("<f4").tofile(features)
