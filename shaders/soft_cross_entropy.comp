#version 450
#extension GL_GOOGLE_include_directive : require
// Cross-entropy against soft targets: row[r] = (lse · Σ t − Σ t·x/τ, 1, lse, Σ t), with lse = log Σ exp(x/τ).
// Bindings: 0 x   1 t, read: [rows][quads]   2 row, write: vec4[rows]; all bound at the slice.
// Grid: x, z ⌈rows · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
layout(push_constant) uniform Push { uint rows, quads, width; float scale; }; // scale = 1/τ
READS(0, x)
READS(1, t)
WRITES(2, row)

void main() {
	uint r = ROW, from = min(r, rows - 1u) * quads;
	float top = LOW, total = 0.0;
	vec4 hits = vec4(0), masses = vec4(0);
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		vec4 v[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = q + u * LANES, i = from + min(at, quads - 1u);
			vec4 w = at < quads ? LOAD(t, i) : vec4(0);
			v[u] = scale * LOAD(x, i);
			hits += w * v[u];
			masses += w;
			v[u] = mix(vec4(LOW), v[u], inRow(at, width));
		}
		logSumExp(v, top, total);
	}
	float hit = sum4(hits), mass = sum4(masses);
	rowLogSumExp(top, total, hit, mass);
	float lse = top + log(total);
	if (LANE == 0u && r < rows) row[r] = vec4(lse * mass - hit, 1, lse, mass);
}
