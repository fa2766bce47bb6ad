#version 450
#extension GL_GOOGLE_include_directive : require
// y (+)= scale · x, or, by sample, y (+)= s_i · x with the sample i = row0 + ⌊vector / size⌋, or, by column, y[r c] (+)= s[c] · x[r c].
// Bindings: 0 x, read   1 y, write or add; both [n] vectors   by sample: 2 s, read: floats   by column: 2 s, read: [size]
// Grid: x, z ⌈n / 256⌉. One lane makes eight vectors, 32 apart.
//! variant plain
//! variant texel -DTEXEL
//! variant sample_plain -DSAMPLE
//! variant sample_texel -DSAMPLE -DTEXEL
//! variant column_plain -DCOLUMN
//! variant column_texel -DCOLUMN -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#if defined(SAMPLE)
layout(push_constant) uniform Push { uint n, add, size, row0; };
READS(2, s)
#elif defined(COLUMN)
layout(push_constant) uniform Push { uint n, add, size; };
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
#if defined(SAMPLE)
		uint r = row0 + j / size;
		float scale = LOAD(s, r / 4u)[r % 4u];
#elif defined(COLUMN)
		vec4 scale = LOAD(s, j % size);
#endif
		vec4 v = scale * LOAD(x, j);
		if (i < n) WRITE(y, i, add, v);
	}
}
