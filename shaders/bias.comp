#version 450
#extension GL_GOOGLE_include_directive : require
// y[r c] (+)= x[r c] + b[c].  Bindings: 0 x, read: [rows][c4]   1 b, read: [c4]   2 y, write or add; x, y at the slice.
// Grid: x, z ⌈rows · c4 / 32⌉. One lane makes one vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, c4, add; };
READS(0, x)
READS(1, b)
WRITES(2, y)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x;
	if (id >= rows * c4) return;
	vec4 v = LOAD(x, id) + LOAD(b, id % c4);
	WRITE(y, id, add, v);
}
