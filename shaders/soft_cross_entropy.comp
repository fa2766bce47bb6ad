#version 450
#extension GL_GOOGLE_include_directive : require
// Cross-entropy against soft targets, partial results: part[r][l] = (top, Σ exp(x − top), Σ t·x, Σ t) over lane l's part of row r of x/τ, where top is
// the maximum. logsumexp.comp merges the lanes of a row.
// Bindings: 0 x   1 t, read: [rows][quads]   2 part, write: vec4[rows][32]; all bound at the slice.
// Grid: x, z rows. A group computes a row, a lane every 32nd vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint rows, quads, width; float scale; }; // scale = 1/τ
READS(0, x)
READS(1, t)
WRITES(2, part)

void main() {
	uint r = GROUP;
	if (r >= rows) return;
	float top = LOW, total = 0.0;
	vec4 hit = vec4(0), mass = vec4(0);
	for (uint q = gl_LocalInvocationID.x; q < quads; q += 128u) {
		vec4 v[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = r * quads + min(q + u * 32u, quads - 1u);
			vec4 w = q + u * 32u < quads ? LOAD(t, at) : vec4(0);
			v[u] = scale * LOAD(x, at);
			hit += w * v[u];
			mass += w;
			v[u] = mix(vec4(LOW), v[u], inRow(q + u * 32u, width));
		}
		logSumExp(v, top, total);
	}
	part[r * 32u + gl_LocalInvocationID.x] = vec4(top, total, sum4(hit), sum4(mass));
}
