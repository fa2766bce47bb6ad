// Package decode decodes image files to 8-bit images of a bounded size, on one core per image.
//
//	file → format by content → header → size limit, memory budget → planes → crop and resize each plane → RGB → EXIF orientation → Image
//
// Formats: JPEG (baseline, progressive, gray, RGB, CMYK, YCCK; EXIF orientation; the first picture of a multi-picture file), PNG, GIF and
// animated WebP (first frame on its canvas), BMP (also 16 bits, RLE, OS/2), WebP, TIFF (also CMYK), PNM (P1 to P6). Orientation tags of
// other formats, color profiles and gamma are ignored: samples are sRGB, as for PIL and torchvision. Other formats, and features that no
// decoder here supports, are errors that name them (recognize.go, jpegReason, tiffReason).
//
// The result has one channel for files that can hold only grays (gray JPEG, PNG and TIFF of any depth, palettes of grays without
// transparency), otherwise three. Alpha is composited on black; 16 bits are rounded to 8.
//
// Resizing is a separable triangle filter, widened by the scale when it shrinks (PIL's BILINEAR, torchvision's antialias=True), with
// integer weights: the bits are the same on every processor. JPEG and lossy WebP are resized plane by plane, before the conversion to
// RGB; chroma samples are centered between the luma samples they cover, as in libjpeg.
//
// Memory: an image of more than MaxPixels is rejected by its header, and all images being decoded in the process have at most MaxPixels
// together; others wait. A decoder holds at most 32 bytes per pixel (a 16-bit TIFF with alpha in one compressed strip; 24 for a
// progressive CMYK JPEG or an interlaced 16-bit PNG, 16 for a progressive 4:4:4 JPEG, 2 for a baseline 4:2:0 one), 2 GiB in all, plus at
// most 160 MB per image whatever its header claims (TIFF tiles larger than the image, Huffman tables of lossless WebP), plus garbage that
// is not collected yet.
//
// Time: a JPEG of more than 500 scans, or whose scans times pixels are above 2³¹, is rejected: a scan of a few bytes takes as
// long as one of the whole image.
//
// With the build tag turbo, libjpeg-turbo (Debian: libturbojpeg0-dev) decodes JPEG, and shrinks by 2, 4 or 8 while decoding if the result
// stays large enough; CMYK is decoded by the standard library. Pixels differ slightly, so Version differs.
package decode
