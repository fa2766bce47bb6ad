"""Golden results of the augmentations, by torchvision's float tensor functions: kernels/testdata/views.json.

Run: /usr/bin/python3 tools/golden/views.py. The schema is in goldenfile.py; every case has one input "image" [H W C], one output "y"
and "steps". A number u of the stream is the pixel ⌊256 u⌋ / 255. The steps, in order of application:
    {"op":"resized_crop","top","left","height","width","out_height","out_width","bicubic"}   antialias, not rounded
    {"op":"window","top","left","side"}   black outside   {"op":"flip"}  {"op":"vflip"}  {"op":"rot90","turns"}   counter-clockwise
    {"op":"brightness","factor"}  {"op":"contrast","factor"}  {"op":"saturation","factor"}  {"op":"hue","factor"}  {"op":"gray"}
    {"op":"blur","kernel","sigma"}  {"op":"solarize","factor"}  {"op":"normalize","mean":[..],"std":[..]}
    {"op":"erase","top","left","height","width"}  {"op":"mask","side","at":[..]}   patches, row-major
    {"op":"tiles","side","at":[..]}   top·4096 + left of each; the output is [tiles side side C]
"""
from itertools import permutations

import torch
import torchvision.transforms.functional as TF
from torchvision.transforms import InterpolationMode

from goldenfile import draw, dump, result, spec

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def resized_crop(x, s):
    mode = InterpolationMode.BICUBIC if s["bicubic"] else InterpolationMode.BILINEAR
    return TF.resized_crop(x, s["top"], s["left"], s["height"], s["width"], [s["out_height"], s["out_width"]], mode, antialias=True)


