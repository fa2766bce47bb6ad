// Declarations for the kernels of views. Table: rows of `quads` vectors, written by ssl/views; kernels.ViewRow documents the columns:
//   0 cropTop, cropLeft, cropHeight, cropWidth   1 sourceWidth, resizedH, resizedW, offsetY   2 offsetX, orientation, jitterOrder, brightness
//   3 contrast, saturation, hue, gray   4 blurSigma, solarizeThreshold, eraseTop, eraseLeft   5 eraseHeight, eraseWidth, 0, 0   6 … extras
// All values of a row are the same for a whole image, so every branch on them is uniform.
layout(constant_id = 1) const uint CHANNELS = 3u; // 1 or 3
layout(constant_id = 2) const uint SIZE = 32u;    // side of a view, pixels
layout(constant_id = 3) const uint BLUR = 0u;     // size of the Gaussian kernel; 0: no view is blurred
layout(constant_id = 4) const uint PATCH = 0u;    // side of a masked patch, pixels; 0: no mask
layout(constant_id = 5) const bool BICUBIC = false;
#define AREA (SIZE * SIZE)
#define ROW(N) ((row0 + (N)) * quads) // of view N of the slice, in the table, which is bound whole: its rows are shorter than what devices align

// Weights of red, green and blue in luma (ITU-R BT.601 as torchvision rounds it); one channel is its own luma.
float luma(vec3 v) { return CHANNELS == 1u ? v.x : dot(v, vec3(0.2989, 0.587, 0.114)); }
