"""Golden results of the augmentations, by torchvision's float tensor functions: kernels/testdata/views.json.

Run: /usr/bin/python3 tools/golden/views.py. The schema is in goldenfile.py; every case has one input "image" [H W C] in 0..1,
one output "y" and "steps", applied in order:
    {"op":"resized_crop","top","left","height","width","out_height","out_width"}   bilinear, antialias, not rounded
    {"op":"flip"}  {"op":"brightness","factor"}  {"op":"contrast","factor"}  {"op":"normalize","mean":[..],"std":[..]}
"""
import torch
import torchvision.transforms.functional as TF
from torchvision.transforms import InterpolationMode

from goldenfile import draw, dump, result, spec

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def apply(step, x):
    op = step["op"]
    if op == "resized_crop":
        box, size = [step[k] for k in ("top", "left", "height", "width")], [step["out_height"], step["out_width"]]
        return TF.resized_crop(x, *box, size, InterpolationMode.BILINEAR, antialias=True)
    if op == "flip":
        return TF.hflip(x)
    if op == "brightness":
        return TF.adjust_brightness(x, step["factor"])
    if op == "contrast":
        return TF.adjust_contrast(x, step["factor"])
    return TF.normalize(x, step["mean"], step["std"])


def run(case, image, steps, dtype):
    x = draw(case, image, dtype).permute(2, 0, 1)
    for step in steps:
        x = apply(step, x)
    return x.permute(1, 2, 0)


def crop(top, left, height, width, out_height, out_width):
    return {"op": "resized_crop", "top": top, "left": left, "height": height, "width": width, "out_height": out_height, "out_width": out_width}


def factor(op, f):
    return {"op": op, "factor": f}


def normalize(c):
    return {"op": "normalize", "mean": MEAN[:c], "std": STD[:c]}


def cases():
    for name, shape, steps in [
            ("crop_whole", (7, 9, 1), [crop(0, 0, 7, 9, 7, 9)]),
            ("crop_up", (8, 9, 3), [crop(2, 3, 5, 4, 8, 8)]),
            ("crop_up_odd", (12, 10, 1), [crop(1, 0, 3, 7, 8, 11)]),
            ("crop_down", (17, 23, 1), [crop(0, 2, 17, 20, 8, 7)]),
            ("crop_down_rgb", (24, 20, 3), [crop(3, 1, 20, 19, 6, 8)]),
            ("crop_mixed", (19, 11, 3), [crop(1, 4, 18, 5, 8, 8)]),
            ("crop_pixel", (5, 6, 3), [crop(4, 5, 1, 1, 4, 4)]),
            ("crop_to_pixel", (7, 5, 1), [crop(0, 0, 7, 5, 1, 1)]),
            ("crop_row", (9, 9, 1), [crop(8, 0, 1, 9, 8, 8)]),
            ("flip_odd", (3, 5, 3), [{"op": "flip"}]),
            ("flip_even", (4, 6, 1), [{"op": "flip"}]),
            ("brightness_up", (5, 4, 3), [factor("brightness", 1.4)]),
            ("brightness_down", (5, 4, 1), [factor("brightness", 0.6)]),
            ("brightness_none", (5, 4, 1), [factor("brightness", 0)]),
            ("contrast_up", (5, 7, 3), [factor("contrast", 1.4)]),
            ("contrast_down", (5, 7, 3), [factor("contrast", 0.6)]),
            ("contrast_gray", (6, 5, 1), [factor("contrast", 1.7)]),
            ("normalize_rgb", (4, 5, 3), [normalize(3)]),
            ("normalize_gray", (4, 5, 1), [normalize(1)]),
            ("chain_gray", (16, 18, 1), [crop(2, 1, 11, 14, 8, 8), {"op": "flip"}, factor("brightness", 1.3), factor("contrast", 0.7), normalize(1)]),
            ("chain_rgb", (20, 16, 3),
             [crop(0, 3, 19, 12, 9, 8), {"op": "flip"}, factor("contrast", 1.35), factor("brightness", 1.2), normalize(3)])]:
        image = spec("image", shape, 0, 1)
        y, y32 = (run(name, image, steps, d) for d in (torch.float64, torch.float32))
        yield {"op": "views", "name": name, "steps": steps, "inputs": [image], "outputs": [result(name, "y", y, y32)]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    dump("kernels/testdata/views.json", list(cases()))
