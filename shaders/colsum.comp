#version 450
#extension GL_GOOGLE_include_directive : require
// part[chunk][c] = Σ_{rows of the chunk} x[r c]; sum.comp and reduce.comp add the chunks in a fixed order. Outside: the sum over the rows whose index is
// not one of 0 … tokens−1. Product: Σ x[r c] · z[r c].
// Bindings: 0 x, read: [rows][c4] at the slice, which starts at chunk0   1 part, write: [chunks][c4]   outside: 2 index, read: int[]
//           product: 2 z, read: as x
// Grid: x, z ⌈chunks of the slice · c4 / 32⌉. One lane sums one vector of columns over one chunk.
//! variant plain
//! variant texel -DTEXEL
//! variant outside_plain -DOUTSIDE
//! variant outside_texel -DOUTSIDE -DTEXEL
//! variant product_plain -DPRODUCT
//! variant product_texel -DPRODUCT -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#ifdef OUTSIDE
layout(push_constant) uniform Push { uint rows, chunk, chunk0, c4, tokens; };
layout(binding = 2) readonly buffer Index { int index[]; };
#define COUNTS(R) (uint(index[chunk0 * chunk + (R)]) >= tokens)
#else
#include "push_chunks.glsl"
#define COUNTS(R) true
#endif
READS(0, x)
WRITES(1, part)
#ifdef PRODUCT
READS(2, z)
#define TERM(I) (LOAD(x, I) * LOAD(z, I))
#else
#define TERM(I) LOAD(x, I)
#endif

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, k = id / c4;
	uint q = k * chunk, end = min(q + chunk, rows);
	if (q >= rows) return;
	vec4 v = vec4(0);
	for (; q < end; q += 4u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint r = min(q + u, end - 1u);
			vec4 t = TERM(r * c4 + c);
			v += q + u < end && COUNTS(r) ? t : vec4(0);
		}
	}
	part[(chunk0 + k) * c4 + c] = v;
}
