#version 450
#extension GL_GOOGLE_include_directive : require
// Views, pass 2: sums of gray values along image rows, for the mean that contrast needs.
//   sums[n y] = Σ_x gray(state[n y x]); state is the crop, after brightness where brightness comes before contrast;
//   gray = the value of one channel, 0.2989 R + 0.587 G + 0.114 B of three (torchvision's rgb_to_grayscale)
// Bindings: 0 crop, read: vec4 [n][size size], pass 1's out; 1 table, read: vec4 [row][4], indexed row0 + n
//           2 sums, write: float [n][4·⌈size / 4⌉], zero behind `size`. Crop and sums are bound at the slice: n from 0.
// Grid: x ⌈4·⌈size / 4⌉ / 32⌉, y rows. One lane sums one row, left to right. channels is 1 or 3.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "views.glsl"
#include "views_brightness.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, row0, size, channels; };
READS(0, crop)
READS(1, table)
layout(binding = 2) writeonly restrict buffer Sums { float sums[]; };

void main() {
	uint n = gl_WorkGroupID.y, y = gl_WorkGroupID.x * 32u + gl_LocalInvocationID.x;
	uint stride = (size + 3u) / 4u * 4u;
	if (n >= rows || y >= stride) return;
	float factor = COLUMN(row0 + n, COL_CONTRAST_FIRST) != 0.0 ? 1.0 : COLUMN(row0 + n, COL_BRIGHTNESS);
	vec4 weights = channels == 1u ? vec4(1.0, 0.0, 0.0, 0.0) : vec4(0.2989, 0.587, 0.114, 0.0);
	uint at = (n * size + min(y, size - 1u)) * size;
	float sum = 0.0;
	for (uint x = 0u; x < size; x++) sum += dot(brightness(LOAD(crop, at + x), factor), weights);
	sums[n * stride + y] = y < size ? sum : 0.0;
}
