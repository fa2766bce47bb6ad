#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of layer norm: dx (+)= invstd·(g − mean(g) − x̂·mean(g·x̂)), with g = γ·dy, x̂ = (x − mean)·invstd, and means over the row.
// Bindings: 0 dy   1 x, read: [rows][quads]   2 gamma, read: [quads]   3 stats, read: vec4[rows] of layernorm.comp   4 dx, write or add; all but gamma
//           at the slice.  Grid as layernorm.comp.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
layout(push_constant) uniform Push { uint rows, quads, width, add; };
READS(0, dy)
READS(1, x)
READS(2, gamma)
READS(3, stats)
WRITES(4, dx)

void main() {
	uint r = ROW, from = min(r, rows - 1u) * quads;
	vec4 s = LOAD(stats, min(r, rows - 1u)), a = vec4(0), b = vec4(0);
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = min(q + u * LANES, quads - 1u);
			vec4 g = q + u * LANES < quads ? LOAD(gamma, at) * LOAD(dy, from + at) : vec4(0);
			a += g;
			b += g * (LOAD(x, from + at) - s.x);
		}
	}
	vec2 means = rowSum(0u, vec2(sum4(a), s.y * sum4(b))) / float(width);
	if (r >= rows) return;
	for (uint q = LANE; q < quads; q += LANES) {
		vec4 v = s.y * (LOAD(gamma, q) * LOAD(dy, from + q) - means.x - (LOAD(x, from + q) - s.x) * s.y * means.y);
		v = mix(vec4(0), v, inRow(q, width));
		WRITE(dx, from + q, add, v);
	}
}
