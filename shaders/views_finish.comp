#version 450
#extension GL_GOOGLE_include_directive : require
// Views, pass 3: brightness and contrast in the order that the row says, then normalisation.
//   brightness: v ← clamp(b v); contrast: v ← clamp(k v + (1 − k) m), m = Σ_y sums[n y] / size² ; clamp to 0 … 1
//   out[n y x c] = (v − mean_c) · scale_c; lanes from `channels` on are zero
// Bindings: 0 crop, read: [n][size size], pass 1's out; 1 table, read: [row][4], indexed row0 + n
//           2 sums, read: [n][⌈size / 4⌉], pass 2's; 3 out, write: [n][size size], may not overlap crop; all vectors
//           Crop, sums and out are bound at the slice: n from 0.
// Grid: x ⌈size·size / 256⌉, y rows. One lane makes eight pixels, 32 apart, so that adding up the sums is shared by eight.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "views.glsl"
#include "views_brightness.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push {
	uint rows, row0, size, channels;
	vec4 mean, scale; // of the data set, on the scale 0 … 1; scale is 1 / standard deviation
};
READS(0, crop)
READS(1, table)
READS(2, sums)
WRITES(3, result)

void main() {
	uint n = gl_WorkGroupID.y, first = gl_WorkGroupID.x * 256u + gl_LocalInvocationID.x;
	if (n >= rows) return;
	uint area = size * size, quads = (size + 3u) / 4u;
	float b = COLUMN(row0 + n, COL_BRIGHTNESS), k = COLUMN(row0 + n, COL_CONTRAST);
	bool contrastFirst = COLUMN(row0 + n, COL_CONTRAST_FIRST) != 0.0;
	vec4 gray = vec4(0.0);
	for (uint q = 0u; q < quads; q++) gray += LOAD(sums, n * quads + q);
	float shift = (1.0 - k) * dot(gray, vec4(1.0)) / float(area);
	bvec4 kept = lessThan(uvec4(0u, 1u, 2u, 3u), uvec4(channels));
	[[unroll]] for (uint i = 0u; i < 8u; i++) {
		uint p = first + i * 32u;
		vec4 v = LOAD(crop, n * area + min(p, area - 1u));
		if (!contrastFirst) v = brightness(v, b);
		v = clamp(v * k + shift, 0.0, 1.0);
		if (contrastFirst) v = brightness(v, b);
		if (p < area) result[n * area + p] = mix(vec4(0.0), (v - mean) * scale, kept);
	}
}
