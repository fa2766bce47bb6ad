#version 450
#extension GL_GOOGLE_include_directive : require
// y = x / max(‖x‖, ε) for each row; norm[r] = max(‖x‖, ε).  Bindings: 0 x, read: [rows][quads]   1 y, write   2 norm, write: vec4[rows], lane 0
// Grid: x, z ⌈rows / 32⌉, one lane per row; all bound at the slice.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint rows, quads; float eps; };
READS(0, x)
WRITES(1, y)
WRITES(2, norm)

void main() {
	uint r = GROUP * 32u + gl_LocalInvocationID.x;
	if (r >= rows) return;
	vec4 s = vec4(0);
	for (uint q = 0u; q < quads; q++) { vec4 v = LOAD(x, r * quads + q); s += v * v; }
	float n = max(sqrt(sum4(s)), eps);
	for (uint q = 0u; q < quads; q++) y[r * quads + q] = LOAD(x, r * quads + q) / n;
	norm[r] = vec4(n, 0, 0, 0);
}
