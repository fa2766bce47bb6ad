#version 450
#extension GL_GOOGLE_include_directive : require
// NT-Xent, partial results: part[i][l] = (top, Σ exp(s_ij − top), Σ s_ip, 1) over lane l's part of j ≠ i, where s = sim/τ, top is the maximum and p the
// other view of i (i ± rows/2). With decoupled, p is left out of top and sum too. logsumexp.comp merges the lanes of a row.
// Bindings: 0 sim, read: [n][quads], rows row0 … row0+n−1 of z·zᵀ   1 part, write: vec4[n][32]; both bound at the slice
// Grid: x, z n. A group computes a row, a lane every 32nd vector of it.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
#include "push_ntxent.glsl"
READS(0, sim)
WRITES(1, part)

void main() {
	uint i = GROUP, self = row0 + i, other = (self + rows / 2u) % rows;
	if (i >= n) return;
	uvec4 skip = uvec4(decoupled != 0u ? other : self);
	float top = LOW, total = 0.0, pos = 0.0;
	for (uint q = gl_LocalInvocationID.x; q < quads; q += 128u) {
		vec4 s[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) s[u] = LOAD(sim, i * quads + min(q + u * 32u, quads - 1u)) * scale;
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uvec4 j = uvec4(0, 1, 2, 3) + (q + u * 32u) * 4u;
			pos += sum4(mix(vec4(0), s[u], equal(j, uvec4(other))));
			bvec4 counts = mix(bvec4(false), lessThan(j, uvec4(rows)), notEqual(j, uvec4(self)));
			s[u] = mix(vec4(LOW), s[u], mix(bvec4(false), counts, notEqual(j, skip)));
		}
		logSumExp(s, top, total);
	}
	part[i * 32u + gl_LocalInvocationID.x] = vec4(top, total, pos, 1);
}
