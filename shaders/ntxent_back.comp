#version 450
#extension GL_GOOGLE_include_directive : require
// g[i j] = (e^{s_ij − lse_i} + e^{s_ij − lse_j} − 2·[j = p]) · dloss / (rows·τ), zero for j = i; then dz = g·z. s is symmetric, so both
// occurrences of a pair are in one row and no scatter is needed. With decoupled, both exponentials are left out for j = p.
// Bindings: 0 sim, read: [rows][quads]   1 row, read: vec4[rows], whole   2 dloss, read   3 g, write.  Grid: x, z ⌈n · quads / 32⌉, one lane
//           per vector; sim and g bound at the slice, which begins at row0.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
#include "push_ntxent.glsl"
READS(0, sim)
READS(1, row)
READS(2, dloss)
WRITES(3, g)

void main() {
	uint at = GROUP * 32u + gl_LocalInvocationID.x;
	if (at >= n * quads) return;
	uint self = row0 + at / quads, q = at % quads, other = (self + rows / 2u) % rows;
	uvec4 j = uvec4(0, 1, 2, 3) + q * 4u, jj = min(j, uvec4(rows - 1u));
	vec4 s = LOAD(sim, at) * scale;
	vec4 lse = vec4(LOAD(row, jj.x).z, LOAD(row, jj.y).z, LOAD(row, jj.z).z, LOAD(row, jj.w).z);
	bvec4 positive = equal(j, uvec4(other));
	vec4 v = exp(s - LOAD(row, self).z) + exp(s - lse);
	v = mix(v, vec4(0), mix(bvec4(false), positive, bvec4(decoupled != 0u))) - mix(vec4(0), vec4(2), positive);
	v = mix(mix(vec4(0), v, inRow(q, rows)), vec4(0), equal(j, uvec4(self)));
	g[at] = v * (LOAD(dloss, 0).x * scale / float(rows));
}
