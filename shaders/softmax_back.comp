#version 450
#extension GL_GOOGLE_include_directive : require
// softmax: dx (+)= y ⊙ (dy − Σ y⊙dy) / τ    log-softmax: dx (+)= (dy − e^y Σ dy) / τ, for each row
// Bindings: 0 dy   1 y, read: [rows][quads]   2 dx, write or add.  Grid: x, z ⌈rows / 32⌉, one lane per row; all bound at the slice.
//! variant soft_plain
//! variant soft_texel -DTEXEL
//! variant log_plain -DLOG
//! variant log_texel -DLOG -DTEXEL
#include "io.glsl"
#include "rows.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, quads, width; float scale; uint add; };
READS(0, dy)
READS(1, y)
WRITES(2, dx)

void main() {
	uint r = GROUP * 32u + gl_LocalInvocationID.x;
	if (r >= rows) return;
	float total = 0.0;
	for (uint q = 0u; q < quads; q++) {
		vec4 d = LOAD(dy, r * quads + q);
#ifndef LOG
		d *= LOAD(y, r * quads + q);
#endif
		total += sum4(d);
	}
	for (uint q = 0u; q < quads; q++) {
		vec4 d = LOAD(dy, r * quads + q), v = LOAD(y, r * quads + q);
#ifdef LOG
		v = d - exp(v) * total;
#else
		v = v * (d - total);
#endif
		v = mix(vec4(0), v * scale, inRow(q, width));
		WRITE(dx, r * quads + q, add, v);
	}
}
