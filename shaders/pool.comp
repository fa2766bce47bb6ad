#version 450
#extension GL_GOOGLE_include_directive : require
// Global average: y[n c] = (1/area) Σ_p x[n p c].  Bindings: 0 x, read: [n][area][c4]   1 y, write: [n][c4]; both bound at the slice.
// Grid: x, z ⌈n · c4 / 32⌉. One lane averages one vector of channels of one image.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, area, c4; };
READS(0, x)
WRITES(1, y)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x;
	if (id >= n * c4) return;
	uint from = id / c4 * area * c4 + id % c4;
	vec4 v = vec4(0);
	for (uint p = 0u; p < area; p += 4u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			vec4 z = LOAD(x, from + min(p + u, area - 1u) * c4);
			v += p + u < area ? z : vec4(0);
		}
	}
	STORE(y, id, v / float(area));
}
