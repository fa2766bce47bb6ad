#version 450
#extension GL_GOOGLE_include_directive : require
// row[r] = (−log(d + ε), 1, j, w), with j the other row of x whose sim[r j] is greatest, the lowest of equal ones, d = ‖x_r − x_j + ε‖, and
// w = 1/(d·(d + ε)), or 0 if d is 0.
// Bindings: 0 sim, read: [rows][quads], at the slice, whose first row is row0   1 x, read: [width][depth], whole   2 row, write: vec4[rows], at the slice
// Grid: x, z ⌈rows · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
layout(push_constant) uniform Push { uint rows, row0, quads, width, depth, columns; float eps; }; // x has `columns` numbers in a row
READS(0, sim)
READS(1, x)
WRITES(2, row)
#include "nearest.glsl"

void main() {
	uint r = ROW, last = min(r, rows - 1u), own = row0 + last, j = nearestColumn(last * quads, own);
	vec4 squares = vec4(0);
	for (uint q = LANE; q < depth; q += LANES) {
		vec4 v = mix(vec4(0), LOAD(x, own * depth + q) - LOAD(x, j * depth + q) + eps, inRow(q, columns));
		squares += v * v;
	}
	float d = sqrt(rowSum(0u, vec2(sum4(squares), 0)).x);
	if (LANE == 0u && r < rows) row[r] = vec4(-log(d + eps), 1, j, d > 0.0 ? 1.0 / (d * (d + eps)) : 0.0);
}
