#version 450
#extension GL_GOOGLE_include_directive : require
// y = softmax(x/τ) for each row, or its logarithm. The row's maximum is subtracted first.
// Bindings: 0 x, read: [rows][quads]   1 y, write; both bound at the slice.
// Grid: x, z ⌈rows · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant soft_plain
//! variant soft_texel -DTEXEL
//! variant log_plain -DLOG
//! variant log_texel -DLOG -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
layout(push_constant) uniform Push { uint rows, quads, width; float scale; }; // scale = 1/τ
READS(0, x)
WRITES(1, y)

void main() {
	uint r = ROW, from = min(r, rows - 1u) * quads;
	float top = LOW, total = 0.0;
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		vec4 v[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = q + u * LANES;
			v[u] = mix(vec4(LOW), LOAD(x, from + min(at, quads - 1u)) * scale, inRow(at, width));
		}
		logSumExp(v, top, total);
	}
	rowLogSumExp(top, total);
	if (r >= rows) return;
	for (uint q = LANE; q < quads; q += LANES) {
		vec4 v = LOAD(x, from + q) * scale - top;
#ifdef LOG
		v -= log(total);
#else
		v = exp(v) / total;
#endif
		STORE(y, from + q, mix(vec4(0), v, inRow(q, width)));
	}
}
