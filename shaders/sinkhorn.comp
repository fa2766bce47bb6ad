#version 450
#extension GL_GOOGLE_include_directive : require
// x[r k] ← x[r k]/columns[k] / Σ_j x[r j]/columns[j]. A sum of 0 divides as SMALL.
// Bindings: 0 x, read and write: [rows][quads], at the slice   1 columns, read: [quads]
// Grid: x, z ⌈rows · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
#define SMALL 1e-30
layout(push_constant) uniform Push { uint rows, quads; };
WRITES(0, x)
READS(1, columns)

void main() {
	uint r = ROW, from = min(r, rows - 1u) * quads;
	float total = 0.0;
	for (uint q = LANE; q < quads; q += LANES) total += sum4(x[from + q] / max(LOAD(columns, q), vec4(SMALL)));
	total = rowSum(0u, vec2(total, 0)).x;
	if (r >= rows) return;
	for (uint q = LANE; q < quads; q += LANES) x[from + q] = x[from + q] / max(LOAD(columns, q), vec4(SMALL)) / max(total, SMALL);
}
