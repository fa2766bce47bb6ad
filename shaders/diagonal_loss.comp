#version 450
#extension GL_GOOGLE_include_directive : require
// A loss of a matrix that treats its diagonal differently: row[r] = (on · f(x_rr) + off · Σ_{c≠r} x_rc², 0, 0, 0), with f(v) = (v − target)², or
// f(v) = max(0, target − √(v + eps)) if hinge is set. Rows behind the last column have no diagonal element: there f(0) counts.
// Bindings: 0 x, read: [rows][quads]   1 row, write: vec4[rows]; both at the slice, which begins at row0.
// Grid: x, z ⌈rows · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
#include "push_diagonal.glsl"
READS(0, x)
WRITES(1, row)

void main() {
	uint r = ROW, from = min(r, rows - 1u) * quads;
	vec4 own = vec4(0), squares = vec4(0);
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = q + u * LANES;
			vec4 v = at < quads ? LOAD(x, from + min(at, quads - 1u)) : vec4(0);
			bvec4 diagonal = onDiagonal(row0 + r, at);
			own += mix(vec4(0), v, diagonal);
			v = mix(v, vec4(0), diagonal);
			squares += v * v;
		}
	}
	vec2 sums = rowSum(0u, vec2(sum4(squares), sum4(own)));
	float d = hinge != 0u ? max(0.0, target - sqrt(sums.y + eps)) : (sums.y - target) * (sums.y - target);
	if (LANE == 0u && r < rows) row[r] = vec4(on * d + off * sums.x, 0, 0, 0);
}
