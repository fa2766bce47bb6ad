#version 450
#extension GL_GOOGLE_include_directive : require
// y = softmax((x − c)/τ) for each row, where τ is a scalar of the step. The row's maximum is subtracted first.
// Bindings: 0 x, read: [rows][quads] at the slice   1 c, read: [quads]   2 scalars, read: float[64]   3 y, write, at the slice.
// Grid: x, z ⌈rows · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
layout(push_constant) uniform Push { uint rows, quads, width, temperature; };
READS(0, x)
READS(1, c)
READS(2, scalars)
WRITES(3, y)

void main() {
	uint r = ROW, from = min(r, rows - 1u) * quads;
	float scale = 1.0 / LOAD(scalars, temperature / 4u)[temperature % 4u], top = LOW, total = 0.0;
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		vec4 v[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = min(q + u * LANES, quads - 1u);
			v[u] = mix(vec4(LOW), (LOAD(x, from + at) - LOAD(c, at)) * scale, inRow(q + u * LANES, width));
		}
		logSumExp(v, top, total);
	}
	rowLogSumExp(top, total);
	if (r >= rows) return;
	for (uint q = LANE; q < quads; q += LANES) {
		vec4 v = exp((LOAD(x, from + q) - LOAD(c, q)) * scale - top) / total;
		y[from + q] = mix(vec4(0), v, inRow(q, width));
	}
}
