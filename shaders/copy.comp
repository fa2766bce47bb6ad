#version 450
#extension GL_GOOGLE_include_directive : require
// y[to + i] (+)= x[from + i], in vectors.  Bindings: 0 x, read   1 y, write or add.  Grid: x, z ⌈n / 256⌉. One lane copies eight vectors, 32 apart.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, from, to, add; };
READS(0, x)
WRITES(1, y)

void main() {
	[[unroll]] for (uint k = 0u; k < 8u; k++) {
		uint i = GROUP * 256u + k * 32u + gl_LocalInvocationID.x;
		vec4 v = LOAD(x, from + min(i, n - 1u));
		if (i < n) WRITE(y, to + i, add, v);
	}
}
