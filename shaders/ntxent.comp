#version 450
#extension GL_GOOGLE_include_directive : require
// NT-Xent: row[i] = (lse − s_ip, 1, lse, 0), with s = sim/τ, lse = log Σ_{j ≠ i} exp(s_ij), and p the other view of i (i ± rows/2). With decoupled, j ≠ p
// too.
// Bindings: 0 sim, read: [n][quads], rows row0 … row0+n−1 of z·zᵀ   1 row, write: vec4[n]; both bound at the slice
// Grid: x, z ⌈n · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
#include "push_ntxent.glsl"
READS(0, sim)
WRITES(1, row)

void main() {
	uint i = min(ROW, n - 1u), self = row0 + i, other = (self + rows / 2u) % rows;
	uvec4 skip = uvec4(decoupled != 0u ? other : self);
	float top = LOW, total = 0.0, positive = 0.0;
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		vec4 s[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) s[u] = LOAD(sim, i * quads + min(q + u * LANES, quads - 1u)) * scale;
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uvec4 j = uvec4(0, 1, 2, 3) + (q + u * LANES) * 4u;
			positive += sum4(mix(vec4(0), s[u], equal(j, uvec4(other))));
			bvec4 counts = mix(bvec4(false), lessThan(j, uvec4(rows)), notEqual(j, uvec4(self)));
			s[u] = mix(vec4(LOW), s[u], mix(bvec4(false), counts, notEqual(j, skip)));
		}
		logSumExp(s, top, total);
	}
	rowLogSumExp(top, total, positive);
	float lse = top + log(total);
	if (LANE == 0u && ROW < n) row[i] = vec4(lse - positive, 1, lse, 0);
}
