#version 450
#extension GL_GOOGLE_include_directive : require
// softmax: dx (+)= y ⊙ (dy − Σ y⊙dy) / τ    log-softmax: dx (+)= (dy − e^y Σ dy) / τ, for each row
// Bindings: 0 dy   1 y, read: [rows][quads]   2 dx, write or add; all bound at the slice.
// Grid: x, z ⌈rows · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant soft_plain
//! variant soft_texel -DTEXEL
//! variant log_plain -DLOG
//! variant log_texel -DLOG -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
layout(push_constant) uniform Push { uint rows, quads, width; float scale; uint add; };
READS(0, dy)
READS(1, y)
WRITES(2, dx)

void main() {
	uint r = ROW, from = min(r, rows - 1u) * quads;
	vec4 sum = vec4(0);
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = from + min(q + u * LANES, quads - 1u);
			vec4 d = LOAD(dy, at);
#ifndef LOG
			d *= LOAD(y, at);
#endif
			sum += q + u * LANES < quads ? d : vec4(0);
		}
	}
	float total = rowSum(0u, vec2(sum4(sum), 0)).x;
	if (r >= rows) return;
	for (uint q = LANE; q < quads; q += LANES) {
		vec4 d = LOAD(dy, from + q), v = LOAD(y, from + q);
#ifdef LOG
		v = d - exp(v) * total;
#else
		v = v * (d - total);
#endif
		v = mix(vec4(0), v * scale, inRow(q, width));
		WRITE(dx, from + q, add, v);
	}
}
