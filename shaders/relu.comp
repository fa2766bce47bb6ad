#version 450
#extension GL_GOOGLE_include_directive : require
// y = max(x, 0).  Bindings: 0 x, read   1 y, write; both [n] vectors.  Grid: x, z ⌈n / 256⌉. One lane makes eight vectors, 32 apart.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n; };
READS(0, x)
WRITES(1, y)

void main() {
	[[unroll]] for (uint k = 0u; k < 8u; k++) {
		uint i = GROUP * 256u + k * 32u + gl_LocalInvocationID.x;
		vec4 v = max(LOAD(x, min(i, n - 1u)), vec4(0));
		if (i < n) STORE(y, i, v);
	}
}
