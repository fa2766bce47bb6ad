#version 450
#extension GL_GOOGLE_include_directive : require
// dx[n p c] (+)= dy[n c] / area.  Bindings: 0 dy, read: [n][c4]   1 dx, write or add: [n][area][c4]; both bound at the slice.
// Grid: x, z ⌈n · area · c4 / 32⌉. One lane makes one vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, area, c4, add; };
READS(0, dy)
WRITES(1, dx)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x;
	if (id >= n * area * c4) return;
	vec4 v = LOAD(dy, id / (area * c4) * c4 + id % c4) / float(area);
	WRITE(dx, id, add, v);
}
