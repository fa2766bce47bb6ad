#version 450
#extension GL_GOOGLE_include_directive : require
// Views, passes 3 and 4, if some are blurred: a Gaussian of BLUR pixels along x, then (DOWN) along y, then the last steps (views_end.glsl).
//   blurred[x] = Σ_d g_d view[x + d] / Σ_d g_d, |d| ≤ BLUR/2, g_d = exp(−d² / 2σ²), borders reflected; σ = 0: no blur
// Bindings: 0 view, read: vec4 [n][SIZE SIZE]   1 table, read: vec4 [row][quads]   2 result, write: like view.
//           All but the table are bound at the slice: n from 0.
// Grid: x ⌈SIZE·SIZE / 256⌉, y rows. A lane makes four pixels, 64 apart, which share the weights. Strips in shared memory, in one pass, took
// eight times as long on llvmpipe.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 64) in;
#include "push_paint.glsl"
READS(0, view)
READS(1, table)
WRITES(2, result)
#include "views.glsl"
#include "views_end.glsl"
layout(constant_id = 6) const bool DOWN = false;

const int LAST = int(SIZE) - 1;

// tap returns pixel `at` (x, y) + d along the pass's axis, reflected at the first and last pixel without repeating them.
vec3 tap(uint n, ivec2 at, int d) {
	int i = LAST - abs(LAST - abs((DOWN ? at.y : at.x) + d));
	return LOAD(view, n * AREA + uint(DOWN ? i * int(SIZE) + at.x : at.y * int(SIZE) + i)).xyz;
}

void main() {
	uint n = gl_WorkGroupID.y, first = gl_WorkGroupID.x * 256u + gl_LocalInvocationID.x;
	if (n >= rows) return;
	float sigma = LOAD(table, ROW(n) + 4u).x, rate = sigma > 0.0 ? -0.72134752 / (sigma * sigma) : 0.0, all = 1.0; // g_d = 2^(rate·d²)
	int reach = sigma > 0.0 ? int(BLUR / 2u) : 0;
	ivec2 at[4];
	vec3 sum[4];
	[[unroll]] for (uint u = 0u; u < 4u; u++) {
		uint p = min(first + 64u * u, AREA - 1u);
		at[u] = ivec2(p % SIZE, p / SIZE);
		sum[u] = tap(n, at[u], 0);
	}
	for (int d = 1; d <= reach; d++) {
		float g = exp2(rate * float(d * d));
		all += 2.0 * g;
		[[unroll]] for (uint u = 0u; u < 4u; u++) sum[u] += g * (tap(n, at[u], -d) + tap(n, at[u], d));
	}
	End end = endOf(n);
	[[unroll]] for (uint u = 0u; u < 4u; u++) {
		uint p = first + 64u * u;
		vec3 v = sum[u] / all;
		if (p < AREA) result[n * AREA + p] = DOWN ? ended(end, v, uint(at[u].y), uint(at[u].x)) : vec4(v, 0);
	}
}
