#!/usr/bin/env python3
"""Writes image files of every kind, and expected/FILE@SIDE.png: FILE decoded by PIL, upright, alpha on black, cropped and resized as by
package decode.

Made by `python3 testdata/generate.py` with PIL 9.4.0 (libjpeg-turbo 2.1.5, libwebp 1.2.4) and NumPy 1.24.2.
"""
import os
import numpy as np
from PIL import Image, ImageOps

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def photograph(h, w, waves=1.0):
    """Gradients, waves, texture, an edge: float [h w 3], 0 … 255."""
    v, u = np.mgrid[0:h, 0:w] / np.array([h, w]).reshape(2, 1, 1)
    wave = np.sin(waves * (20 * u * u + 15 * v)) * np.cos(waves * (12 * v * v - 5 * u))
    fine = 6 * np.sin(1.7 * u * w) * np.sin(1.3 * v * h)
    disc = 70 * (np.hypot(u - 0.5, v - 0.4) < 0.25)
    return np.stack([30 + 180 * u + 40 * wave + fine + disc, 20 + 150 * v + 25 * wave + fine + disc, 100 - 50 * wave + fine + disc], -1).clip(0, 255)


def expected(name, side, pixels=None):
    im = Image.open(name)
    if pixels is not None:
        im = Image.fromarray(pixels)
    else:
        im = ImageOps.exif_transpose(im)
        if im.mode in ("RGBA", "LA") or "transparency" in im.info:
            im = im.convert("RGBA")
            im = Image.alpha_composite(Image.new("RGBA", im.size, (0, 0, 0, 255)), im).convert("RGB")
        elif im.mode == "1":
            im = im.convert("L")
        elif im.mode == "P":
            gray = all(c[0] == c[1] == c[2] for c in np.array(im.getpalette()).reshape(-1, 3))
            im = im.convert("L" if gray else "RGB")
        elif im.mode != "L":
            im = im.convert("RGB")
    w, h = im.size
    short = min(w, h)
    cw, ch = min(w, 2 * short), min(h, 2 * short)
    x, y = (w - cw) // 2, (h - ch) // 2
    im = im.crop((x, y, x + cw, y + ch))
    side = min(side, short)
    im = im.resize(((2 * cw * side + short) // (2 * short), (2 * ch * side + short) // (2 * short)), Image.BILINEAR)
    im.save(f"expected/{name}@{side}.png", optimize=True)


picture = photograph(25, 36, 0.3)  # as little colour changes from pixel to pixel as in a photograph
rgb = Image.fromarray(np.rint(picture).astype(np.uint8))
gray = rgb.convert("L")
alpha = np.rint(np.linspace(0, 255, 36)[None, :] * np.ones((25, 1))).astype(np.uint8)
rgba = rgb.copy()
rgba.putalpha(Image.fromarray(alpha))
palette = rgb.quantize(60)
wide16 = (picture[..., 1] * 257 + 0.3 * np.arange(36)).clip(0, 65535).astype(np.uint16)
eight = ((wide16.astype(np.uint32) + 128) // 257).astype(np.uint8)

undo = [None, None, Image.FLIP_LEFT_RIGHT, Image.ROTATE_180, Image.FLIP_TOP_BOTTOM, Image.TRANSPOSE, Image.ROTATE_90, Image.TRANSVERSE, Image.ROTATE_270]
tall = Image.fromarray(np.rint(photograph(16, 40, 0.3)).astype(np.uint8))  # whole blocks, so that all lose the same
for turn in range(1, 9):
    exif = Image.Exif()
    exif[0x112] = turn
    stored = tall.transpose(undo[turn]) if turn > 1 else tall
    stored.save(f"exif{turn}.jpg", quality=98, subsampling=0, exif=exif)
expected("exif1.jpg", 99)

photo = Image.fromarray(np.rint(photograph(96, 129)).astype(np.uint8))
photo.save("photo.jpg", quality=90)
for side in 72, 40, 13:
    expected("photo.jpg", side)

rgb.save("444.jpg", quality=90, subsampling=0)
rgb.save("422.jpg", quality=90, subsampling=1)
rgb.save("420.jpg", quality=90, subsampling=2)
rgb.save("progressive.jpg", quality=90, subsampling=2, progressive=True)
gray.save("gray.jpg", quality=90)
rgb.convert("CMYK").save("cmyk.jpg", quality=95)
with open("cmyk.jpg", "rb") as f:
    data = f.read()
at = data.index(b"Adobe")
with open("ycck.jpg", "wb") as f:  # the same bytes read as YCCK: odd colours, but PIL's
    f.write(data[: at + 11] + b"\x02" + data[at + 12:])
with open("cmyk-plain.jpg", "wb") as f:
    f.write(data[: at - 4] + data[at + 12:])
for name in "444", "422", "420", "progressive", "gray", "cmyk", "ycck", "cmyk-plain":
    expected(name + ".jpg", 99)
    expected(name + ".jpg", 14)

rgb.save("rgb.png")
rgba.save("rgba.png")
gray.save("gray.png")
Image.merge("LA", (gray, Image.fromarray(alpha))).save("la.png")
gray.point(lambda v: 255 * (v > 120)).convert("1").save("bits.png")
palette.save("palette.png", bits=8)
gray.quantize(16).save("palette-gray.png", bits=4)
palette.save("palette-alpha.png", transparency=bytes(range(60)))
Image.fromarray(wide16).save("gray16.png")
rgb.quantize(64).save("palette.gif")
gray.save("gray.gif")
rgb.quantize(16).save("transparent.gif", transparency=3)
rgb.save("rgb.bmp")
gray.save("gray.bmp")
palette.save("palette.bmp")
rgb.save("lossy.webp", quality=90)
rgba.save("alpha.webp", quality=90)
rgba.save("lossless.webp", lossless=True)
rgb.save("rgb.tif")
rgb.save("lzw.tif", compression="tiff_lzw")
rgba.save("alpha.tif", compression="tiff_adobe_deflate")
gray.save("gray.tif", compression="packbits")
Image.fromarray(wide16).save("gray16.tif")
palette.save("palette.tif")
for name in ("rgb.png rgba.png gray.png la.png bits.png palette.png palette-gray.png palette-alpha.png palette.gif gray.gif transparent.gif rgb.bmp "
             "gray.bmp palette.bmp lossy.webp alpha.webp lossless.webp rgb.tif lzw.tif alpha.tif gray.tif palette.tif").split():
    expected(name, 99)
expected("rgba.png", 14)
expected("palette.gif", 14)
expected("lossy.webp", 14)
for name in "gray16.png", "gray16.tif":
    expected(name, 99, eight)
    expected(name, 14, eight)
