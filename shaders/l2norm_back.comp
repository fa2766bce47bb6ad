#version 450
#extension GL_GOOGLE_include_directive : require
// dx (+)= (dy − y·(y·dy)) / n for each row, with n = ‖x‖. If ‖x‖ < ε, n = ε and the term with y·dy is 0.
// Bindings: 0 dy   1 y   2 norm, read: vec4[rows]   3 dx, write or add.  Grid: x, z ⌈rows / 32⌉, one lane per row; all bound at the slice.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint rows, quads; float eps; uint add; };
READS(0, dy)
READS(1, y)
READS(2, norm)
WRITES(3, dx)

void main() {
	uint r = GROUP * 32u + gl_LocalInvocationID.x;
	if (r >= rows) return;
	vec4 s = vec4(0);
	for (uint q = 0u; q < quads; q++) s += LOAD(y, r * quads + q) * LOAD(dy, r * quads + q);
	float n = LOAD(norm, r).x, dot = n > eps ? sum4(s) : 0.0;
	for (uint q = 0u; q < quads; q++) {
		vec4 v = (LOAD(dy, r * quads + q) - LOAD(y, r * quads + q) * dot) / n;
		WRITE(dx, r * quads + q, add, v);
	}
}
