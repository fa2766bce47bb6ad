#version 450
#extension GL_GOOGLE_include_directive : require
// row[r] = (lse(x_r) − x_r[t], 1, lse(x_r), 0), or zeros where the target t is below 0.
// Bindings: 0 x, read: [rows][quads]   1 targets, read: int[rows]   2 row, write: vec4[rows].  Grid: x, z ⌈rows / 32⌉, a row a lane; all whole.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint rows, quads, width; };
READS(0, x)
layout(binding = 1) readonly buffer Targets { int targets[]; };
WRITES(2, row)

void main() {
	uint r = GROUP * 32u + gl_LocalInvocationID.x;
	if (r >= rows) return;
	float top = LOW, total = 0.0, hit = 0.0;
	int t = targets[r];
	for (uint q = 0u; q < quads; q++) top = max(top, max4(mix(vec4(LOW), LOAD(x, r * quads + q), inRow(q, width))));
	for (uint q = 0u; q < quads; q++) {
		vec4 v = LOAD(x, r * quads + q);
		total += sum4(mix(vec4(0), exp(v - top), inRow(q, width)));
		hit += sum4(mix(vec4(0), v, equal(ivec4(0, 1, 2, 3) + int(q * 4u), ivec4(t))));
	}
	float lse = top + log(total);
	row[r] = t < 0 ? vec4(0) : vec4(lse - hit, 1, lse, 0);
}
