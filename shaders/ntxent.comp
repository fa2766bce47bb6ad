#version 450
#extension GL_GOOGLE_include_directive : require
// NT-Xent, a row: row[i] = (lse_i − s_ip, 1, lse_i, 0) with s = sim/τ, lse over all j ≠ i, p = the other view of i (i ± rows/2).
// Bindings: 0 sim, read: [rows][quads], z·zᵀ   1 row, write: vec4[rows].  Grid: x, z ⌈rows / 32⌉, a row a lane; at the slice from row0 on.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint n, row0, rows, quads; float scale; }; // n rows in hand of `rows`
READS(0, sim)
WRITES(1, row)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x, self = row0 + i, other = (self + rows / 2u) % rows;
	if (i >= n) return;
	float top = LOW, total = 0.0, pos = 0.0;
	for (uint q = 0u; q < quads; q++) {
		bvec4 use = inRow(q, rows);
		uvec4 j = uvec4(0, 1, 2, 3) + q * 4u;
		vec4 s = mix(mix(vec4(LOW), LOAD(sim, i * quads + q) * scale, use), vec4(LOW), equal(j, uvec4(self)));
		top = max(top, max4(s));
	}
	for (uint q = 0u; q < quads; q++) {
		bvec4 use = inRow(q, rows);
		uvec4 j = uvec4(0, 1, 2, 3) + q * 4u;
		vec4 s = LOAD(sim, i * quads + q) * scale;
		total += sum4(mix(mix(vec4(0), exp(s - top), use), vec4(0), equal(j, uvec4(self))));
		pos += sum4(mix(vec4(0), s, equal(j, uvec4(other))));
	}
	float lse = top + log(total);
	row[i] = vec4(lse - pos, 1, lse, 0);
}
