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

void main() {
	uint r = ROW, from = min(r, rows - 1u) * quads;
	vec4 top = vec4(LOW);
	uvec4 best = uvec4(0);
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		vec4 v[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) v[u] = LOAD(sim, from + min(q + u * LANES, quads - 1u));
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uvec4 j = uvec4(0, 1, 2, 3) + (q + u * LANES) * 4u;
			bvec4 wins = mix(bvec4(false), greaterThan(v[u], top), lessThan(j, uvec4(width)));
			top = mix(top, v[u], wins);
			best = mix(best, j, wins);
		}
	}
	float most = rowJoin(0u, vec2(max4(top), 0), true).x;
	vec4 index = mix(vec4(LOW), -vec4(best), equal(top, vec4(most))); // of the greatest; the lowest index has the greatest negative
	uint j = min(uint(-rowJoin(1u, vec2(max4(index), 0), true).x), width - 1u);
	if (r >= rows) return;
	for (uint q = LANE; q < depth; q += LANES) y[r * depth + q] = LOAD(candidates, j * depth + q);
}
