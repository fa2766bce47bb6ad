#version 450
#extension GL_GOOGLE_include_directive : require
// Cross-entropy: row[r] = (lse − HOT·x_rt − REST·Σ_c x_rc, 1, lse, 0), with lse = log Σ_c exp(x_rc) and the target t, or zeros if t < 0. With label smoothing s,
// HOT = 1 − s and REST = s/width.
// Info: HOT = 1, REST = 0; the target of row row0 + r is its own index, and of the columns below `masked` no other one counts.
// Bindings: 0 x, read: [rows][quads], at the slice, whose first row is row0   1 row, write: vec4[rows], at the slice   not info: 2 targets, read: int[]
// Grid: x, z ⌈rows · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant plain
//! variant texel -DTEXEL
//! variant info_plain -DINFO
//! variant info_texel -DINFO -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
#ifdef INFO
layout(push_constant) uniform Push { uint rows, row0, quads, width, masked; };
#else
layout(push_constant) uniform Push { uint rows, row0, quads, width; float hot, rest; };
layout(binding = 2) readonly buffer Targets { int targets[]; };
#endif
#include "target.glsl"
READS(0, x)
WRITES(1, row)

void main() {
	uint r = ROW, last = min(r, rows - 1u), from = last * quads;
	float top = LOW, total = 0.0, hit = 0.0;
	vec4 sums = vec4(0);
	int t = TARGET(last);
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		vec4 v[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) v[u] = LOAD(x, from + min(q + u * LANES, quads - 1u));
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			bvec4 counts = COUNTS(q + u * LANES, t);
			hit += sum4(mix(vec4(0), v[u], equal(ivec4(0, 1, 2, 3) + int((q + u * LANES) * 4u), ivec4(t))));
			sums += mix(vec4(0), v[u], counts);
			v[u] = mix(vec4(LOW), v[u], counts);
		}
		logSumExp(v, top, total);
	}
	float sum = sum4(sums);
	rowLogSumExp(top, total, hit, sum);
	float lse = top + log(total);
	if (LANE == 0u && r < rows) row[r] = t < 0 ? vec4(0) : vec4(lse - HOT * hit - REST * sum, 1, lse, 0);
}
