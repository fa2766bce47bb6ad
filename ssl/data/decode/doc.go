// Package decode turns image files into 8-bit images of a bounded size, as fast as one core allows.
//
//	file ── format by content ── header ── limits, gate ── planes ── cut and resize, each plane on its grid ── colors ── upright ── Image
//
// Formats: JPEG (baseline, progressive, gray, RGB, CMYK, YCCK; EXIF orientation), PNG, GIF (first frame on its canvas), BMP, WebP, TIFF.
// Orientation tags of other formats, color profiles and gamma are ignored: a sample counts as sRGB, as PIL and torchvision take it.
//
// The result has one channel for files that can hold only grays (gray JPEG, PNG and TIFF of any depth, palettes of grays without
// transparency) and three for all else. Alpha is composited on black, 16 bits are rounded to 8.
//
// Resizing is a separable triangle filter, widened by the scale when it shrinks (PIL's BILINEAR, torchvision's antialias=True), with
// weights computed from integers alone: the bits are the same on every processor. JPEG and lossy WebP are resized plane by plane, each on
// its own grid, and change color space at the final size; chroma is centered between the luma samples it covers, as libjpeg places it.
//
// Memory: an image of more than MaxPixels is refused by its header, and all images in work at once in the process hold at most MaxPixels
// together; others wait. A decoder holds at most 32 bytes a pixel (a 16-bit TIFF with alpha in one compressed strip; 24 for a progressive
// CMYK JPEG or an interlaced 16-bit PNG, 16 for a progressive 4:4:4 JPEG, 2 for a baseline 4:2:0 one), thus 2 GiB in all, and besides,
// whatever the header claims, 160 MB for each image in work (TIFF tiles larger than the image, Huffman tables of lossless WebP). What the
// garbage collector has yet to find comes on top.
//
// With the build tag turbo, JPEG is decoded by libjpeg-turbo (Debian: libturbojpeg0-dev), which shrinks by 2, 4 or 8 on its way where the
// result stays large enough; CMYK stays with the standard library. Pixels then differ a little, hence Name.
package decode
