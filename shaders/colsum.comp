#version 450
#extension GL_GOOGLE_include_directive : require
// part[chunk][c] = Σ_{rows of the chunk} x[r c]; sum.comp and reduce.comp add the chunks in a fixed order.
// Bindings: 0 x, read: [rows][c4] at the slice, which starts at chunk0   1 part, write: [chunks][c4]
// Grid: x, z ⌈chunks of the slice · c4 / 32⌉. One lane sums one vector of columns over one chunk.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "push_chunks.glsl"
READS(0, x)
WRITES(1, part)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, k = id / c4;
	uint q = k * chunk, end = min(q + chunk, rows);
	if (q >= rows) return;
	vec4 v = vec4(0);
	for (; q < end; q += 4u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			vec4 z = LOAD(x, min(q + u, end - 1u) * c4 + c);
			v += q + u < end ? z : vec4(0);
		}
	}
	part[(chunk0 + k) * c4 + c] = v;
}
