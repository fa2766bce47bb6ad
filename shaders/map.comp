#version 450
#extension GL_GOOGLE_include_directive : require
// Elementwise ops on two vectors.   relu_back: y (+)= a · [b > 0]    add: y = a + scale · b
// Bindings: 0 a, read   1 b, read   2 y, write or add; all [n].  Grid: x, z ⌈n / 256⌉. One lane makes eight vectors, 32 apart.
//! variant relu_back_plain -DRELU_BACK
//! variant relu_back_texel -DRELU_BACK -DTEXEL
//! variant add_plain -DADD
//! variant add_texel -DADD -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, accumulate; float scale; };
READS(0, a)
READS(1, b)
WRITES(2, y)

void main() {
	[[unroll]] for (uint k = 0u; k < 8u; k++) {
		uint i = GROUP * 256u + k * 32u + gl_LocalInvocationID.x, j = min(i, n - 1u);
#ifdef RELU_BACK
		vec4 v = mix(vec4(0), LOAD(a, j), greaterThan(LOAD(b, j), vec4(0)));
#else
		vec4 v = LOAD(a, j) + scale * LOAD(b, j);
#endif
		if (i < n) WRITE(y, i, accumulate, v);
	}
}
