#version 450
#extension GL_GOOGLE_include_directive : require
// Cross-entropy, partial results: part[r][l] = (top, Σ exp(x_rc − top), Σ x_rt, 1) over lane l's part of row r, where top is the maximum and t the
// target. The last number is 0 if t < 0. logsumexp.comp merges the lanes of a row.
// Bindings: 0 x, read: [rows][quads]   1 targets, read: int[rows]   2 part, write: vec4[rows][32]; all bound whole
// Grid: x, z rows. A group computes a row, a lane every 32nd vector of it.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint rows, quads, width; };
READS(0, x)
layout(binding = 1) readonly buffer Targets { int targets[]; };
WRITES(2, part)

void main() {
	uint r = GROUP;
	if (r >= rows) return;
	float top = LOW, total = 0.0, hit = 0.0;
	int t = targets[r];
	for (uint q = gl_LocalInvocationID.x; q < quads; q += 128u) {
		vec4 v[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) v[u] = LOAD(x, r * quads + min(q + u * 32u, quads - 1u));
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			hit += sum4(mix(vec4(0), v[u], equal(ivec4(0, 1, 2, 3) + int((q + u * 32u) * 4u), ivec4(t))));
			v[u] = mix(vec4(LOW), v[u], inRow(q + u * 32u, width));
		}
		logSumExp(v, top, total);
	}
	part[r * 32u + gl_LocalInvocationID.x] = vec4(top, total, hit, t < 0 ? 0 : 1);
}
