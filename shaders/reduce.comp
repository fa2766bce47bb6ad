#version 450
#extension GL_GOOGLE_include_directive : require
// y[i] (+)= Σ_s part[s][i], s in order.  Bindings: 0 part, read: [parts][n]   1 y, write or add: [n], in vectors.
// Grid: x, z ⌈n / 32⌉. One lane sums one vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, parts, add; };
READS(0, part)
WRITES(1, y)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= n) return;
	vec4 v = vec4(0);
	for (uint s = 0u; s < parts; s++) v += LOAD(part, s * n + i);
	WRITE(y, i, add, v);
}