def mask(x, s):
    x, side = x.clone(), s["side"]
    for p in s["at"]:
        i, j = divmod(p, x.shape[2] // side)
        x[:, i * side:(i + 1) * side, j * side:(j + 1) * side] = 0
    return x


OPS = {
    "resized_crop": resized_crop,
    "window": lambda x, s: TF.crop(x, s["top"], s["left"], s["side"], s["side"]),
    "flip": lambda x, s: TF.hflip(x),
    "vflip": lambda x, s: TF.vflip(x),
    "rot90": lambda x, s: torch.rot90(x, s["turns"], (1, 2)),
    "brightness": lambda x, s: TF.adjust_brightness(x, s["factor"]),
    "contrast": lambda x, s: TF.adjust_contrast(x, s["factor"]),
    "saturation": lambda x, s: TF.adjust_saturation(x, s["factor"]),
    "hue": lambda x, s: TF.adjust_hue(x, s["factor"]),
    "gray": lambda x, s: TF.rgb_to_grayscale(x, x.shape[0]),
    "blur": lambda x, s: TF.gaussian_blur(x, [s["kernel"]] * 2, [s["sigma"]] * 2),
    "solarize": lambda x, s: TF.solarize(x, s["factor"]),
    "normalize": lambda x, s: TF.normalize(x, s["mean"], s["std"]),
    "erase": lambda x, s: TF.erase(x, s["top"], s["left"], s["height"], s["width"], torch.zeros((), dtype=x.dtype)),
    "mask": mask,
    "tiles": lambda x, s: torch.stack([TF.crop(x, a // 4096, a % 4096, s["side"], s["side"]) for a in s["at"]]),
}


def run(case, image, steps, dtype):
    u = draw(case, image, torch.float64).permute(2, 0, 1)
    torch.set_default_dtype(dtype)  # the type in which torchvision computes the weights of a blur
    x = (torch.floor(256 * u).clamp(max=255) / 255).to(dtype)
    for step in steps:
        x = OPS[step["op"]](x, step)
    return x.movedim(-3, -1)


def op(name, **values):
    return {"op": name, **values}


def crop(top, left, height, width, out_height, out_width, bicubic=False):
    return op("resized_crop", top=top, left=left, height=height, width=width, out_height=out_height, out_width=out_width, bicubic=bicubic)


def factor(name, f):
    return op(name, factor=f)


def blur(kernel, sigma):
    return op("blur", kernel=kernel, sigma=sigma)


def normalize(c):
    return op("normalize", mean=MEAN[:c], std=STD[:c])


def jitter(names):
    factors = {"brightness": 1.3, "contrast": 0.65, "saturation": 1.5, "hue": -0.17}
    return [factor(n, factors[n]) for n in names]


RESIZES = [
    ("crop_whole", (7, 9, 1), [crop(0, 0, 7, 9, 7, 9)]),
    ("crop_up", (8, 9, 3), [crop(2, 3, 5, 4, 8, 8)]),
    ("crop_up_odd", (12, 10, 1), [crop(1, 0, 3, 7, 8, 11)]),
    ("crop_down", (17, 23, 1), [crop(0, 2, 17, 20, 8, 7)]),
    ("crop_down_rgb", (24, 20, 3), [crop(3, 1, 20, 19, 6, 8)]),
    ("crop_mixed", (19, 11, 3), [crop(1, 4, 18, 5, 8, 8)]),
    ("crop_pixel", (5, 6, 3), [crop(4, 5, 1, 1, 4, 4)]),
    ("crop_to_pixel", (7, 5, 1), [crop(0, 0, 7, 5, 1, 1)]),
    ("crop_row", (9, 9, 1), [crop(8, 0, 1, 9, 8, 8)]),
    ("crop_far_down", (61, 83, 1), [crop(3, 5, 57, 71, 7, 7)]),
    ("bicubic_up", (8, 9, 3), [crop(2, 3, 5, 4, 9, 9, True)]),
    ("bicubic_whole", (7, 7, 3), [crop(0, 0, 7, 7, 7, 7, True)]),
    ("bicubic_down", (31, 23, 1), [crop(0, 2, 29, 20, 9, 9, True)]),
    ("bicubic_down_rgb", (24, 20, 3), [crop(3, 1, 20, 19, 8, 8, True)]),
    ("bicubic_mixed", (19, 11, 3), [crop(1, 4, 18, 5, 8, 8, True)]),
    ("bicubic_jitter", (9, 9, 3), [crop(1, 2, 5, 5, 9, 9, True)] + jitter(["hue", "brightness", "contrast", "saturation"])),
    ("bicubic_brightness", (9, 9, 3), [crop(1, 2, 5, 5, 9, 9, True), factor("brightness", 0.7)]),
    ("bicubic_hue", (9, 9, 3), [crop(1, 2, 5, 5, 9, 9, True), factor("hue", 0.2)]),
    ("centre_crop", (13, 19, 3), [crop(0, 0, 13, 19, 10, 14), op("window", top=1, left=3, side=8)]),
    ("centre_crop_bicubic", (25, 17, 1), [crop(0, 0, 25, 17, 16, 11, True), op("window", top=3, left=0, side=11)]),
    ("padded", (7, 9, 3), [crop(0, 0, 7, 9, 7, 9), op("window", top=-2, left=-1, side=11)]),
    ("shifted", (8, 8, 1), [crop(0, 0, 8, 8, 8, 8), op("window", top=3, left=-2, side=8)]),
]
TURNS = [
    ("flip_odd", (3, 5, 3), [op("flip")]),
    ("flip_even", (4, 6, 1), [op("flip")]),
    ("flip_square", (5, 5, 3), [op("flip")]),
    ("vflip", (6, 6, 1), [op("vflip")]),
    ("both_flips_and_turn", (5, 5, 3), [op("flip"), op("vflip"), op("rot90", turns=1)]),
    ("flip_and_turns", (6, 6, 1), [op("flip"), op("rot90", turns=3)]),
] + [("rot90_%d" % k, (5, 5, 1), [op("rot90", turns=k)]) for k in (1, 2, 3)]
COLOURS = [
    ("brightness_up", (5, 5, 3), [factor("brightness", 1.4)]),
    ("brightness_down", (5, 4, 1), [factor("brightness", 0.6)]),
    ("brightness_none", (5, 5, 1), [factor("brightness", 0)]),
    ("contrast_up", (7, 7, 3), [factor("contrast", 1.4)]),
    ("contrast_down", (5, 7, 3), [factor("contrast", 0.6)]),
    ("contrast_gray", (6, 6, 1), [factor("contrast", 1.7)]),
    ("saturation_up", (6, 6, 3), [factor("saturation", 1.8)]),
    ("saturation_none", (5, 5, 3), [factor("saturation", 0)]),
    ("hue_up", (7, 7, 3), [factor("hue", 0.5)]),
    ("hue_down", (7, 7, 3), [factor("hue", -0.23)]),
    ("hue_small", (7, 7, 3), [factor("hue", 0.03)]),
    ("hue_of_gray", (5, 5, 3), [factor("saturation", 0), factor("hue", 0.3)]),
    ("gray_rgb", (5, 5, 3), [op("gray")]),
    ("jitter_of_gray", (6, 6, 1), jitter(["hue", "brightness", "saturation", "contrast"])),
    ("jitter_of_gray_late", (6, 6, 1), jitter(["contrast", "saturation", "brightness", "hue"])),
    ("jitter_and_gray", (6, 6, 3), jitter(["saturation", "hue", "contrast", "brightness"]) + [op("gray")]),
    ("jitter_two", (5, 5, 3), jitter(["hue", "saturation"])),
    ("solarize_half", (5, 5, 3), [factor("solarize", 0.5)]),
    ("solarize_some", (6, 6, 1), [factor("solarize", 0.2)]),
    ("normalize_rgb", (4, 4, 3), [normalize(3)]),
    ("normalize_gray", (4, 5, 1), [normalize(1)]),
] + [("jitter_" + "".join(n[0] for n in names), (5, 5, 3), jitter(names)) for names in permutations(["brightness", "contrast", "saturation", "hue"])]
LATE = [
    ("blur_3", (5, 5, 3), [blur(3, 0.1)]),
    ("blur_3_wide", (4, 7, 1), [blur(3, 2.0)]),
    ("blur_5", (9, 9, 1), [blur(5, 0.8)]),
    ("blur_9", (9, 9, 3), [blur(9, 1.3)]),
    ("blur_13", (11, 11, 1), [blur(13, 2.0)]),
    ("blur_23", (13, 13, 3), [blur(23, 2.0)]),
    ("blur_23_sharp", (21, 21, 1), [blur(23, 0.4)]),
    ("blur_solarize", (8, 8, 3), [blur(5, 1.1), factor("solarize", 0.5), normalize(3)]),
    ("erase", (7, 7, 3), [normalize(3), op("erase", top=1, left=2, height=4, width=3)]),
    ("mask", (8, 8, 3), [normalize(3), op("mask", side=2, at=[0, 3, 7, 9, 15])]),
    ("mask_many", (14, 14, 1), [normalize(1), op("mask", side=2, at=[1, 23, 24, 25, 46, 47, 48])]),
    ("tiles", (12, 12, 3), [op("tiles", side=3, at=[4096 * t + l for t, l in ((0, 9), (4, 5), (8, 0), (2, 1))])]),
    ("tiles_blurred", (9, 9, 1), [blur(5, 1.0), normalize(1), op("tiles", side=4, at=[5, 4096 * 5, 4096 * 2 + 3, 4096 + 1])]),
]
CHAINS = [
    ("chain_gray", (16, 18, 1), [crop(2, 1, 11, 14, 8, 8), op("flip"), factor("brightness", 1.3), factor("contrast", 0.7), normalize(1)]),
    ("chain_rgb", (20, 16, 3), [crop(0, 3, 19, 12, 8, 8), op("flip"), factor("contrast", 1.35), factor("brightness", 1.2), normalize(3)]),
    ("chain_simclr", (21, 19, 3), [crop(2, 1, 17, 13, 11, 11), op("flip")] + jitter(["hue", "contrast", "brightness", "saturation"])
     + [op("gray"), blur(5, 1.2), normalize(3)]),
    ("chain_byol", (15, 23, 3), [crop(1, 4, 12, 15, 13, 13, True)] + jitter(["saturation", "contrast", "hue", "brightness"])
     + [blur(3, 0.7), factor("solarize", 0.5), normalize(3), op("erase", top=0, left=9, height=5, width=4)]),
    ("chain_rotation", (11, 14, 3), [crop(0, 0, 11, 14, 9, 11), op("window", top=0, left=1, side=9), op("vflip"), op("rot90", turns=3)]
     + jitter(["contrast", "hue"]) + [normalize(3)]),
    ("chain_jigsaw", (17, 13, 1), [crop(2, 2, 14, 11, 12, 12), op("flip")] + jitter(["brightness", "contrast"])
     + [normalize(1), op("tiles", side=3, at=[4096 * 9 + 9, 0, 4096 * 4 + 1, 8])]),
]


def cases():
    for name, shape, steps in RESIZES + TURNS + COLOURS + LATE + CHAINS:
        image = spec("image", shape, 0, 1)
        y, y32 = (run(name, image, steps, d) for d in (torch.float64, torch.float32))
        yield {"op": "views", "name": name, "steps": steps, "inputs": [image], "outputs": [result(name, "y", y, y32)]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    dump("kernels/testdata/views.json", list(cases()))
