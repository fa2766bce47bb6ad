#version 450
#extension GL_GOOGLE_include_directive : require
// Views, pass 3: brightness and contrast in the order that the row says, then normalisation.
//   brightness: v ← clamp(b v); contrast: v ← clamp(k v + (1 − k) m), m = Σ_y sums[n y] / size² ; clamp to 0 … 1
//   out[n y x c] = (v − mean_c) · scale_c; lanes from `channels` on are zero
// Bindings: 0 crop, read: float [n][size size 4], pass 1's out; 1 table, read: float [row][16], indexed row0 + n
//           2 sums, read: float [n][size], pass 2's; 3 out, write: float [n][size size 4], may not overlap crop
//           Crop, sums and out are bound at the slice: n from 0.
// Grid: x ⌈size·size / 256⌉, y rows. One lane makes eight pixels, 32 apart, so that adding up the sums is shared by eight.
#include "views.glsl"
#include "views_brightness.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push {
	uint rows, row0, size, channels;
	vec4 mean, scale; // of the data set, on the scale 0 … 1; scale is 1 / standard deviation
};
layout(binding = 0) readonly restrict buffer Crop { vec4 crop[]; };
layout(binding = 1) readonly restrict buffer Table { float table[]; };
layout(binding = 2) readonly restrict buffer Sums { float sums[]; };
layout(binding = 3) writeonly restrict buffer Out { vec4 result[]; };

void main() {
	uint n = gl_WorkGroupID.y, first = gl_WorkGroupID.x * 256u + gl_LocalInvocationID.x;
	if (n >= rows) return;
	uint r = (row0 + n) * WIDTH, area = size * size;
	float b = table[r + COL_BRIGHTNESS], k = table[r + COL_CONTRAST];
	bool contrastFirst = table[r + COL_CONTRAST_FIRST] != 0.0;
	float gray = 0.0;
	for (uint y = 0u; y < size; y++) gray += sums[n * size + y];
	float shift = (1.0 - k) * gray / float(area);
	bvec4 kept = lessThan(uvec4(0u, 1u, 2u, 3u), uvec4(channels));
	for (uint i = 0u; i < 8u; i++) {
		uint p = first + i * 32u;
		if (p >= area) return;
		vec4 v = crop[n * area + p];
		if (!contrastFirst) v = brightness(v, b);
		v = clamp(v * k + shift, 0.0, 1.0);
		if (contrastFirst) v = brightness(v, b);
		result[n * area + p] = mix(vec4(0.0), (v - mean) * scale, kept);
	}
}
