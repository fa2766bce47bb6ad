#version 450
#extension GL_GOOGLE_include_directive : require
// y[r] = candidates[j] with the j whose sim[r j] is greatest, the lowest of equal ones.
// Bindings: 0 sim, read: [rows][quads]   1 candidates, read: [width][depth], whole   2 y, write: [rows][depth]; sim and y at the slice
// Grid: x, z ⌈rows · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
layout(push_constant) uniform Push { uint rows, quads, width, depth; };
READS(0, sim)
READS(1, candidates)
WRITES(2, y)
#include "nearest.glsl"
const uint NONE = 0xFFFFFFFFu;

void main() {
	uint r = ROW, j = nearestColumn(min(r, rows - 1u) * quads, NONE);
	if (r >= rows) return;
	for (uint q = LANE; q < depth; q += LANES) y[r * depth + q] = LOAD(candidates, j * depth + q);
}
