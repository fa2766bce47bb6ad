#version 450
#extension GL_GOOGLE_include_directive : require
// y (+)= scale · x, or, by sample, y (+)= s_i · x with the sample i = row0 + ⌊vector / size⌋.
// Bindings: 0 x, read   1 y, write or add; both [n] vectors   by sample: 2 s, read: floats.  Grid: x, z ⌈n / 256⌉. One lane makes eight vectors, 32 apart.
//! variant plain
//! variant texel -DTEXEL
//! variant sample_plain -DSAMPLE
//! variant sample_texel -DSAMPLE -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#ifdef SAMPLE
layout(push_constant) uniform Push { uint n, add, size, row0; };
READS(2, s)
#else
layout(push_constant) uniform Push { uint n, add; float scale; };
#endif
READS(0, x)
WRITES(1, y)

void main() {
	[[unroll]] for (uint k = 0u; k < 8u; k++) {
		uint i = GROUP * 256u + k * 32u + gl_LocalInvocationID.x;
		uint j = min(i, n - 1u);
#ifdef SAMPLE
		uint r = row0 + j / size;
		float scale = LOAD(s, r / 4u)[r % 4u];
#endif
		vec4 v = scale * LOAD(x, j);
		if (i < n) WRITE(y, i, add, v);
	}
}
